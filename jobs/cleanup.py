"""The queue cleanup: what keeps the house in order."""

from __future__ import annotations

from typing import Any

from jobs.arguments import Arguments
from mingus_lib import runtime
from mingus_lib.queues.catalog import job


class Nothing(Arguments):
    """No arguments."""


@job(Nothing, queue="cleanup", permission="cleanup:run")
def sweep() -> dict[str, Any]:
    """Find what a crash left undone, and have it done: follow-ups, half-read mails, jobs out of step, old slots."""
    return runtime.current().sweeper.run().as_json()
