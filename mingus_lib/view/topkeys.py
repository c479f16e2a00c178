"""Where a person is in `mingus top`, and what a key leads to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple


class Item(NamedTuple):
    """A row that can be chosen. `kind` is queue, running or failure; `name` is its queue or job id."""

    kind: str
    name: str
    queue: str
    paused: bool = False


class Wish(NamedTuple):
    """What is to be done: pause, resume, retry or cancel, to a queue or a job; quit."""

    what: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """The chosen row, the filter, what the keys mean now (`mode`), and the last thing said."""

    chosen: Item | None = None
    filter: str = ""
    mode: str = "watch"
    asked: Wish | None = None
    said: str = ""


def press(place: Place, key: str, items: Sequence[Item]) -> tuple[Place, Wish | None]:
    """The place after that key, and what is to be done."""
    if place.mode == "help":
        return replace(place, mode="watch"), None
    if place.mode == "filter":
        return _type(place, key), None
    if place.mode == "confirm":
        # Any other key is a no.
        return replace(place, mode="watch", asked=None, said=""), place.asked if key in ("y", "Y") else None
    return _watch(replace(place, said=""), key, items)


def _type(place: Place, key: str) -> Place:
    if key == "escape":
        return replace(place, mode="watch", filter="")
    if key == "enter":
        return replace(place, mode="watch")
    if key == "backspace":
        return replace(place, filter=place.filter[:-1])
    return replace(place, filter=place.filter + key) if len(key) == 1 else place


def _watch(place: Place, key: str, items: Sequence[Item]) -> tuple[Place, Wish | None]:
    moves = {"down": 1, "j": 1, "up": -1, "k": -1, "page-down": 10, "page-up": -10}
    if key in ("q", "Q"):
        return place, Wish("quit")
    if key in ("?", "h"):
        return replace(place, mode="help"), None
    if key == "/":
        return replace(place, mode="filter"), None
    if key == "escape":
        return replace(place, filter="", chosen=None), None
    if key in moves:
        return replace(place, chosen=_moved(place.chosen, moves[key], items)), None
    return _act(place, key, now(place.chosen, items))


def now(chosen: Item | None, items: Sequence[Item]) -> Item | None:
    """The chosen row as it is now: the same queue or job; None when it is no longer there."""
    if chosen is None:
        return None
    # By kind and name: whether it is paused may have changed, perhaps by the last key.
    return next((item for item in items if item[:2] == chosen[:2]), None)


def _moved(chosen: Item | None, step: int, items: Sequence[Item]) -> Item | None:
    if not items:
        return None
    here = now(chosen, items)
    at = items.index(here) + step if here is not None else (0 if step > 0 else len(items) - 1)
    return items[min(len(items) - 1, max(0, at))]


def _act(place: Place, key: str, item: Item | None) -> tuple[Place, Wish | None]:
    if key not in ("p", "r", "c"):
        return place, None
    if item is None:
        return replace(place, said="choose a row first: the arrow keys, or j and k"), None
    if key == "p":
        return place, Wish("resume" if item.paused else "pause", item.queue)
    if key == "r" and item.kind == "failure":
        return place, Wish("retry", item.name)
    if key == "c" and item.kind == "running":
        wish = Wish("cancel", item.name)
        # Only this is asked about: it ends work in hand, where a pause or a retry takes nothing away.
        return replace(place, mode="confirm", asked=wish, said=f"cancel job {item.name}? y or n"), None
    wanted = "a failed job" if key == "r" else "a running job"
    return replace(place, said=f"{key} is for {wanted}"), None
