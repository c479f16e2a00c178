"""How commands that put jobs into queues end: with the ids, or with what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mingus_lib.commands.common import failed
from mingus_lib.runtime import Runtime
from mingus_lib.services import enqueueing, waiting
from mingus_lib.view import output, progress, receipts


def finish(here: Runtime, ids: list[str], queue: str | None, wait: bool, form: output.Format) -> None:
    """Print the ids or, with `wait`, how the jobs ended; exit 1 when one did not finish."""
    if not wait:
        receipts.show_ids(ids, form)
        return
    # The ledger is followed, so that a Redis that goes away meanwhile ends no waiting.
    last = awaited(waiting.follow_jobs(here.history, ids), ids, "jobs", worker_hint(here, queue))
    receipts.show_jobs(last.jobs, form)
    if last.failed:
        raise failed("not every job finished; `mingus job ID` tells why")


def awaited(
    steps: Iterable[waiting.Progress], ids: Sequence[str], noun: str, hint: str | None
) -> waiting.Progress:
    """Show the steps to the end of these jobs; who leaves before is told that the jobs stay."""
    try:
        return progress.show(steps, noun, hint=hint)
    except KeyboardInterrupt:
        way = f"Follow it: mingus job --follow {ids[0]}" if len(ids) == 1 else "See the jobs: mingus jobs"
        output.message(f"Nothing was cancelled. {way}")
        raise


def worker_hint(here: Runtime, queue: str | None) -> str | None:
    """What to do when nobody takes jobs from that queue; nothing where jobs run in place."""
    # What runs in place has ended by now, and there may be no Redis to ask.
    if queue is None or here.settings.eager:
        return None
    return enqueueing.what_holds_back(here.redis, queue)
