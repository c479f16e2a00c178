"""The words for where things stand. Apart from models.py, because `status` must start fast."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class ArticleStatus(StrEnum):
    """Where an article stands; a missing classification is derived, not a status."""

    # The store takes no other words: a new one needs a migration.
    PENDING = "pending"
    HELD = "held"
    REJECTED = "rejected"
    REVIEW = "review"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class Outcome(StrEnum):
    """What became of one address in one job."""

    ADDED = "added"
    DUPLICATE = "duplicate"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    FAILED = "failed"


class Failure(NamedTuple):
    """One thing that went wrong lately: an address of a job, or a whole job (`what` is then its task)."""

    what: str
    job_id: str
    reason: str | None
    at: datetime


class NextSlot(NamedTuple):
    """The next slot of an entry of the timetable."""

    name: str
    task: str
    next_at: datetime


class StoreSummary(NamedTuple):
    """The store's part of `mingus status`; size in bytes, the log included."""

    path: str
    size: int
    store_id: str
    articles: dict[ArticleStatus, int]
    failures: tuple[Failure, ...] = ()
    schedule: tuple[NextSlot, ...] = ()
