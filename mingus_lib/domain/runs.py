"""Runs of jobs taken together: how many, how they ended, how long they took. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# Upper bounds in seconds: eight a decade, so that an estimate is off by a tenth or two at most.
BOUNDS: tuple[float, ...] = tuple(
    # They stand in a trigger of the store as well: to change them takes a migration.
    round(step * 10.0**decade, 6)
    for decade in range(-3, 4)
    for step in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5)
    if step * 10.0**decade <= 3000
)
# The bucket of what is longer than all bounds.
BEYOND = 1e9


def percentile(counts: Mapping[float, int], share: float, longest: float) -> float | None:
    """The duration, in seconds, that a `share` (0 to 1) of the runs does not exceed; None without a run.

    `counts` are runs by bucket. Within a bucket the runs are taken as spread evenly, as Prometheus'
    histogram_quantile does; nothing is estimated above `longest`, the longest run seen.
    """
    wanted, below = share * sum(counts.values()), 0
    for upper, runs in sorted(counts.items()):
        # An empty bucket has no inside: a share of 0 would divide by nothing.
        if runs and below + runs >= wanted:
            lower = max((bound for bound in BOUNDS if bound < upper), default=0.0)
            inside = (wanted - below) / runs
            return min(longest, lower + (min(upper, longest) - lower) * inside)
        below += runs
    return None


@dataclass
class Runs:
    """Some runs: how many by outcome (finished, dead, cancelled, lost) and by bucket; `seconds` all together."""

    outcomes: dict[str, int] = field(default_factory=dict)
    buckets: dict[float, int] = field(default_factory=dict)
    seconds: float = 0.0
    longest: float = 0.0

    @property
    def total(self) -> int:
        """How many."""
        return sum(self.outcomes.values())

    @property
    def failed(self) -> int:
        """Those that failed or lost their process; a cancelled one did neither."""
        return self.outcomes.get("dead", 0) + self.outcomes.get("lost", 0)

    @property
    def failure_share(self) -> float:
        """From 0 to 1; 0 without a run."""
        return self.failed / self.total if self.total else 0.0

    def percentile(self, share: float) -> float | None:
        """As above, of these runs."""
        return percentile(self.buckets, share, self.longest)

    def add(self, other: Runs) -> None:
        """Take in other runs."""
        for outcome, runs in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + runs
        for upper, runs in other.buckets.items():
            self.buckets[upper] = self.buckets.get(upper, 0) + runs
        self.seconds += other.seconds
        self.longest = max(self.longest, other.longest)


def together(parts: Iterable[Runs]) -> Runs:
    """Several taken together."""
    whole = Runs()
    for part in parts:
        whole.add(part)
    return whole
