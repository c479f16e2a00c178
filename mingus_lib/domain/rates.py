"""When jobs of a limited task will start. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence


def starts(
    slots: Sequence[float], ahead: int, count: int, *, jobs: int, period: float, now: float
) -> list[float]:
    """When each of `count` new jobs may start at the earliest, with `ahead` jobs of the task before them.

    Unix times. `slots` are the starts of the last `period` seconds and the ones that are kept for jobs that wait;
    in any such period no more than `jobs` start. The rule is that of the script ADMIT.
    """
    window = deque(sorted(slots)[-jobs:], maxlen=jobs)
    found = []
    for _ in range(ahead + count):
        free = max(now, window[0] + period) if len(window) == jobs else now
        window.append(max(free, window[-1]) if window else free)
        found.append(window[-1])
    return found[ahead:]
