"""Labels in the store: what wants them, what they are and why, what waits for an editor, what they teach."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mingus_lib.domain.labels import Classified, Labels
from mingus_lib.domain.library import MAX_ID
from mingus_lib.errors import NotFound
from mingus_lib.store import label_writes
from mingus_lib.store.database import Store
from mingus_lib.store.label_writes import Put
from mingus_lib.store.values import as_text, clean

PAGE = 500

# The articles in a subquery: joined, SQLite would begin with all that are published, and sort them.
IMPROVABLE = """
SELECT c.article_id FROM classifications AS c INDEXED BY classifications_offline
WHERE c.engine = 'offline' AND c.is_override = 0 AND c.article_id > ?
  AND EXISTS (SELECT 1 FROM articles AS a LEFT JOIN label_failures AS f ON f.article_id = a.id
    AND f.prompt_version = ? AND f.content_hash IS a.content_hash
    WHERE a.id = c.article_id AND a.status IN ('review', 'published') AND f.article_id IS NULL)
  AND NOT EXISTS (SELECT 1 FROM model_batch_items AS i WHERE i.article_id = c.article_id AND i.state = 'waiting')
ORDER BY c.article_id LIMIT ?
"""
# IS and not =: an article without a text has no hash, and its failure has none either.
_TEXT = """
SELECT a.id, a.title, coalesce(t.text, '') AS text, a.word_count, a.content_hash, a.status,
  coalesce(c.is_override, 0) AS is_override, c.engine, c.content_hash AS labelled_hash,
  f.prompt_version AS given_up_by,
  EXISTS (SELECT 1 FROM model_batch_items AS i WHERE i.article_id = a.id AND i.state = 'waiting') AS in_batch
FROM articles AS a LEFT JOIN article_texts AS t ON t.article_id = a.id
LEFT JOIN classifications AS c ON c.article_id = a.id
LEFT JOIN label_failures AS f ON f.article_id = a.id AND f.content_hash IS a.content_hash WHERE a.id = ?
"""
_REVIEW = """
SELECT r.article_id AS id, a.title, a.canonical_url, a.status, a.word_count, r.state, r.flags, r.value, r.opened_at,
  c.primary_phase, c.difficulty_level, c.confidence_score, c.actionability_score, c.key_topics, c.engine, c.model,
  c.classification_reasoning, d.second_opinion, f.reason AS failure
FROM label_reviews AS r JOIN articles AS a ON a.id = r.article_id
JOIN classifications AS c ON c.article_id = r.article_id
LEFT JOIN label_details AS d ON d.article_id = r.article_id
LEFT JOIN label_failures AS f ON f.article_id = r.article_id
WHERE r.state = '{state}' AND a.status IN ('review', 'published')
ORDER BY {order} LIMIT ?
"""
_OPEN = _REVIEW.format(state="open", order="r.value DESC, r.article_id")
_SKIPPED = _REVIEW.format(state="skipped", order="r.decided_at, r.article_id")
_EXAMPLES = """
SELECT a.id, a.title, coalesce(t.text, '') AS text, c.primary_phase AS phase, c.is_override
FROM classifications AS c JOIN articles AS a ON a.id = c.article_id
LEFT JOIN article_texts AS t ON t.article_id = a.id
WHERE (c.is_override = 1 OR c.engine = 'openai') AND a.id < ? ORDER BY a.id DESC LIMIT ?
"""
_FAILED = """
INSERT INTO label_failures VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (article_id) DO UPDATE SET
  content_hash = excluded.content_hash, prompt_version = excluded.prompt_version, reason = excluded.reason,
  job_id = excluded.job_id, at = excluded.at
