"""Checks of a running system: what is wrong, by kind, and what to do about it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields

from mingus_lib.domain.checks import Finding, Grade
from mingus_lib.queues.agreement import Agreement, look
from mingus_lib.queues.delivery import Delivery
from mingus_lib.queues.ports import Ledger

# Longer than a keeper needs to put right what a kill has left.
BETWEEN_LOOKS_SECONDS = 3.0

KINDS = {
    "missing": "open, and neither waiting nor running in Redis",
    "unconfirmed": "recorded, and never confirmed by Redis",
    "doubled": "in more than one place",
    "ended": "ended, and still waiting or running in Redis",
    "orphans": "running, and their worker is gone",
    "leftovers": "executions that nobody runs",
}
FIXES = {
    "missing": "a running worker's keeper pushes them again, or ends them; start one: mingus worker",
    "unconfirmed": "a running worker's keeper pushes them; start one: mingus worker",
    "doubled": "they run once all the same; report it",
    "ended": "a worker that takes them lets them go; start one: mingus worker",
    "orphans": "a running worker's keeper gives them back; start one: mingus worker",
    "leftovers": "they only show in RQ's tools; report it",
}


def findings(
    delivery: Delivery, ledger: Ledger, wait: Callable[[float], object] = time.sleep
) -> list[Finding]:
    """Whether ledger and Redis agree: a finding for each kind of disagreement, with the jobs that are wrong.

    When the first look finds something, a second tells what is wrong from what was on its way. Raises
    RedisUnavailable or StoreUnavailable.
    """
    # Ledger and Redis are read one after the other, so that a job on its way looks wrong at first.
    found = look(delivery, ledger)
    if not found.whole:
        wait(BETWEEN_LOOKS_SECONDS)
        found = look(delivery, ledger).still(found)
    return [_finding(each.name, getattr(found, each.name)) for each in fields(Agreement)]


def _finding(kind: str, ids: tuple[str, ...]) -> Finding:
    check = f"jobs-{kind}"
    if not ids:
        return Finding(check, Grade.OK, "none", count=0)
    # A few ids to look at: where Redis lost everything, there are as many as open jobs.
    return Finding(check, Grade.FAIL, f"{len(ids):,} {KINDS[kind]}", FIXES[kind], len(ids), ids[:10])
