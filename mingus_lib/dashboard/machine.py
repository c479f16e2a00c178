"""What programs ask: health, metrics, and the old system's health address."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, g, jsonify

from mingus_lib.dashboard.reach import here, problems, seen
from mingus_lib.domain import metrics as format_
from mingus_lib.services import metrics as gathering

blueprint = Blueprint("machine", __name__)


@blueprint.get("/health")
def health() -> tuple[Response, int]:
    """200 when all is well, 503 with the reasons when it is not. Four round trips of Redis."""
    status = "unhealthy" if problems() else "healthy"
    return _told({"status": status, "reasons": problems(), **_counts()}), 503 if problems() else 200


@blueprint.get("/api/celery/health")
def old_health() -> tuple[Response, int]:
    """The same question at the old system's address, with its answers: 200 or 500. Four round trips of Redis."""
    if problems():
        return _told({"status": "unhealthy", "error": "; ".join(problems())}), 500
    return _told({"status": "healthy", **_counts()}), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything for Prometheus. Four round trips of Redis, two small tables of the store."""
    # Opening the store would make a missing one and migrate an older one, and a look changes nothing.
    counted = here().counted if seen()["store"]["state"] == "ok" else None
    families = gathering.collect(seen(), counted, datetime.now(UTC))
    return Response(format_.text(families), content_type=format_.CONTENT_TYPE)


def _counts() -> dict[str, Any]:
    return {
        "workers": len(seen()["workers"]),
        "queues": {row["name"]: row["queued"] for row in seen()["queues"]},
    }


def _told(health: dict[str, Any]) -> Response:
    # Reasons name queues, workers and paths, which are not for everybody whom a probe's address is open to.
    return jsonify({"status": health["status"]} if g.stranger else health)
