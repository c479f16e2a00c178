"""Checks of a running system: what is wrong, by kind, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from mingus_lib.queues.agreement import Agreement, look
from mingus_lib.queues.delivery import Delivery
from mingus_lib.queues.ports import Ledger

# Longer than a keeper needs to put right what a kill has left.
BETWEEN_LOOKS_SECONDS = 3.0

FIXES = {
    "missing": "a running worker's keeper pushes them again, or ends them; start one: mingus worker",
    "unconfirmed": "a running worker's keeper pushes them; start one: mingus worker",
    "doubled": "they run once all the same; report it",
    "ended": "a worker that takes them lets them go; start one: mingus worker",
    "orphans": "a running worker's keeper gives them back; start one: mingus worker",
    "leftovers": "they only show in RQ's tools; report it",
}


def jobs(
    delivery: Delivery, ledger: Ledger, wait: Callable[[float], object] = time.sleep
) -> list[dict[str, Any]]:
    """Whether ledger and Redis agree; the documented shape of `doctor --json`: a row a kind, `jobs` that are wrong.

    When the first look finds something, a second tells what is wrong from what was on its way. Raises
    RedisUnavailable or StoreUnavailable.
    """
    found = look(delivery, ledger)
    if not found.whole:
        wait(BETWEEN_LOOKS_SECONDS)
        found = look(delivery, ledger).still(found)
    return [_row(each.name, getattr(found, each.name)) for each in fields(Agreement)]


def _row(kind: str, ids: tuple[str, ...]) -> dict[str, Any]:
    return {
        "check": f"jobs-{kind}",
        "state": "fail" if ids else "ok",
        "count": len(ids),
        "jobs": list(ids[:10]),
        "fix": FIXES[kind] if ids else None,
    }
