"""Reading articles: one whole, lists newest first, pages for export, counts."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mingus_lib.domain.library import Article, ArticleFilter
from mingus_lib.store import article_rows, gate_sql
from mingus_lib.store.article_rows import LISTED_SQL
from mingus_lib.store.database import Store
from mingus_lib.store.values import as_text

_PAGE = 100

_FULL = f"""
SELECT {LISTED_SQL}, t.text, t.html FROM articles AS a
LEFT JOIN article_texts AS t ON t.article_id = a.id WHERE a.id = ?
"""


def full(connection: sqlite3.Connection, article_id: int) -> Article | None:
    """Everything about one article."""
    row = connection.execute(_FULL, (article_id,)).fetchone()
    if row is None:
        return None
    aliases = connection.execute(
        "SELECT canonical_url FROM article_aliases WHERE article_id = ? ORDER BY first_seen, canonical_url",
        (article_id,),
    )
    labels = connection.execute(
        "SELECT * FROM classifications WHERE article_id = ?", (article_id,)
    ).fetchone()
    return article_rows.article(
        row,
        text=row["text"] or "",
        html=row["html"] or "",
        aliases=tuple(alias["canonical_url"] for alias in aliases),
        classification=None if labels is None else article_rows.classification(labels),
    )


def listed(
    connection: sqlite3.Connection, wanted: ArticleFilter, place: Article | None = None
) -> list[Article]:
    """A page of the list, by the index that fits the filter; after `place`, which need not be there any more."""
    conditions, values = _conditions(wanted)
    if place is not None:
        # With the id, because articles that were stored together have the same time.
        conditions.append("(a.added_at, a.id) < (:place_added_at, :place_id)")
        values |= {"place_added_at": as_text(place.added_at), "place_id": place.id}
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT {LISTED_SQL} FROM articles AS a {where} ORDER BY a.added_at DESC, a.id DESC LIMIT :limit"
    return [article_rows.article(row) for row in connection.execute(sql, values)]


def pages(store: Store, wanted: ArticleFilter) -> Iterator[list[Article]]:
    """Whole articles page by page; the store is free between pages."""
    page, last = replace(wanted, limit=_PAGE), None
    while True:
        with store.reading() as connection:
            found = listed(connection, page, last)
            whole = [article for each in found if (article := full(connection, each.id)) is not None]
        # Asked of the list: a page whose articles were all deleted meanwhile is not the end.
        if not found:
            return
        yield whole
        # Not its id: clean-up may delete the article before the next page is read, and with it the place.
        last = found[-1]


def _conditions(wanted: ArticleFilter) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    # To SQLite a negative LIMIT is none at all.
    values: dict[str, Any] = {"limit": max(0, wanted.limit)}
    if wanted.domain is not None:
        conditions.append("a.domain = :domain")
        values["domain"] = wanted.domain
    if wanted.statuses:
        conditions.append(_status_condition(wanted, values))
    if wanted.since is not None:
        conditions.append("a.added_at >= :since")
        values["since"] = as_text(wanted.since)
    if wanted.reader is not None:
        conditions.append(gate_sql.visible(wanted.reader))
    if wanted.after is not None:
        conditions.append("(a.added_at, a.id) < (SELECT added_at, id FROM articles WHERE id = :after)")
        values["after"] = wanted.after
    return conditions, values


def _status_condition(wanted: ArticleFilter, values: dict[str, Any]) -> str:
    names = {f"status{number}": status.value for number, status in enumerate(wanted.statuses)}
    values.update(names)
    # `+` keeps SQLite off the status index where another one already gives the order.
    free = "+" if wanted.domain is not None or len(names) > 1 else ""
    return f"{free}a.status IN ({', '.join(f':{name}' for name in names)})"
