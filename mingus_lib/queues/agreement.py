"""Whether the ledger and Redis agree: every open job in exactly one place, nothing else waiting or running.

A pure look. Redis is read in one step, the ledger after it, so on a moving system single jobs show that are just
on their way; what shows at two looks a few seconds apart (`Agreement.still`) is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from mingus_lib.domain.jobs import ENDED
from mingus_lib.queues.connection import translated
from mingus_lib.queues.delivery import RUNNING, Delivery
from mingus_lib.queues.names import QUEUES
from mingus_lib.queues.owner import Owner
from mingus_lib.queues.ports import Ledger

PAGE = 500
_PER_QUEUE = 3


@dataclass(frozen=True, slots=True)
class Agreement:
    """What does not agree: ids of jobs by kind, each sorted. Nothing in any of them is agreement."""

    missing: tuple[str, ...] = ()  # open in the ledger, neither waiting nor running in Redis
    unconfirmed: tuple[str, ...] = ()  # the same, of a job that no producer has confirmed: a keeper pushes it
    doubled: tuple[str, ...] = ()  # in more than one place
    ended: tuple[str, ...] = ()  # ended in the ledger, waiting or running in Redis
    orphans: tuple[str, ...] = ()  # running, and its worker is known to be gone
    leftovers: tuple[str, ...] = ()  # an execution that RQ's tools show and nobody runs

    @property
    def whole(self) -> bool:
        """Whether everything agrees."""
        return not any(getattr(self, each.name) for each in fields(self))

    def still(self, earlier: Agreement) -> Agreement:
        """What disagreed at an earlier look, too."""
        return Agreement(
            **{
                each.name: _sorted(set(getattr(self, each.name)) & set(getattr(earlier, each.name)))
                for each in fields(self)
            }
        )


@dataclass(frozen=True, slots=True)
class _Places:
    """What Redis holds: how often each job waits, who runs what, and the executions by RQ's registry."""

    waiting: Counter[str]
    running: dict[str, str]
    executions: tuple[str, ...]


def look(delivery: Delivery, ledger: Ledger) -> Agreement:
    """Compare them; memory and time grow with the open jobs. Raises RedisUnavailable or StoreUnavailable."""
    places = _places(delivery)
    missing: list[str] = []
    unconfirmed: list[str] = []
    for page in ledger.open_pages(PAGE):
        for spec, _, confirmed in page:
            if not places.waiting[spec.id] and spec.id not in places.running:
                (missing if confirmed else unconfirmed).append(spec.id)
    held = {*places.waiting, *places.running}
    owners = {job_id: Owner.parse(token) for job_id, token in places.running.items()}
    return Agreement(
        missing=_sorted(missing),
        unconfirmed=_sorted(unconfirmed),
        doubled=_sorted(i for i in held if places.waiting[i] + (i in places.running) > 1),
        ended=_sorted(_ended(ledger, sorted(held))),
        orphans=_sorted(i for i, owner in owners.items() if owner is None or owner.process.gone),
        leftovers=_sorted(e for e in places.executions if not _is_run(e, owners)),
    )


def _places(delivery: Delivery) -> _Places:
    # In one step: a job on its way from one place to another would show in both, or in none.
    with translated(delivery.where), delivery.client.pipeline(transaction=True) as pipeline:
        pipeline.hgetall(RUNNING)
        for queue in QUEUES:
            pipeline.lrange(f"rq:queue:{queue}", 0, -1)
            pipeline.zrange(f"rq:scheduled:{queue}", 0, -1)
            pipeline.zrange(f"rq:wip:{queue}", 0, -1)
        running, *rest = pipeline.execute()
    waiting = Counter(_text(each) for n, ids in enumerate(rest) if n % _PER_QUEUE < 2 for each in ids)
    executions = tuple(_text(each) for members in rest[2::_PER_QUEUE] for each in members)
    return _Places(waiting, {_text(raw): _text(token) for raw, token in running.items()}, executions)


def _ended(ledger: Ledger, ids: Sequence[str]) -> Iterable[str]:
    for start in range(0, len(ids), PAGE):
        standings = ledger.standings(ids[start : start + PAGE])
        yield from (job_id for job_id, standing in standings.items() if standing.state in ENDED)


def _is_run(member: str, owners: dict[str, Owner | None]) -> bool:
    job_id, _, execution = member.partition(":")
    owner = owners.get(job_id)
    return owner is not None and owner.execution == execution


def _text(raw: Any) -> str:
    return str(raw.decode("utf-8", "replace"))


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(ids))
