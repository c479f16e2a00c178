"""Looks at a running library every two seconds: memory, open files, Redis' memory, file sizes."""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from claims import Claim

EVERY_SECONDS = 2.0
MEGABYTE = 1_000_000
# By how much it may have grown from the second to the last quarter of a run.
LIMITS = {"largest process, MB": 1.15, "all processes, MB": 1.15, "open files": 1.15, "Redis, MB": 1.25}
# The store's write-ahead log is folded back at 65 MB, when no reader is in the way.
LOG_MEGABYTES = 150
LOG = "write-ahead log, MB"
Sample = dict[str, float]


def redis_of(home: Path) -> psutil.Process | None:
    """The library's own Redis, if it runs."""
    with contextlib.suppress(OSError, ValueError, psutil.NoSuchProcess):
        found = psutil.Process(int((home / "redis" / "redis.pid").read_text()))
        return found if found.name().startswith(("redis", "valkey")) else None
    return None


class Watch:
    """Samples while the block runs."""

    def __init__(self, home: Path, root: Callable[[], int | None]) -> None:
        self.samples: list[tuple[float, Sample]] = []
        self._home, self._root = home, root
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def series(self) -> Mapping[str, list[tuple[float, float]]]:
        """By measure: (minutes since the begin, value)."""
        names = self.samples[-1][1] if self.samples else {}
        begun = self.samples[0][0] if self.samples else 0.0
        return {
            name: [((at - begun) / 60, sample[name]) for at, sample in self.samples if name in sample]
            for name in names
        }

    def growth(self) -> dict[str, float]:
        """By measure: median of the last quarter over that of the second."""
        quarter = max(1, len(self.samples) // 4)
        early, late = self.samples[quarter : 2 * quarter], self.samples[-quarter:]
        return {name: _median(late, name) / max(_median(early, name), 1.0) for name in LIMITS}

    def claims(self) -> list[Claim]:
        """What must not grow, and has not."""
        grown = [
            Claim(f"{name.split(',')[0]}: last quarter / second", ratio, "<=", LIMITS[name], " x")
            for name, ratio in self.growth().items()
        ]
        log = max((sample[LOG] for _, sample in self.samples), default=0.0)
        return [*grown, Claim("write-ahead log at its longest", log, "<=", LOG_MEGABYTES, " MB")]

    def last(self) -> Sample:
        return self.samples[-1][1] if self.samples else {}

    def _run(self) -> None:
        while not self._ended.wait(EVERY_SECONDS):
            if sample := self._look():
                self.samples.append((time.monotonic(), sample))

    def _look(self) -> Sample | None:
        pid = self._root()
        sizes, files = [], 0
        with contextlib.suppress(psutil.NoSuchProcess):
            top = psutil.Process(pid) if pid else None
            for process in [top, *top.children(recursive=True)] if top else []:
                with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                    sizes.append(process.memory_info().rss)
                    files += process.num_fds()
        redis = redis_of(self._home)
        if not sizes or redis is None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            return {
                "largest process, MB": max(sizes) / MEGABYTE,
                "all processes, MB": sum(sizes) / MEGABYTE,
                "open files": float(files),
                "Redis, MB": redis.memory_info().rss / MEGABYTE,
                "store, MB": _size(self._home, "*.db"),
                LOG: _size(self._home, "*.db-wal"),
                "append-only file, MB": _size(self._home / "redis", "**/*aof*"),
            }
        return None


def _median(samples: list[tuple[float, Sample]], name: str) -> float:
    return statistics.median(sample[name] for _, sample in samples) if samples else 0.0


def _size(folder: Path, pattern: str) -> float:
    total = 0
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total / MEGABYTE
