"""Readers, what they do, and what follows from it. Events are facts and never change; the rest is derived. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

DEVICES = ("mobile", "desktop", "tablet")


class EventKind(StrEnum):
    """What a reader did."""

    VIEWED = "viewed"
    STARTED = "started"
    FINISHED = "finished"
    BOOKMARKED = "bookmarked"
    UNBOOKMARKED = "unbookmarked"
    RATED = "rated"
    SHARED = "shared"
    RECOMMENDED = "recommended"  # was shown in a list
    CLICKED = "clicked"


KINDS = tuple(kind.value for kind in EventKind)
# What a reader does, as opposed to what is shown to them.
READING = tuple(kind for kind in KINDS if kind not in ("recommended", "unbookmarked"))

# How much one event tells that an article was worth it, 0-1. A rating's tells by its stars.
STRENGTHS = {
    "finished": 1.0, "shared": 0.9, "bookmarked": 0.8, "started": 0.4, "viewed": 0.25, "clicked": 0.2,
    "recommended": 0.0, "unbookmarked": 0.0,
}  # fmt: skip
RATED = {1: 0.0, 2: 0.1, 3: 0.5, 4: 0.9, 5: 1.0}
# A strength halves in so many days.
HALF_LIFE_DAYS = 180.0


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who reads. `goals` are topics. `number` is the store's own, 0 before it is stored."""

    id: str
    name: str | None = None
    income_range: str | None = None
    career_stage: str | None = None
    goals: tuple[str, ...] = ()
    created_at: datetime | None = None
    number: int = 0


class Event(NamedTuple):
    """One thing a reader did, at an aware time. `details`: what a rating or bookmark says besides.

    A tuple, because ten million are made in an import: a frozen dataclass takes four times as long.
    """

    id: str
    article_id: int
    kind: str
    at: datetime
    time_spent_seconds: int | None = None
    scroll_depth: int | None = None
    found_helpful: bool | None = None
    device: str | None = None
    source: str | None = None
    rating: int | None = None
    details: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What follows from a reader's events. Streaks are days in a row (UTC); the present one may end yesterday."""

    finished: tuple[int, ...] = ()
    under_way: tuple[int, ...] = ()
    bookmarks: dict[int, str] = field(default_factory=dict)
    ratings: dict[int, int] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    reading_seconds: int = 0
    streak_days: int = 0
    longest_streak_days: int = 0
    last_active: datetime | None = None


def progress(events: Sequence[Event], today: date) -> Progress:
    """Derive everything from the events, in any order. The last word counts for bookmarks and ratings."""
    # By id within one instant, or the order of a store would decide which word is the last.
    ordered = sorted(events, key=lambda event: (event.at, event.id))
    finished = dict.fromkeys(event.article_id for event in ordered if event.kind == EventKind.FINISHED)
    begun = dict.fromkeys(event.article_id for event in ordered if event.kind == EventKind.STARTED)
    active = [event for event in ordered if event.kind in READING]
    now, longest = streaks({event.at.date() for event in active}, today)
    return Progress(
        finished=tuple(finished),
        under_way=tuple(article for article in begun if article not in finished),
        bookmarks=_bookmarks(ordered),
        ratings={event.article_id: event.rating for event in ordered if event.rating is not None},
        events=dict(Counter(event.kind for event in ordered)),
        reading_seconds=sum(event.time_spent_seconds or 0 for event in ordered),
        streak_days=now,
        longest_streak_days=longest,
        last_active=active[-1].at if active else None,
    )


def _bookmarks(ordered: Iterable[Event]) -> dict[int, str]:
    found: dict[int, str] = {}
    for event in ordered:
        if event.kind == EventKind.BOOKMARKED:
            found[event.article_id] = (event.details or {}).get("folder", "General")
        elif event.kind == EventKind.UNBOOKMARKED:
            found.pop(event.article_id, None)
    return found


def streaks(days: set[date], today: date) -> tuple[int, int]:
    """The days in a row up to today or yesterday, and the most there ever were."""
    longest = 0
    for day in days:
        # Walked from their first days alone, so that no day is looked at twice.
        if day - timedelta(1) not in days:
            longest = max(longest, _run(days, day))
    # Yesterday will do: today's reading may be still to come.
    last = today if today in days else today - timedelta(1)
    present = 0
    while last - timedelta(present) in days:
        present += 1
    return present, longest


def _run(days: set[date], start: date) -> int:
    length = 1
    while start + timedelta(length) in days:
        length += 1
    return length
