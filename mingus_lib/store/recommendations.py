"""Readers' lists, what they are made from, and what became of them."""

# ruff: noqa: S608  (statements are put together from constants and the gate's conditions only)

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.gate import EVERYTHING, Levels
from mingus_lib.domain.library import Article
from mingus_lib.domain.recommend.facts import ArticleFacts, Suggestion, quality_of
from mingus_lib.store import article_rows, gate_sql
from mingus_lib.store.article_rows import LISTED_SQL
from mingus_lib.store.database import Row, Store
from mingus_lib.store.events import EPOCH_DAY
from mingus_lib.store.values import as_text, as_time

# Everything is "open" here: whose turn it is decides the gate, reader by reader.
_FACTS = f"""
SELECT a.id, a.domain, a.source_quality, a.is_featured, a.fingerprint,
  julianday(coalesce(a.published_at, a.added_at)) AS day, c.*
FROM articles AS a LEFT JOIN classifications AS c ON c.article_id = a.id
WHERE {gate_sql.visible(EVERYTHING)} ORDER BY a.id
"""
_TEXTS = f"""
SELECT a.id, a.title, coalesce(a.description, ''), substr(coalesce(t.text, ''), 1, ?), coalesce(c.key_topics, '[]'),
  coalesce(c.primary_phase, '')
FROM articles AS a LEFT JOIN article_texts AS t ON t.article_id = a.id
LEFT JOIN classifications AS c ON c.article_id = a.id WHERE {gate_sql.visible(EVERYTHING)} ORDER BY a.id
"""
_PUT = """
INSERT INTO recommendations (reader, made_at, revision, model, size, list) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (reader) DO UPDATE SET made_at = excluded.made_at, revision = excluded.revision,
  model = excluded.model, size = excluded.size, list = excluded.list
"""
_GET = """
SELECT l.made_at, l.revision, l.model, l.size, l.list, r.revision AS now FROM recommendations AS l
JOIN readers AS r ON r.number = l.reader WHERE l.reader = ?
"""
_FRESH = """
SELECT l.reader FROM recommendations AS l JOIN readers AS r ON r.number = l.reader
WHERE l.reader BETWEEN ? AND ? AND l.model = ? AND l.revision = r.revision AND l.size >= ?
"""


_ENCODE = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class StoredList:
    """A list as kept. `current`: nothing that makes it has changed since; its age is another matter."""

    made_at: datetime
    model: str | None
    size: int
    suggestions: list[dict[str, Any]]
    current: bool


@dataclass(frozen=True, slots=True)
class NewList:
    """A list to be kept, made for the reader as of that revision, with its `articles` by id.

    It is JSON from the beginning: thousands wait at once, and as objects they would keep the garbage collector busy.
    """

    reader: int
    revision: int
    articles: tuple[int, ...]
    text: str

    @classmethod
    def of(cls, reader: int, revision: int, suggestions: Sequence[Suggestion]) -> NewList:
        """From what was suggested."""
        text = _ENCODE([each.as_json() for each in suggestions])
        return cls(reader, revision, tuple([each.article for each in suggestions]), text)


