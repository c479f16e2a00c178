"""Queues held back by an operator: noted in the store, so that no loss of Redis lifts it, and told to Redis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mingus_lib.errors import RedisUnavailable, UsageError
from mingus_lib.queues import catalog
from mingus_lib.queues.control import Control

if TYPE_CHECKING:
    from mingus_lib.store.interventions import Interventions


def chosen(queues: Sequence[str], *, everything: bool) -> Sequence[str]:
    """The queues named or, with `everything`, all. Raises UsageError and NotFound."""
    if bool(queues) is everything:
        raise UsageError("which queues? name them, or say --all")
    return catalog.QUEUES if everything else catalog.check_queues(queues)


def pause(control: Control, hand: Interventions, queues: Sequence[str]) -> list[dict[str, Any]]:
    """Give out no more of their jobs; the documented shape of `pause --json`. Raises RedisUnavailable."""
    # Only what this changes may be undone: a queue that was paused before stays so.
    changed = hand.pause(queues)
    _or_undo(lambda: control.pause(queues), lambda: hand.resume(changed))
    return _rows(queues, changed, paused=True)


def resume(control: Control, hand: Interventions, queues: Sequence[str]) -> list[dict[str, Any]]:
    """Give their jobs out again. Raises RedisUnavailable."""
    changed = hand.resume(queues)
    _or_undo(lambda: control.resume(queues), lambda: hand.pause(changed))
    return _rows(queues, changed, paused=False)


def _or_undo(tell: Callable[[], None], undo: Callable[[], object]) -> None:
    try:
        tell()
    except RedisUnavailable:
        # Left in the store, a pause that was told as failed would be made good by a keeper later.
        undo()
        raise


def _rows(names: Sequence[str], changed: Sequence[str], *, paused: bool) -> list[dict[str, Any]]:
    return [{"queue": name, "paused": paused, "changed": name in changed} for name in names]
