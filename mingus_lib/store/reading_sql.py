"""How events become figures: the one place where SQL says what a reader of an article, a finish or a rating is.

A reader counts once for an article, with the longest time, the deepest scroll and the last word on stars, help and
bookmark. Last words are found as the greatest of `time * n + word`, so that any order of arrival gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

# An application that sends nonsense must not make a sum overflow: a day of reading, a whole page, five stars.
LONGEST_SECONDS = 86_400
_AT = "coalesce(CAST(strftime('%s', at) AS INTEGER), 0)"
# Named, because SQLite would read all events in the order of a grouping, or a reader's whole life for one article.
DONE = "events INDEXED BY events_done WHERE kind <> 'recommended'"
SHOWN = "events INDEXED BY events_shown WHERE kind = 'recommended'"
OPENED = "kind IN ('viewed', 'started', 'finished')"
# What readers may be shown now.
PUBLISHED = "SELECT id FROM articles WHERE status = 'published' AND is_active = 1"
# A sign of reading answers a showing (domain/readers.READING).
SIGN = "kind NOT IN ('recommended', 'unbookmarked')"

# What one reader did with one article: grouped by article and reader.
PAIR = f"""
sum(kind <> 'recommended') AS events, sum(kind = 'viewed') AS views, sum(kind = 'started') AS starts,
sum(kind = 'finished') AS finishes, sum(kind = 'bookmarked') AS bookmarks, sum(kind = 'shared') AS shares,
max({OPENED}) AS opened, max(kind = 'finished') AS finished,
max(CASE WHEN time_spent_seconds >= 0 THEN min(time_spent_seconds, {LONGEST_SECONDS}) END) AS seconds,
max(CASE WHEN scroll_depth >= 0 THEN min(scroll_depth, 100) END) AS depth,
max(CASE WHEN rating BETWEEN 1 AND 5 THEN {_AT} * 8 + rating END) AS rated,
max(CASE WHEN found_helpful IN (0, 1) THEN {_AT} * 2 + found_helpful END) AS told,
max(CASE WHEN kind IN ('bookmarked', 'unbookmarked') THEN {_AT} * 2 + (kind = 'bookmarked') END) AS kept,
max(kind = 'shared') AS shared,
min(CASE WHEN kind = 'recommended' THEN at END) AS shown_at, max(CASE WHEN {SIGN} THEN at END) AS sign_at,
max(CASE WHEN kind <> 'recommended' THEN at END) AS last_at
"""
# Of a time before 1970, % is negative.
_STARS, _HELPED, _KEPT = "((rated % 8 + 8) % 8)", "(told % 2 <> 0)", "(kept % 2 <> 0)"
SUMS = {
    "events": "sum(events)",
    "views": "sum(views)",
    "starts": "sum(starts)",
    "finishes": "sum(finishes)",
    "bookmarks": "sum(bookmarks)",
    "shares": "sum(shares)",
    "readers": "sum(opened)",
    "finishers": "sum(finished)",
    "timed": "count(seconds)",
    "seconds": "coalesce(sum(seconds), 0)",
    "scrolled": "count(depth)",
    "depth": "coalesce(sum(depth), 0)",
    "raters": "count(rated)",
    "stars": f"coalesce(sum({_STARS}), 0)",
    "told": "count(told)",
    "helped": f"coalesce(sum({_HELPED}), 0)",
    "keepers": f"coalesce(sum({_KEPT}), 0)",
    "fans": f"sum(shared OR coalesce({_KEPT}, 0))",
    "shown": "count(shown_at)",
    "answered": "coalesce(sum(sign_at >= shown_at), 0)",
    "last_at": "max(last_at)",
}
ADDED = tuple(name for name in SUMS if name != "last_at")
SUMMED = ", ".join(f"{sql} AS {name}" for name, sql in SUMS.items())


@dataclass(frozen=True, slots=True)
class Spans:
    """Adjoining spans of time as a statement takes them: its first parameters are the instants between them."""

    texts: tuple[str, ...]

    @classmethod
    def of(cls, instants: Sequence[datetime]) -> Spans:
        """The spans between these, oldest first."""
        # Without fractions and zone: so the text is a beginning of, and sorts before, both ways times are written.
        return cls(tuple(each.astimezone(UTC).isoformat(timespec="seconds")[:19] for each in instants))

    @property
    def count(self) -> int:
        """How many."""
        return len(self.texts) - 1

    def numbers(self, rows: Iterable[Sequence[int]]) -> list[int]:
        """The numbers of rows of (place, number), one for each span: 0 where there is no row."""
        found = {row[0]: row[1] for row in rows}
        return [found.get(place, 0) for place in range(self.count)]

    def within(self, column: str) -> str:
        """The condition that a time is in one of them."""
        return f"{column} >= ?1 AND {column} < ?{len(self.texts)}"

    def place(self, column: str) -> str:
        """In which one, from 0."""
        return " + ".join(f"({column} >= ?{number})" for number in range(2, len(self.texts))) or "0"
