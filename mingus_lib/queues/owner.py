"""Who holds a running job: a process of a host, told from every other one, also from its successor.

A host is one boot of one machine and one PID namespace in it, so a container is a host of its own.
"""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from functools import cache
from pathlib import Path

WORD = re.compile(r"[A-Za-z0-9_.-]{1,100}")
# Bounded: Python refuses to read thousands of digits, and the kernel takes no pid beyond an int.
_PROCESS = re.compile(rf"({WORD.pattern}) ([0-9]{{1,9}}) ([0-9]{{1,18}})")


@dataclass(frozen=True, slots=True)
class Process:
    """A process; `started` is its start in clock ticks since boot (proc(5)), which a reused pid does not share."""

    host: str
    pid: int
    started: int

    @classmethod
    def this(cls) -> Process:
        """The calling process."""
        return cls(this_host(), os.getpid(), start_time(os.getpid()) or 0)

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.started}"

    def send(self, number: signal.Signals) -> bool:
        """Send it a signal; False when it is on another host, is another user's, or has ended.

        The pid cannot be reused between the look and the signal: both go through the same handle.
        """
        if self.host != this_host():
            return False
        try:
            handle = os.pidfd_open(self.pid)
        except OSError:
            return False
        try:
            if self.gone:
                return False
            signal.pidfd_send_signal(handle, number)
        except OSError:
            return False
        finally:
            os.close(handle)
        return True

    @classmethod
    def parse(cls, words: str) -> Process | None:
        """The process of such words, None for what are none: Redis is not trusted to hold ours."""
        found = _PROCESS.fullmatch(words)
        return None if found is None else cls(found[1], int(found[2]), int(found[3]))

    @property
    def gone(self) -> bool:
        """Whether it is known to have ended: only a process of this host can be known so."""
        return self.host == this_host() and start_time(self.pid) != self.started


@dataclass(frozen=True, slots=True)
class Owner:
    """The holder of a job that was taken from `queue`; its text is the token kept in Redis and the ledger."""

    process: Process
    worker: str
    execution: str
    queue: str

    def __str__(self) -> str:
        return f"{self.process} {self.worker} {self.execution} {self.queue}"

    @classmethod
    def parse(cls, token: str) -> Owner | None:
        """The owner of a token, None for what is not one: Redis is not trusted to hold ours."""
        words = token.split(" ")
        process = Process.parse(" ".join(words[:3]))
        if process is None or len(words) != 6 or not all(WORD.fullmatch(word) for word in words[3:]):
            return None
        return cls(process, *words[3:])


# It changes neither in a process's life nor with a fork, and is asked for with every owner.
@cache
def this_host() -> str:
    """The boot and the PID namespace of this process, as one word."""
    # Twelve hex digits are enough to tell boots apart, in a token that every running job carries.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()[:13]
    # The containers of a host share its boot id, but a pid means something else in each.
    namespace = "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
    return f"{boot}.{namespace}"


def start_time(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None when it has ended (a zombie has)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return None
    # The name in parentheses may hold anything; what follows is state, ppid, ... starttime.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def resident_bytes(pid: int) -> int:
    """Memory of the process that is in RAM, in bytes; 0 when it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
