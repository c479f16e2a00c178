"""Two reports on labels: how good the library is by its targets, and what the models have cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from mingus_lib.domain.labels import LEVELS, MIX, PHASES, SURE
from mingus_lib.domain.pricing import Prices
from mingus_lib.store.batches import Batches
from mingus_lib.store.costs import Budget, Costs
from mingus_lib.store.labels import LabelStore


class Target(NamedTuple):
    """What a good library has (domain rules): an `aim`, the share of those with a score that have `least` or more."""

    column: str
    least: float
    name: str
    label: str
    aim: float


TARGETS = (
    Target("confidence_score", SURE, "confidence >= 0.8", "Confidence ≥ 0.8", 0.80),
    Target("cultural_sensitivity", 8, "cultural_sensitivity >= 8", "Cultural sensitivity ≥ 8", 0.60),
    Target("actionability_score", 7, "actionability_score >= 7", "Actionability ≥ 7", 0.70),
    Target(
        "professional_development_value",
        8,
        "professional_development_value >= 8",
        "Professional value ≥ 8",
        0.65,
    ),
)
# A share of the mix is well when it is so near to its aim.
MIX_TOLERANCE = 0.05


def quality(labels: LabelStore) -> dict[str, Any]:
    """The documented shape of `report quality --json`."""
    found = labels.quality([each[:3] for each in TARGETS])
    labelled = sum(found["primary_phase"].values())
    return {
        "articles": found["articles"],
        "labelled": labelled,
        "unlabelled": labels.count_unlabelled(),
        "waiting_for_review": labels.count_waiting(),
        "engines": {name: found["engine"].get(name, 0) for name in ("openai", "offline")},
        "by_editors": found["is_override"].get(1, 0),
        "targets": [_target(each.name, each.aim, *found["shares"][each.name]) for each in TARGETS],
        "mix": [_mix(phase, found["primary_phase"].get(phase, 0), labelled) for phase in PHASES],
        "levels": {level: found["difficulty_level"].get(level, 0) for level in LEVELS},
    }


def reached(share: float | None, aim: float) -> str:
    """`ok`, `fail`, or `missing` where nothing has a score."""
    # The domain asks for more than the aim, not for as much.
    return "missing" if share is None else "ok" if share > aim else "fail"


def _target(name: str, aim: float, scored: int, good: int) -> dict[str, Any]:
    share = good / scored if scored else None
    return {
        "target": name,
        "state": reached(share, aim),
        "share": share and round(share, 4),
        "aim": aim,
        "scored": scored,
        "good": good,
    }


def _mix(phase: str, count: int, labelled: int) -> dict[str, Any]:
    share = count / labelled if labelled else None
    return {
        "phase": phase,
        "state": within_aim(share, MIX[phase]),
        "share": share and round(share, 4),
        "aim": MIX[phase],
        "articles": count,
    }


def within_aim(share: float | None, aim: float) -> str:
    """Whether a share of the mix is near enough to its aim: ok, fail or missing."""
    return "missing" if share is None else "ok" if abs(share - aim) <= MIX_TOLERANCE else "fail"


def costs(store: Costs, batches: Batches, budget: Budget, prices: Prices, days: int) -> dict[str, Any]:
    """The documented shape of `report costs --json`: the last `days` UTC days, today included."""
    now = datetime.now(UTC)
    # The budget's days are those of UTC, whatever the report time zone.
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found = store.report(midnight - timedelta(days=days - 1), now, budget)
    shown = [
        {
            "id": batch.id, "provider_id": batch.provider_id, "state": batch.state, "model": batch.model,
            "created_at": batch.created_at, "articles": batch.articles, "waiting": batch.waiting,
            "reason": batch.reason,
        }
        for batch in batches.latest()
    ]  # fmt: skip
    listed = {"file": prices.where, "date": prices.date, "age_days": prices.age(now.date())}
    return {**found, "prices": listed, "batches": shown}