"""


@dataclass(frozen=True, slots=True)
class Unread:
    """An article as an engine gets it. `labelled_hash`: the text that its present labels were made from.

    `given_up_by`: the prompt with which the AI engine gave up on the present text. `in_batch`: a batch has it.
    """

    id: int
    title: str
    text: str
    words: int
    content_hash: str | None
    status: str
    is_override: bool
    engine: str | None
    labelled_hash: str | None
    given_up_by: str | None = None
    in_batch: bool = False


@dataclass(frozen=True, slots=True)
class Taught:
    """A labelled article that may teach the learned model."""

    title: str
    text: str
    phase: str
    by_editor: bool


class LabelStore:
    """The labels of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def unlabelled(self, limit: int = 100, after: int = 0, *, batched: bool = False) -> list[int]:
        """Articles published or in review without a classification of their present text, by id; an index look-up.

        Those are left out that an editor labelled and, unless `batched`, those that wait in a batch.
        """
        sql = """SELECT w.article_id FROM label_wants AS w WHERE w.article_id > ? AND (? OR NOT EXISTS (
                   SELECT 1 FROM model_batch_items AS i WHERE i.article_id = w.article_id AND i.state = 'waiting'))
                 ORDER BY w.article_id LIMIT ?"""
        return [row[0] for row in self.store.rows(sql, (after, batched, limit))]

    def count_unlabelled(self) -> int:
        """How many articles want labels."""
        return int(self.store.value("SELECT count(*) FROM label_wants"))

    def improvable(self, prompt_version: str, limit: int = 100, after: int = 0) -> list[int]:
        """Articles with offline labels that the AI engine has not given up on, by id; an index look-up."""
        return [row[0] for row in self.store.rows(IMPROVABLE, (after, prompt_version, limit))]

    def chosen(self, since: datetime | None) -> Iterator[int]:
        """Every article published or in review (added since then), by id, read a page at a time."""
        sql = """SELECT id FROM articles WHERE id > ? AND status IN ('review', 'published')
                 AND added_at >= ? ORDER BY id LIMIT ?"""
        after = 0
        # A page at a time, with nothing held in between: the caller writes labels meanwhile.
        while page := self.store.rows(sql, (after, "" if since is None else as_text(since), PAGE)):
            yield from (row[0] for row in page)
            after = page[-1][0]

    def unread(self, article_id: int) -> Unread | None:
        """The article as an engine gets it; None when it is gone."""
        row = self.store.row(_TEXT, (article_id,))
        if row is None:
            return None
        return Unread(
            row["id"], row["title"], row["text"], row["word_count"], row["content_hash"], row["status"],
            bool(row["is_override"]), row["engine"], row["labelled_hash"], row["given_up_by"],
            bool(row["in_batch"]),
        )  # fmt: skip

    def put(
        self,
        article_id: int,
        given: Classified,
        *,
        now: datetime,
        second_opinion: Labels | None = None,
        force: bool = False,
    ) -> Put:
        """Store an engine's labels, evidence and review in one transaction; see label_writes.put."""
        with self.store.transaction() as connection:
            return label_writes.put(connection, article_id, given, second_opinion, now, force)

    def failed(
        self,
        article_id: int,
        content_hash: str | None,
        prompt_version: str,
        reason: str,
        job_id: str | None,
        now: datetime,
    ) -> None:
        """The AI engine has given up on this text: the article's own dead letter."""
        values = (article_id, content_hash, prompt_version, clean(reason)[:500], job_id, as_text(now))
        self.store.execute(_FAILED, values)

    def failures(self, limit: int = 100) -> list[dict[str, Any]]:
        """The articles that the AI engine gave up on, newest first."""
        sql = "SELECT article_id, reason, job_id, at FROM label_failures ORDER BY at DESC LIMIT ?"
        return [dict(row) for row in self.store.rows(sql, (limit,))]

    def details(self, article_id: int) -> dict[str, Any] | None:
        """Evidence, second opinion, review and failure of an article; None before its first labels."""
        sql = """SELECT d.evidence, d.second_opinion, r.state, r.flags, f.reason FROM classifications AS c
                 LEFT JOIN label_details AS d ON d.article_id = c.article_id
                 LEFT JOIN label_reviews AS r ON r.article_id = c.article_id
                 LEFT JOIN label_failures AS f ON f.article_id = c.article_id WHERE c.article_id = ?"""
        row = self.store.row(sql, (article_id,))
        if row is None:
            return None
        return {
            "evidence": json.loads(row["evidence"] or "[]"),
            "second_opinion": json.loads(row["second_opinion"] or "null"),
            "review": row["state"],
            "flags": json.loads(row["flags"] or "[]"),
            "failure": row["reason"],
        }

    def waiting(self, limit: int = 50) -> list[dict[str, Any]]:
        """What waits for an editor, the most valuable look first; then what was skipped, the longest ago first."""
        found = self.store.rows(_OPEN, (limit,))
        if len(found) < limit:
            found = [*found, *self.store.rows(_SKIPPED, (limit - len(found),))]
        return [_review(row) for row in found]

    def count_waiting(self) -> int:
        """How many wait for an editor."""
        sql = """SELECT count(*) FROM label_reviews AS r JOIN articles AS a ON a.id = r.article_id
                 WHERE r.state IN ('open', 'skipped') AND a.status IN ('review', 'published')"""
        return int(self.store.value(sql))

    def decide(
        self,
        article_ids: Iterable[int],
        action: str,
        *,
        now: datetime,
        changes: Mapping[str, Any] | None = None,
        who: str | None = None,
        note: str | None = None,
    ) -> None:
        """An editor accepts, overrides (`changes` by field) or skips these, all or none. Raises NotFound."""
        with self.store.transaction() as connection:
            for article_id in article_ids:
                label_writes.decide(connection, article_id, action, changes or {}, who, note, now)

    def undo(self, article_id: int | None, now: datetime) -> tuple[int, str]:
        """Take back an editor's latest decision: (article, what it was). Raises NotFound."""
        with self.store.transaction() as connection:
            return label_writes.undo(connection, article_id, now)

    def labels(self, article_id: int) -> Labels:
        """The article's labels. Raises NotFound."""
        with self.store.reading() as connection:
            row = label_writes.current(connection, article_id)
        if row is None:
            raise NotFound(
                f"article {article_id} has no labels: see `mingus classify --help`", code="no-labels"
            )
        return label_writes.labels_of(row)

    def taught(self) -> Iterator[Taught]:
        """The articles labelled by editors or the AI engine, the newest first, with their texts, a page at a time."""
        before = MAX_ID
        # The texts of a whole library at once may be gigabytes.
        while page := self.store.rows(_EXAMPLES, (before, PAGE)):
            for row in page:
                yield Taught(row["title"], row["text"], row["phase"], bool(row["is_override"]))
            before = page[-1]["id"]

    def keep_model(
        self,
        *,
        now: datetime,
        version: str | None,
        examples: int,
        lists: float | None,
        blend: float | None,
        reason: str,
        model: str | None,
    ) -> None:
        """Keep the outcome of a refit; the latest one counts."""
        sql = """INSERT INTO label_models (created_at, version, examples, lists_accuracy, blend_accuracy, reason, model)
                 VALUES (?, ?, ?, ?, ?, ?, ?)"""
        self.store.execute(sql, (as_text(now), version, examples, lists, blend, reason, model))

    def model(self) -> str | None:
        """The learned model in use, as JSON; None where the lists alone count."""
        found = self.store.value("SELECT model FROM label_models ORDER BY id DESC LIMIT 1")
        return None if found is None else str(found)

    def quality(self, targets: Sequence[tuple[str, float, str]]) -> dict[str, Any]:
        """Counts for `report quality`: the shares of `targets` (column, at least, name), phases, engines, levels."""
        return _quality(self.store, targets)


