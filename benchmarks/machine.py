"""The machine the figures were taken on."""

from __future__ import annotations

import os
import platform
from pathlib import Path

KIB_PER_GIB = 1 << 20


def machine() -> str:
    """CPU model, cores this process may use, memory, kernel, Python and the load of the last minute."""
    return (
        f"{_first('/proc/cpuinfo', 'model name') or platform.machine()}, {cores()} cores, "
        f"{memory_gib():.0f} GiB, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )


def cores() -> int:
    """The cores this process may use."""
    return len(os.sched_getaffinity(0))


def memory_gib() -> float:
    """The machine's memory, GiB."""
    return int((_first("/proc/meminfo", "MemTotal") or "0").split()[0]) / KIB_PER_GIB


def _first(path: str, key: str) -> str | None:
    """The value of the first `key: value` line of a file under /proc."""
    for line in Path(path).read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return None
