"""Jobs run in place: in the process that enqueues them, at once, with their errors (MINGUS_EAGER)."""

from __future__ import annotations

import contextvars
import json
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain.jobs import JobSpec, Start, StartVerdict
from mingus_lib.errors import TransientError
from mingus_lib.queues import catalog, context
from mingus_lib.queues.enqueue import Record
from mingus_lib.queues.ports import Ledger

WORKER = "eager"


@dataclass(frozen=True, slots=True)
class EagerEnqueuer:
    """Takes the place of the Enqueuer. There are no limits of time, rate or memory, and no retries."""

    ledger: Ledger

    def submit(self, specs: Iterable[JobSpec], record: Record | None = None) -> list[str]:
        """Record and run the jobs one after another; their ids. Raises what a job raises, the rest unrun."""
        return [self._run_recorded(spec, record or self.ledger.record) for spec in specs]

    def requeue(self, specs: Sequence[JobSpec]) -> int:
        """Run jobs that the ledger has put back among the queued; how many."""
        for spec in specs:
            self._run(spec)
        return len(specs)

    def _run_recorded(self, spec: JobSpec, record: Record) -> str:
        # Its origin tells keepers that Redis never had it.
        spec = replace(spec, origin=WORKER)
        record([spec])
        self.ledger.confirm([spec.id], datetime.now(UTC))
        self._run(spec)
        return spec.id

    def _run(self, spec: JobSpec) -> None:
        verdict = self.ledger.start(spec, worker=WORKER, now=datetime.now(UTC))
        if verdict.kind is not Start.RUN:
            return
        try:
            # A job may enqueue others, which run inside it: each has its own context.
            result = json.dumps(contextvars.copy_context().run(self._call, spec, verdict))
        except BaseException as error:
            trace = "".join(traceback.format_exception(error))
            reason = getattr(error, "reason", None) or f"bug: {type(error).__name__}: {error}"[:500]
            # Ctrl-C is the person's wish, and no failure of the job.
            if isinstance(error, Exception):
                self.ledger.bury(spec.id, verdict.attempt, reason, datetime.now(UTC), traceback=trace)
            else:
                self.ledger.stop(spec.id, verdict.attempt, "cancelled: interrupted", datetime.now(UTC))
            raise
        if not self.ledger.finish(spec.id, verdict.attempt, result, datetime.now(UTC)):
            raise TransientError(f"job {spec.id} was ended by somebody else while it ran", code="ended")

    def _call(self, spec: JobSpec, verdict: StartVerdict) -> Any:
        task = catalog.find(spec.task).within(spec.timeout)

        def report(done: int, total: int, text: str) -> None:
            self.ledger.progress(spec.id, done, total, text)

        deadline = time.monotonic() + task.soft
        context.enter(
            context.JobContext(
                spec.id, verdict.attempt, verdict.tries, True, deadline, report, task.name, spec.queue
            )
        )
        return catalog.function(task)(**task.validate(spec.args))
