"""What an editor does with labels: accept, override field by field, skip, undo."""

from __future__ import annotations

import os
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain import overrides
from mingus_lib.errors import UsageError
from mingus_lib.services.person import login_name
from mingus_lib.store.labels import LabelStore

DECISIONS = {"accept": "accepted", "override": "overridden", "skip": "skipped"}


@dataclass(frozen=True, slots=True)
class Decision:
    """One editor's decision on some articles. `changes` are by field, for an override."""

    action: str
    changes: dict[str, Any]
    note: str | None = None


def decision(*, accept: bool, skip: bool, assignments: Sequence[str], note: str | None) -> Decision | None:
    """What was asked for; None when it was only a look. Raises UsageError."""
    if accept + skip + bool(assignments) > 1:
        raise UsageError("--accept, --skip and --set exclude each other; give one")
    if assignments:
        return Decision("override", overrides.read(assignments), note)
    return Decision("accept" if accept else "skip", {}, note) if accept or skip else None


def decide(labels: LabelStore, article_ids: Sequence[int], made: Decision) -> str:
    """Carry it out on all or none; the word for what they are now. Raises UsageError or NotFound."""
    if not article_ids:
        raise UsageError(
            "name the articles: mingus articles review ID... --accept; `mingus articles review` lists them"
        )
    labels.decide(
        article_ids, made.action, now=datetime.now(UTC), changes=made.changes, who=editor(), note=made.note
    )
    return DECISIONS[made.action]


def undo(labels: LabelStore, article_ids: Sequence[int]) -> list[int]:
    """Take back the latest decision on each, or the latest of all; the articles. Raises NotFound."""
    now = datetime.now(UTC)
    if not article_ids:
        return [labels.undo(None, now)[0]]
    # All or none, as the decisions were made.
    with labels.store.transaction():
        return [labels.undo(each, now)[0] for each in article_ids]


def following(labels: LabelStore, seen: Set[int], wanted: int | None = None) -> dict[str, Any] | None:
    """What waits and was not seen: `wanted` if it does, else the most valuable."""
    # Skipped ones wait still, so that so many more have to be asked for; to find one, all.
    limit = len(seen) + 1 if wanted is None else labels.count_waiting()
    unseen = [row for row in labels.waiting(limit) if row["id"] not in seen]
    return next((row for row in unseen if row["id"] == wanted), next(iter(unseen), None))


def editor() -> str:
    """Who sits here, for the record."""
    # Behind sudo everybody is root; the record is about people.
    return os.environ.get("SUDO_USER") or login_name()