class Recommendations:
    """The lists of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def facts(self) -> list[ArticleFacts]:
        """All articles that some reader may see."""
        with self.store.reading() as connection:
            return [_facts(row) for row in connection.execute(_FACTS)]

    def texts(self, characters: int) -> Iterator[tuple[int, str, str, list[str]]]:
        """The same articles' id, title, text (its beginning) and labels."""
        with self.store.reading() as connection:
            for article, title, description, text, topics, phase in connection.execute(_TEXTS, (characters,)):
                yield article, title, f"{description}\n{text}", [*json.loads(topics), *filter(None, [phase])]

    def get(self, number: int) -> StoredList | None:
        """A reader's list, stale or not."""
        row = self.store.row(_GET, (number,))
        if row is None:
            return None
        current = row["revision"] == row["now"]
        return StoredList(
            as_time(row["made_at"]), row["model"], row["size"], json.loads(row["list"]), current
        )

    def put(self, lists: Sequence[NewList], model: str | None, size: int, now: datetime) -> None:
        """Keep new lists in the place of the old ones: all of them or none."""
        made_at = as_text(now)
        with self.store.transaction() as connection:
            # One reader who was forgotten meanwhile would fail the lists of all (foreign key).
            known = _still_there(connection, [each.reader for each in lists])
            kept = [each for each in lists if each.reader in known]
            connection.executemany(
                _PUT,
                ((each.reader, made_at, each.revision, model, size, each.text) for each in kept),
            )
            _note_articles(connection, kept)

    def fresh(self, first: int, last: int, model: str, size: int) -> set[int]:
        """Which readers of these numbers have a list of this model already, with nothing changed since."""
        return {row[0] for row in self.store.rows(_FRESH, (first, last, model, size))}

    def visible(self, article_ids: Iterable[int], reader: Levels) -> dict[int, Article]:
        """Those of the articles that a reader of these levels may see, by id."""
        wanted = json.dumps(list(article_ids))
        # CROSS JOIN: these few ids are gone through, not the library.
        sql = f"""SELECT {LISTED_SQL} FROM json_each(?) AS w CROSS JOIN articles AS a ON a.id = w.value
                  WHERE {gate_sql.visible(reader)}"""
        with self.store.reading() as connection:
            return {row["id"]: article_rows.article(row) for row in connection.execute(sql, (wanted,))}

    def titles(self, article_ids: Iterable[int]) -> dict[int, str]:
        """Titles by id, of whatever is there."""
        rows = self.store.rows(
            "SELECT id, title FROM articles WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(article_ids)),),
        )
        return {row[0]: row[1] for row in rows}

    def keep_evaluation(self, figures: dict[str, Any], now: datetime) -> None:
        """Keep how good the recommender is."""
        sql = "INSERT INTO recommender_evaluations (at, figures) VALUES (?, ?) ON CONFLICT (at) DO NOTHING"
        self.store.execute(sql, (as_text(now), json.dumps(figures)))

    def evaluations(self, limit: int = 20) -> list[tuple[str, dict[str, Any]]]:
        """The newest evaluations first."""
        rows = self.store.rows(
            "SELECT at, figures FROM recommender_evaluations ORDER BY at DESC LIMIT ?", (limit,)
        )
        return [(row[0], json.loads(row[1])) for row in rows]


def _still_there(connection: sqlite3.Connection, numbers: Sequence[int]) -> set[int]:
    """Who was not forgotten meanwhile."""
    sql = "SELECT number FROM readers WHERE number IN (SELECT value FROM json_each(?))"
    return {row[0] for row in connection.execute(sql, (json.dumps(list(numbers)),))}


def _note_articles(connection: sqlite3.Connection, lists: Sequence[NewList]) -> None:
    """Which articles are in whose list; in the order in which these rows lie, so that each page is met once."""
    readers = json.dumps([each.reader for each in lists])
    rows = connection.execute(
        "SELECT article, reader FROM recommended WHERE reader IN (SELECT value FROM json_each(?))", (readers,)
    )
    had = {(row[0], row[1]) for row in rows}
    have = {(article, each.reader) for each in lists for article in each.articles}
    connection.executemany("DELETE FROM recommended WHERE article = ? AND reader = ?", sorted(had - have))
    connection.executemany("INSERT INTO recommended (article, reader) VALUES (?, ?)", sorted(have - had))


def _facts(row: Row) -> ArticleFacts:
    labelled = row["primary_phase"] is not None
    return ArticleFacts(
        id=row["id"],
        label=(row["primary_phase"], row["difficulty_level"]) if labelled else None,
        host=row["domain"],
        topics=tuple(topic.strip().lower() for topic in json.loads(row["key_topics"] or "[]")),
        stage=row["career_stage"],
        income=row["target_income_range"],
        culture=_mean(row, ("cultural_sensitivity", "demographic_relevance")),
        quality=quality_of(
            row["source_quality"],
            _mean(row, ("actionability_score", "professional_development_value")),
            bool(row["is_featured"]),
        ),
        # julianday is NULL for what is no date.
        day=(row["day"] or EPOCH_DAY) - EPOCH_DAY,
        # SQLite's integers have a sign; here bits are compared.
        fingerprint=None if row["fingerprint"] is None else row["fingerprint"] & (1 << 64) - 1,
    )


def _mean(row: Row, names: Sequence[str]) -> float:
    """The mean of scores from 1 to 10 as a share; a half where none was given."""
    scores = [row[name] for name in names if row[name] is not None]
    return sum(scores) / len(scores) / 10 if scores else 0.5
