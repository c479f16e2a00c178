"""Between rows and articles: which columns there are, and how a row becomes a value."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from mingus_lib.domain.labels import LISTS
from mingus_lib.domain.library import Article, KnownArticle
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.store.database import Row
from mingus_lib.store.values import as_optional_text, as_optional_time, as_time

# Statuses of pages that passed the gate; duplicates are looked for among these, and search sees these.
ACCEPTED = (ArticleStatus.REVIEW, ArticleStatus.PUBLISHED, ArticleStatus.ARCHIVED)
# Only an address so far: the fetched page takes their place.
PLACEHOLDERS = (ArticleStatus.PENDING, ArticleStatus.HELD)
ACCEPTED_SQL = str(tuple(map(str, ACCEPTED)))

_APART = ("text", "html", "aliases", "classification")
LISTED = tuple(field.name for field in dataclasses.fields(Article) if field.name not in _APART)
LISTED_SQL = ", ".join(f"a.{name}" for name in LISTED)

_REQUIRED_TIMES = ("added_at", "updated_at")
_OPTIONAL_TIMES = ("fetched_at", "archived_at")
_FLAGS = ("is_active", "is_featured", "is_kept")


def article(row: Row, **apart: Any) -> Article:
    """An Article from a row with the listed columns; `apart` fills text, html, aliases, classification."""
    values: dict[str, Any] = {name: row[name] for name in LISTED}
    values["status"] = ArticleStatus(values["status"])
    values |= {name: as_time(values[name]) for name in _REQUIRED_TIMES}
    values |= {name: as_optional_time(values[name]) for name in _OPTIONAL_TIMES}
    values |= {name: bool(values[name]) for name in _FLAGS}
    return Article(**values, **apart)


def known(row: Row) -> KnownArticle:
    """A KnownArticle from a row of the same column names."""
    values = dict(row) | {"status": ArticleStatus(row["status"]), "alias": bool(row["alias"])}
    return KnownArticle(**values)


def classification(row: Row) -> dict[str, Any]:
    """A classification under domain.md's names, its lists as lists."""
    values = {name: row[name] for name in row.keys() if name != "article_id"}  # noqa: SIM118
    return values | {name: json.loads(values[name]) for name in LISTS}


def exported(full: Article) -> dict[str, Any]:
    """An article as JSON-ready values."""
    values: dict[str, Any] = {field.name: getattr(full, field.name) for field in dataclasses.fields(Article)}
    times = {name: as_optional_text(values[name]) for name in (*_REQUIRED_TIMES, *_OPTIONAL_TIMES)}
    return values | times | {"status": full.status.value, "aliases": list(full.aliases)}
