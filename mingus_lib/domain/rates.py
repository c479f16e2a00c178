"""When jobs of a limited task will start, and how many requests may leave in any second. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

# Two requests may reach a server so much closer to each other than they left, seconds.
JITTER_SECONDS = 0.1
# A request that is on its way out for longer than this counts as gone: its process is dead, or stands still.
LEASE_SECONDS = 30.0


def starts(
    slots: Sequence[float], ahead: int, count: int, *, jobs: int, period: float, now: float
) -> list[float]:
    """When each of `count` new jobs may start at the earliest, with `ahead` jobs of the task before them.

    Unix times. `slots` are the starts of the last `period` seconds and the ones that are kept for jobs that wait;
    in any such period no more than `jobs` start. The rule is that of the script ADMIT.
    """
    # Only the newest of them can hold up the next start.
    window = deque(sorted(slots)[-jobs:], maxlen=jobs)
    found = []
    for _ in range(ahead + count):
        free = max(now, window[0] + period) if len(window) == jobs else now
        # Jobs start in their order: a slot that came free earlier is not overtaken.
        window.append(max(free, window[-1]) if window else free)
        found.append(window[-1])
    return found[ahead:]


@dataclass(slots=True)
class Window:
    """At most `most` requests in any `width` seconds, as the one who gets them counts: a sliding log.

    A request holds its place from before its first byte leaves until `width` seconds after its last one did, so that
    one that is held up in between is never followed too soon. Times are seconds of one clock.
    """

    most: int
    width: float
    leaves: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, per_second: float) -> Window:
        """For a rate. Whole requests count: 3.5 a second are 3, 0.5 are one in two seconds."""
        return cls(max(1, int(per_second)), max(1.0, 1 / per_second) + JITTER_SECONDS)

    @property
    def lease(self) -> float:
        """Seconds that a place is held for a request that does not tell that it has left."""
        return self.width + LEASE_SECONDS

    def enter(self, permit: str, now: float) -> float:
        """0 takes a place; else the seconds until the first one that is taken comes free, unless sooner told."""
        self.leaves = {each: until for each, until in self.leaves.items() if until > now}
        if len(self.leaves) >= self.most:
            return min(self.leaves.values()) - now
        self.leaves[permit] = now + self.lease
        return 0.0

    def left(self, permit: str, now: float) -> None:
        """The request's last byte is out."""
        self.leaves[permit] = now + self.width
