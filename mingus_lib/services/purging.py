"""Empty queues of what waits in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mingus_lib.queues import catalog, purge
from mingus_lib.services import overview

if TYPE_CHECKING:
    from mingus_lib.queues.delivery import Delivery
    from mingus_lib.settings import Settings
    from mingus_lib.store.interventions import Interventions
    from mingus_lib.store.ledger import Ledger

REASON = "purged: removed by an operator"


def chosen(queues: Sequence[str]) -> tuple[str, ...]:
    """The queues named, or all six."""
    return catalog.check_queues(queues) or catalog.QUEUES


def waiting(settings: Settings, redis_url: str, queues: Sequence[str]) -> dict[str, int]:
    """How many jobs wait in each queue; of a private Redis that does not run, by the ledger. Starts nothing."""
    found, trouble = overview.queues(settings, redis_url)
    if trouble is not None:
        raise trouble
    counts = {row["name"]: row["queued"] + row["scheduled"] for row in found}
    return {name: counts[name] for name in queues}


def run(
    delivery: Delivery, hand: Interventions, ledger: Ledger, queues: Sequence[str], keep: int
) -> dict[str, int]:
    """Remove the waiting jobs; how many really were, by queue. They end as cancelled in the ledger."""

    # What waits on the record; `end` is for what a dying worker gave back to Redis alone.
    def cancel(ids: Sequence[str]) -> list[str]:
        return hand.withdraw(ids, REASON, datetime.now(UTC))

    def end(ids: Sequence[str]) -> None:
        ledger.cancel(ids, REASON, datetime.now(UTC))

    return {name: purge.purge(delivery, name, keep, cancel, end) for name in queues}
