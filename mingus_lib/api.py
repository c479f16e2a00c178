"""For programs, such as web applications: enqueue a job, and ask what became of it.

    from mingus_lib.api import enqueue, job

    job_id = enqueue("process_new_articles", {"urls": ["https://example.com/article"]})
    job(job_id)["state"]        # queued, scheduled, started, finished, dead or cancelled

Settings come from MINGUS_* variables and mingus.toml, as for the command. A program on another machine, without
the store, needs MINGUS_REDIS_URL and MINGUS_KEY_FILE (`mingus keys add` writes that file): its jobs enter the
ledger when a worker takes them, and are not part of the promise about a lost Redis before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def enqueue(task: str, args: Mapping[str, Any] | None = None, *, queue: str | None = None) -> str:
    """Enqueue one job and return its id; checked, signed and recorded as the command line does it.

    Raises NotFound (task, queue), UsageError (arguments), RedisUnavailable or StoreUnavailable: then the job was
    not accepted and will not run.
    """
    # Only now: an application that imports this module does not wait for what Redis and store need.
    from mingus_lib import runtime
    from mingus_lib.queues.enqueue import new_job

    (job_id,) = runtime.current().enqueuer.submit([new_job(task, args or {}, queue=queue, origin="python")])
    return job_id


def job(job_id: str) -> dict[str, Any]:
    """What is known of a job: `id`, `task`, `queue`, `state`, `result`, `reason`, and the rest of `job --json`.

    Without the store (see above) only those six, from Redis, which forgets a finished job after an hour.
    Raises NotFound, RedisUnavailable or StoreUnavailable.
    """
    from dataclasses import asdict

    from mingus_lib import runtime
    from mingus_lib.errors import NotFound
    from mingus_lib.queues import lookup

    here = runtime.current()
    if here.settings.key_file is not None:
        found = lookup.job(here.redis_as_found(), here.redis_where, job_id)
    else:
        run = here.history.get(job_id)
        found = asdict(run) if run else None
    if found is None:
        # Quoted and cut: it may come from a stranger's form.
        raise NotFound(f"no job {job_id[:80]!r}")
    return found
