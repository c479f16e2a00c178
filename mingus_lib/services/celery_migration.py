"""Take over what waits in the old Celery's queues: each message becomes our job, and only then leaves Celery's list.

The job has the old id, so a message that was taken before (this was killed in between, or Celery delivered it twice)
is known and is not taken again. What mingus does not know, or cannot read, is left where it is, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mingus_lib.domain.celery import (
    MAX_MESSAGE_BYTES,
    OldTask,
    Outcome,
    named_arguments,
    part_id,
    parts,
    read,
    read_unacked,
)
from mingus_lib.domain.jobs import JobSpec, JobState
from mingus_lib.errors import PermanentError, UsageError
from mingus_lib.queues import catalog, embedded
from mingus_lib.queues.celery import PRIORITY, UNACKED, CeleryBroker, Found
from mingus_lib.queues.enqueue import Submits, new_job
from mingus_lib.store.history import History
from mingus_lib.store.ledger import Ledger

ORIGIN = "celery"
CANCELLED = JobState.CANCELLED
# How the ledger's reason begins for a job that Redis did not take.
NOT_ACCEPTED = "not-accepted"

# Raises NotFound when arguments name what this library does not have.
Check = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one message. `queue` is the old one; `jobs` are ours, the first has the old id."""

    id: str | None
    task: str | None
    queue: str
    outcome: Outcome
    reason: str | None = None
    jobs: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Readable:
    """A message that can be taken, with the jobs that it becomes."""

    found: Found
    old: OldTask
    queue: str
    specs: list[JobSpec]

    def row(self, new: Sequence[JobSpec]) -> Row:
        """What becomes of it, when these of its jobs are new."""
        outcome = Outcome.MOVED if new else Outcome.KNOWN
        return Row(self.old.id, self.old.name, self.queue, outcome, None, [spec.id for spec in self.specs])


@dataclass
class Migration:
    """One run over a broker. `dry_run` changes nothing and tells the same."""

    broker: CeleryBroker
    queues: Sequence[str]
    enqueuer: Submits
    ledger: Ledger
    history: History
    check: Check
    home: Path
    dry_run: bool = False
    _seen: set[str] = field(default_factory=set, init=False)

    def waiting(self) -> int:
        """How many messages there are to look at."""
        return sum(self.broker.lists(self.queues).values()) + self.broker.unacked_count()

    def run(self) -> Iterator[list[Row]]:
        """Page after page, what became of each message. Raises TransientError; what was told before is done."""
        # Two at once would take the same messages.
        with embedded.lock(self.home / "migrating.lock"):
            yield from self._lists()
            yield from self._unacked()

    def _lists(self) -> Iterator[list[Row]]:
        for key in self.broker.lists(self.queues):
            skip = 0
            while page := self.broker.page(key, skip):
                rows = self._take([self._look(found) for found in page])
                # What stays is passed over by the next page.
                skip += len(page) if self.dry_run else sum(row.outcome is Outcome.LEFT for row in rows)
                yield rows

    def _unacked(self) -> Iterator[list[Row]]:
        # What a living worker holds may be running: taken over, it would run a second time.
        in_use = self.broker.is_listened_to()
        for page in self.broker.unacked():
            looked = [self._look(found, in_use=in_use) for found in page]
            # Whose queue cannot be read is told in any case.
            yield self._take([each for each in looked if each.queue in (*self.queues, UNACKED)])

    def _look(self, found: Found, *, in_use: bool = False) -> _Readable | Row:
        old: OldTask | None = None
        queue = found.key.partition(PRIORITY)[0]
        try:
            if found.raw is None:
                raise PermanentError(
                    f"{found.size:,} bytes; {MAX_MESSAGE_BYTES:,} are read", code="too-large"
                )
            if found.tag is None:
                old = read(found.raw)
            else:
                old, queue = read_unacked(found.raw)
            if in_use:
                raise PermanentError(
                    "a Celery worker may be running it: stop the workers first", code="in-use"
                )
            return _Readable(found, old, queue, self._jobs_of(old, datetime.now(UTC)))
        except (PermanentError, UsageError) as error:
            return Row(
                getattr(old, "id", None), getattr(old, "name", None), queue, Outcome.LEFT, error.reason
            )

    def _jobs_of(self, old: OldTask, now: datetime) -> list[JobSpec]:
        """The jobs of a message. Raises PermanentError or UsageError when it cannot become one of ours."""
        if old.expires is not None and old.expires <= now:
            raise PermanentError(f"it was not to run after {old.expires:%Y-%m-%d %H:%M} UTC", code="expired")
        task = catalog.find(old.task)
        arguments = named_arguments(old, tuple(task.arguments.model_fields))
        pieces = parts(task.name, arguments)
        specs = [
            replace(
                # What was tried under Celery counts; one try is left in any case.
                new_job(task.name, piece, origin=ORIGIN, attempts=min(old.retries, task.retry.retries)),
                id=part_id(old.job_id, number),
                scheduled_for=old.eta if old.eta is not None and old.eta > now else None,
                parent_id=old.job_id if number else None,
                root_id=old.job_id if number else None,
            )
            for number, piece in enumerate(pieces)
        ]
        # Only after new_job() has checked their form: this looks them up in the store by number or name.
        self.check(arguments)
        return specs

    def _take(self, looked: Sequence[_Readable | Row]) -> list[Row]:
        """Enqueue what is new of a page, then take the messages out of Celery's lists."""
        readable = [each for each in looked if isinstance(each, _Readable)]
        known = self.ledger.standings(spec.id for each in readable for spec in each.specs)
        again = {
            job_id for job_id, at in known.items() if at.state is CANCELLED and self._was_refused(job_id)
        }
        self._seen |= known.keys() - again
        rows, new = [], []
        for each in looked:
            unseen = (
                [] if isinstance(each, Row) else [spec for spec in each.specs if spec.id not in self._seen]
            )
            rows.append(each if isinstance(each, Row) else each.row(unseen))
            # One message may lie there twice, on one page or on two.
            self._seen |= {spec.id for spec in unseen}
            new += unseen
        if not self.dry_run:
            self.enqueuer.submit(spec for spec in new if spec.id not in again)
            self.enqueuer.requeue(self.ledger.requeue(again))
            for each in readable:
                # Only now: after a kill before this the message is known, and leaves next time.
                self.broker.remove(each.found)
        return rows

    def _was_refused(self, job_id: str) -> bool:
        """Whether Redis could not be reached when the job was taken over before: it was never accepted."""
        run = self.history.get(job_id)
        return run is not None and (run.reason or "").startswith(NOT_ACCEPTED)


def check_of(has_article: Callable[[int], object], has_reader: Callable[[str], object]) -> Check:
    """A check that articles and readers named by number or name are here: those of the old database may not be."""

    def check(arguments: Mapping[str, Any]) -> None:
        numbers: Iterable[int] = arguments.get("article_ids") or []
        for number in [*numbers, *([arguments["article_id"]] if "article_id" in arguments else [])]:
            has_article(number)
        if "user_id" in arguments:
            has_reader(arguments["user_id"])

    return check
