"""Workers everywhere, told to leave after the job in hand; a supervisor leaves with all of its workers."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from mingus_lib.domain.spans import parse_span
from mingus_lib.domain.words import nearest
from mingus_lib.errors import NotFound, RedisUnavailable, UsageError
from mingus_lib.queues import status
from mingus_lib.queues.connection import translated
from mingus_lib.queues.control import Control, Handle
from mingus_lib.queues.owner import this_host
from mingus_lib.queues.status import WorkerState

if TYPE_CHECKING:
    from redis import Redis

POLL_SECONDS = 0.1


class Told(NamedTuple):
    """What became of one worker: `asked`, `gone` or `unheard`, and how it was told."""

    name: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """How far the leaving is: `done` of `total` workers are gone."""

    done: int
    total: int
    counts: dict[str, int]
    text: str
    told: tuple[Told, ...]


def listed(client: Redis | None, where: str) -> list[WorkerState]:
    """Every worker as it last reported itself; none without a Redis. Raises RedisUnavailable."""
    if client is None:
        return []
    with translated(where):
        return status.worker_states(client)


def patience(text: str) -> float:
    """Seconds to wait at most. Raises UsageError."""
    return parse_span(text, "--timeout").total_seconds()


def planned(handles: Sequence[Handle]) -> list[Told]:
    """Who would be asked, for --dry-run."""
    return [Told(handle.name, "gone" if handle.gone else "asked", "") for handle in handles]


def choose(control: Control | None, names: Sequence[str], *, everything: bool) -> list[Handle]:
    """The workers named, with those that share their supervisor, since they end together; none without a Redis.

    Raises UsageError and NotFound.
    """
    if bool(names) is everything:
        raise UsageError("which workers? name them, or say --all")
    handles = control.handles() if control is not None else []
    known = [handle.name for handle in handles]
    for name in names:
        if name not in known:
            there = ", ".join(known) or "none"
            raise NotFound(f"no worker named {name!r}{nearest(name, known)}; there are: {there}")
    if everything:
        return handles
    ending = {handle.supervisor for handle in handles if handle.name in names and _is_here(handle)}
    return [h for h in handles if h.name in names or (h.supervisor in ending and h.supervisor is not None)]


def stop(control: Control, handles: Sequence[Handle]) -> list[Told]:
    """Tell each to leave after its job; nobody is told twice, which would mean at once."""
    living = {handle.name for handle in handles if not handle.gone}
    # One script decides: where two operators stop a worker at once, one of them sends the signal.
    new = set(control.tell_once(sorted(living), datetime.now(UTC).isoformat()))
    # A set: to the supervisor of several workers a second signal would mean at once.
    supervisors = {h.supervisor for h in handles if h.name in new and h.supervisor and _is_here(h)}
    signalled = {supervisor for supervisor in supervisors if supervisor.send(signal.SIGTERM)}

    def told(handle: Handle) -> Told:
        # By what was seen before the signals: an idle worker is gone at once.
        if handle.name not in living:
            return Told(handle.name, "gone", "its process had ended before")
        if handle.name not in new:
            return Told(handle.name, "asked", "it had been asked before")
        return _tell(control, handle, signalled=handle.supervisor in signalled)

    return [told(handle) for handle in handles]


def _tell(control: Control, handle: Handle, *, signalled: bool) -> Told:
    if signalled and handle.supervisor is not None:
        return Told(handle.name, "asked", f"SIGTERM to its supervisor, pid {handle.supervisor.pid}")
    if control.shut_down(handle.name):
        return Told(handle.name, "asked", "told through Redis")
    return Told(handle.name, "unheard", "it does not listen to Redis")


def _is_here(handle: Handle) -> bool:
    supervisor = handle.supervisor
    # A pid means something on its own host only.
    return supervisor is not None and supervisor.host == this_host() and not supervisor.gone


def follow(
    control: Control, told: Sequence[Told], handles: Sequence[Handle], seconds: float
) -> Iterator[Leaving]:
    """Snapshots until all are gone, or so many seconds have passed."""
    deadline = time.monotonic() + seconds
    while True:
        left = _left(control, handles)
        now = [each if each.name in left else each._replace(outcome="gone") for each in told]
        counts = dict(Counter(each.outcome for each in now))
        yield Leaving(len(now) - len(left), len(now), counts, ", ".join(sorted(left)), tuple(now))
        if not left or time.monotonic() >= deadline:
            return
        time.sleep(POLL_SECONDS)


def _left(control: Control, handles: Sequence[Handle]) -> set[str]:
    """Whose process lives; of another host's, whose registration is there."""
    away = {handle.name for handle in handles if not _knowable(handle)}
    registered: set[str] = set()
    if away:
        try:
            registered = {handle.name for handle in control.handles()}
        except RedisUnavailable:
            # Without Redis nobody can tell: none is called gone on a guess.
            registered = away
    here = {handle.name for handle in handles if _knowable(handle) and not handle.gone}
    return here | (away & registered)


def _knowable(handle: Handle) -> bool:
    return handle.process is not None and handle.process.host == this_host()
