"""What is kept, and for how long: the rules of clean-up, in one table each. Pure.

The store asks them in one query each (store/archiving.py, store/expiry.py). docs/retention.md tells the reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Rule(StrEnum):
    """Why an old article stays in the library; where several apply, the first one is told."""

    FEATURED = "featured"
    KEEP_MARK = "keep_mark"
    BOOKMARKED = "bookmarked"
    RATED = "rated"
    RECENTLY_READ = "recently_read"
    PHASE_FLOOR = "phase_floor"
    LEVEL_FLOOR = "level_floor"


class Age(StrEnum):
    """What an article's age counts from."""

    ARRIVAL = "arrival"
    PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class ArticlePolicy:
    """When an article is old, and what keeps it. Days are of 24 hours; 0 days of reading and a floor of 0 are off.

    `archived_pages_days`, `archived_rows_days`: how long after its archiving an article's raw page, and the whole
    article, go; None is never.
    """

    days_old: int = 90
    age: Age = Age.ARRIVAL
    keep_rating: float = 4.0
    keep_read_days: int = 30
    phase_floor: int = 20
    level_floor: int = 20
    archived_pages_days: int | None = 30
    archived_rows_days: int | None = None

    def words(self, rule: Rule) -> str:
        """The rule for a person, with its numbers."""
        return {
            Rule.FEATURED: "featured by an editor",
            Rule.KEEP_MARK: "marked by an editor: mingus articles keep",
            Rule.BOOKMARKED: "bookmarked by a reader",
            Rule.RATED: f"rated {self.keep_rating:g} or better, on average",
            Rule.RECENTLY_READ: f"read within {self.keep_read_days} days",
            Rule.PHASE_FLOOR: f"among the last {self.phase_floor} of their phase",
            Rule.LEVEL_FLOOR: f"among the last {self.level_floor} of their level",
        }[rule]


@dataclass(frozen=True, slots=True)
class ArchivePlan:
    """Which articles would be archived, oldest first, and how many old ones each rule keeps (every rule named)."""

    ids: tuple[int, ...]
    kept: Mapping[Rule, int]

    @property
    def old(self) -> int:
        """How many are old."""
        return len(self.ids) + sum(self.kept.values())


class Expiring(StrEnum):
    """What the cache clean-up looks through, in this order."""

    LISTS = "recommendation_lists"
    PAGES = "raw_pages"
    ANSWERS = "model_answers"
    MAILS = "mail_bodies"
    JOBS = "jobs"
    OUTCOMES = "article_outcomes"
    FOLLOW_UPS = "follow_ups"


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """How long what can be had again, or has done its work, is kept; None is for ever."""

    lists: timedelta | None = timedelta(days=30)
    pages: timedelta | None = timedelta(days=365)
    answers: timedelta | None = timedelta(days=180)
    mails: timedelta | None = timedelta(days=90)
    jobs: timedelta | None = timedelta(days=90)
    outcomes: timedelta | None = timedelta(days=365)
    logs: timedelta | None = timedelta(days=30)

    def age(self, what: Expiring) -> timedelta | None:
        """How old it may become."""
        return {
            Expiring.LISTS: self.lists,
            Expiring.PAGES: self.pages,
            Expiring.ANSWERS: self.answers,
            Expiring.MAILS: self.mails,
            Expiring.JOBS: self.jobs,
            Expiring.OUTCOMES: self.outcomes,
            Expiring.FOLLOW_UPS: self.jobs,
        }[what]


@dataclass(slots=True)
class Freed:
    """What one part of a clean-up took away: how many, and the bytes that they held. Grows as it goes."""

    what: str
    removed: int = 0
    bytes: int = 0
    left: bool = False  # there was no time for all of it


# The whole name, so that copies under other names, and stores put aside, are never rotated away.
_BACKUP = re.compile(r"mingus-(\d{8}T\d{6}Z)\.db")
_MOMENT = "%Y%m%dT%H%M%SZ"


def backup_name(moment: datetime) -> str:
    """The file name of a backup of that time, such as mingus-20260309T040000Z.db; `moment` must be aware."""
    return f"mingus-{moment.astimezone(UTC):{_MOMENT}}.db"


def backup_moment(name: str) -> datetime | None:
    """When the backup of that name was made; None for a file that is no rotated backup."""
    # By the name, not by the file's time, which copying changes.
    match = _BACKUP.fullmatch(name)
    try:
        return datetime.strptime(match[1], _MOMENT).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def backups_kept(moments: Iterable[datetime], daily: int, weekly: int, now: datetime) -> set[datetime]:
    """Which backups stay: the last one of each of the newest `daily` days and `weekly` ISO weeks that have one.

    Those of a time to come stay too, and take no other one's place: a clock that was wrong costs no backup.
    """
    by_day: dict[object, datetime] = {}
    by_week: dict[object, datetime] = {}
    there = set(moments)
    ahead = {moment for moment in there if moment > now}
    # In order, so that the last one of a day or week is the one that is kept.
    for moment in sorted(there - ahead):
        by_day[moment.date()] = moment
        by_week[moment.isocalendar()[:2]] = moment
    # Newest first of those that exist, so that a pause in backups ages none of them away.
    days, weeks = sorted(by_day.values(), reverse=True), sorted(by_week.values(), reverse=True)
    return {*days[:daily], *weeks[:weekly], *ahead}
