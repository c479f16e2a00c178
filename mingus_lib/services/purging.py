"""Empty queues of what waits in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mingus_lib.queues import catalog, purge
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import Delivery

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.store.ledger import Ledger


def chosen(queues: Sequence[str]) -> tuple[str, ...]:
    """The queues named, or all six."""
    return tuple(dict.fromkeys(catalog.check_queue(name) for name in queues)) or catalog.QUEUES


def waiting(client: Redis, where: str, queues: Sequence[str]) -> dict[str, int]:
    """How many jobs wait in each queue."""
    with translated(where):
        return {name: purge.waiting(client, name) for name in queues}


def run(client: Redis, where: str, ledger: Ledger, queues: Sequence[str], keep: int) -> dict[str, int]:
    """Remove the waiting jobs; how many really were, by queue. They end as cancelled in the ledger."""

    def cancel(ids: Sequence[str]) -> None:
        ledger.cancel(ids, "purged: removed by an operator", datetime.now(UTC))

    delivery = Delivery(client, where)
    return {name: purge.purge(delivery, name, keep, cancel) for name in queues}
