"""The sweeper: finds what a crash left undone, and has it done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.library import FollowUp
from mingus_lib.errors import TransientError
from mingus_lib.queues import catalog
from mingus_lib.queues.delivery import Delivery
from mingus_lib.queues.enqueue import Submits, new_job
from mingus_lib.services import checking
from mingus_lib.services.mail_intake import enqueuing, resume_unfinished_mails
from mingus_lib.store.database import Store
from mingus_lib.store.followups import FollowUps
from mingus_lib.store.history import History
from mingus_lib.store.ledger import Ledger
from mingus_lib.store.mails import Mails
from mingus_lib.store.slots import Slots

BATCH = 500
SLOTS_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round did. `out_of_step`: jobs by kind that ledger and Redis still disagree about, left to a keeper."""

    follow_ups: int = 0
    mails: int = 0
    slots_forgotten: int = 0
    out_of_step: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The job's result."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Sweeper:
    """One round over everything that may have been left. Safe to run twice, and twice at once."""

    store: Store
    follow_ups: FollowUps
    history: History
    ledger: Ledger
    slots: Slots
    mails: Mails
    enqueuer: Submits
    delivery: Delivery

    def run(self) -> Swept:
        """Sweep. Raises what the store or Redis raise; what was done by then stays."""
        return Swept(
            follow_ups=self._enqueue_follow_ups(),
            mails=resume_unfinished_mails(self.mails, enqueuing(self.enqueuer), now=datetime.now(UTC)),
            slots_forgotten=self._forget_slots(),
            out_of_step=self._out_of_step(),
        )

    def _enqueue_follow_ups(self) -> int:
        count = 0
        # Tasks of this release alone: the others wait for one that has them.
        while found := self.follow_ups.pending(tuple(catalog.load()), BATCH):
            pairs = [(each, self._job_of(each)) for each in found]
            self.enqueuer.submit([job for _, job in pairs], record=partial(self._record, pairs))
            count += len(pairs)
        return count

    def _record(self, pairs: Sequence[tuple[FollowUp, JobSpec]], jobs: Sequence[JobSpec]) -> None:
        now = datetime.now(UTC)
        # Marked and recorded together, on the disk: what is marked has its job.
        with self.store.transaction(durable=True):
            if not all(self.follow_ups.mark(each.id, job.id, now) for each, job in pairs):
                raise TransientError("another sweep was faster with the follow-ups", code="sweep-race")
            self.ledger.record(jobs)

    def _job_of(self, follow_up: FollowUp) -> JobSpec:
        parent = self.history.get(follow_up.parent_id)
        return new_job(
            follow_up.task,
            follow_up.args,
            # Who sweeps takes this queue, so that a task of any queue is taken there, too.
            queue=catalog.find(follow_up.task).queue or "cleanup",
            origin=f"job:{follow_up.parent_id}",
            parent_id=follow_up.parent_id,
            root_id=parent.root_id if parent else None,
            # What no longer fits fails as a job, visibly, instead of stopping every sweep.
            checked=False,
        )

    def _forget_slots(self) -> int:
        before, count = datetime.now(UTC) - SLOTS_KEPT, 0
        # Some thousand rows at a time: whoever wants to write in between can.
        while forgotten := self.slots.forget(before):
            count += forgotten
        return count

    def _out_of_step(self) -> dict[str, int]:
        found = checking.findings(self.delivery, self.ledger)
        return {each.check.removeprefix("jobs-"): each.count for each in found if each.count}