def _review(row: Any) -> dict[str, Any]:
    found = dict(row)
    for name in ("flags", "key_topics"):
        found[name] = json.loads(found[name])
    if found.pop("state") == "skipped":
        found["flags"].append("skipped")
    other = json.loads(found.pop("second_opinion") or "null")
    return found | {"other_phase": other and other["primary_phase"]}


_OF_LIBRARY = """
FROM classifications AS c JOIN articles AS a ON a.id = c.article_id WHERE a.status IN ('review', 'published')
"""


def _quality(store: Store, targets: Sequence[tuple[str, float, str]]) -> dict[str, Any]:
    with store.reading() as connection:
        sql = "SELECT count(*) FROM articles WHERE status IN ('review', 'published')"
        articles = connection.execute(sql).fetchone()[0]
        shares: dict[str, tuple[int, int]] = {}
        for column, least, name in targets:
            sql = f"SELECT count(c.{column}), coalesce(sum(c.{column} >= ?), 0) {_OF_LIBRARY}"
            shares[name] = tuple(connection.execute(sql, (least,)).fetchone())
        counted = {
            column: dict(
                connection.execute(f"SELECT c.{column}, count(*) {_OF_LIBRARY} GROUP BY 1").fetchall()
            )
            for column in ("primary_phase", "difficulty_level", "engine", "is_override")
        }
    return {"articles": articles, "shares": shares, **counted}
