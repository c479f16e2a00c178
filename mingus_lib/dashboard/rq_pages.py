"""rq-dashboard's own pages under /rq: its templates, styles and scripts, over views of ours.

Its views unpickle what any writer to Redis has left in a job, change state on GET, and go round our ledger. Ours
read JSON alone, and what changes something is a POST that calls the service of the command line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, g, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue

from mingus_lib.dashboard import rq_templates
from mingus_lib.dashboard.guard import form_token
from mingus_lib.dashboard.jobs import BULK
from mingus_lib.dashboard.reach import here
from mingus_lib.domain.control import Brief, Did
from mingus_lib.domain.jobs import OPEN, JobState
from mingus_lib.queues import status
from mingus_lib.queues.connection import translated
from mingus_lib.queues.rqlook import LISTS, RqLook
from mingus_lib.services import jobs, purging

NAME = "rq_dashboard"
# The size comes from an address: without a bound one request could read a whole registry.
MAX_PAGE = 200
WINDOW = 10
# Its scripts write the number of a Redis into every address, and we have one.
INSTANCE = "/<int(max=0):instance_number>"
JOBS = "/<queue_name>/<registry_name>/<int:per_page>/<any(asc, dsc):order>/<int(min=1,max=1000000):page>"


def make_blueprint() -> Blueprint:
    """The pages; rq-dashboard's Python code is not imported."""
    # For a name without a dot it finds the package without running it.
    found = find_spec(NAME)
    assert found is not None and found.origin is not None, "rq-dashboard is a dependency"
    folder = Path(found.origin).parent
    pages = Blueprint(
        NAME,
        __name__,
        url_prefix="/rq",
        template_folder=str(folder / "templates"),
        static_folder=str(folder / "static"),
    )
    for rule, endpoint, view, method in ROUTES:
        defaults = {"instance_number": 0} if rule == "/" else {}
        pages.add_url_rule(rule, endpoint, view, methods=[method], defaults=defaults)
    return pages


def queues_overview(instance_number: int) -> str:
    """The queues' page, which then asks for list_queues. No Redis call."""
    return _page("queues", "queues")


def workers_overview(instance_number: int) -> str:
    """The workers' page, which then asks for list_workers. No Redis call."""
    return _page("workers", "workers")


def jobs_overview(
    instance_number: int,
    queue_name: str = "article_processing",
    registry_name: str = "queued",
    per_page: int = 8,
    order: str = "asc",
    page: int = 1,
) -> str:
    """The page of a registry, which then asks for list_jobs. One round trip of Redis."""
    names = _known(queue_name, registry_name)
    return _page(
        "jobs",
        "jobs",
        queues=[{"name": name} for name in names],
        queue={"name": queue_name},
        per_page=per_page,
        order=order,
        page=page,
        registry_name=registry_name,
        enable_delete=True,
    )


def job_view(instance_number: int, job_id: str) -> str:
    """The page of a job, which then asks for job_info. No Redis call."""
    return _page("job", "jobs", id=job_id, enable_delete=True)


def list_queues(instance_number: int) -> ResponseReturnValue:
    """Jobs of every queue by registry. Two round trips of Redis."""
    names = _look().queues()
    return jsonify(queues=[_queue(name, row) for name, row in zip(names, _look().counts(names), strict=True)])


def list_jobs(
    instance_number: int, queue_name: str, registry_name: str, per_page: int, order: str, page: int
) -> ResponseReturnValue:
    """A page of a registry. Three round trips of Redis, at most 200 jobs."""
    _known(queue_name, registry_name)
    size = min(max(1, per_page), MAX_PAGE)
    total, found = _look().page(queue_name, registry_name, (page - 1) * size, size, last_first=order == "dsc")

    def at(number: int) -> dict[str, Any]:
        return {"number": number, "url": _registry(queue_name, registry_name, size, order, number)}

    last = max(1, ceil(total / size))
    first_shown = max(1, min(page - WINDOW // 2, last - WINDOW + 1))
    pagination = {
        "current_page": page,
        "num_pages": last,
        "pages_in_window": [at(n) for n in range(first_shown, min(last, first_shown + WINDOW - 1) + 1)],
        "first_page": at(1),
        "last_page": at(last),
        **({"prev_page": at(page - 1)} if page > 1 else {}),
        **({"next_page": at(page + 1)} if page < last else {}),
    }
    return jsonify(name=queue_name, registry_name=registry_name, jobs=found, pagination=pagination)


def job_info(instance_number: int, job_id: str) -> ResponseReturnValue:
    """One job as Redis has it. One round trip of Redis."""
    found = _look().job(job_id)
    if found is None:
        abort(404, "Redis has no such job; the Jobs page has the history.")
    return jsonify(**found)


def list_workers(instance_number: int) -> ResponseReturnValue:
    """The workers and what they run. Three round trips of Redis."""
    with translated(here().redis_where):
        workers = status.worker_states(here().redis_as_found())
    running = _look().descriptions([each.current_job for each in workers if each.current_job])
    return jsonify(
        workers=[
            {
                "name": each.name,
                "queues": each.queues,
                "state": each.state,
                "current_job": _current(each.current_job, running),
                "version": each.version,
                "python_version": "",
            }
            for each in workers
        ]
    )


def delete_job_view(job_id: str) -> ResponseReturnValue:
    """Cancel a job that has not ended, or drop a dead one. Redis: as the commands."""
    found = here().history.briefs_of([job_id])
    open_ = [job for job in found if job.state in OPEN]
    dead = [job for job in found if job.state is JobState.DEAD]
    acts = [*(here().canceller.run(open_) if open_ else ()), *(here().retrier.drop(dead) if dead else ())]
    return _said(bool(acts) and acts[0].outcome in (Did.CANCELLED, Did.ASKED, Did.DROPPED))


def requeue_job_view(job_id: str) -> ResponseReturnValue:
    """Run a job again. Redis: as `mingus retry`."""
    acts = here().retrier.retry(here().history.briefs_of([job_id]))
    return _said(bool(acts) and acts[0].outcome is Did.REQUEUED)


def requeue_all(queue_name: str) -> ResponseReturnValue:
    """Run the dead jobs of a queue again, the oldest 500. Redis: as `mingus dead requeue`."""
    acts = here().retrier.requeue(_dead(queue_name))
    return jsonify(status="OK", count=sum(act.outcome is Did.REQUEUED for act in acts))


def empty_queue(queue_name: str, registry_name: str) -> ResponseReturnValue:
    """Purge a queue, or drop its dead jobs, the oldest 500. Redis: as the commands."""
    if registry_name == "queued":
        purging.run(
            here().delivery,
            here().hand,
            here().ledger,
            purging.chosen([queue_name]),
            here().settings.results_ttl,
        )
    elif registry_name == "failed":
        here().retrier.drop(_dead(queue_name))
    else:
        abort(409, f"mingus keeps the list {registry_name!r} itself.")
    return _said(True)


def compact_queue(queue_name: str) -> ResponseReturnValue:
    """Nothing: a worker drops an id without a job when it comes to it. RQ's way loses jobs to a kill."""
    return _said(True)


# Endpoints have rq-dashboard's own names: its templates make addresses of them.
ROUTES: tuple[tuple[str, str, Callable[..., ResponseReturnValue], str], ...] = (
    ("/", "queues_overview", queues_overview, "GET"),
    (f"{INSTANCE}/", "queues_overview", queues_overview, "GET"),
    (f"{INSTANCE}/view", "queues_overview", queues_overview, "GET"),
    (f"{INSTANCE}/view/queues", "queues_overview", queues_overview, "GET"),
    (f"{INSTANCE}/view/workers", "workers_overview", workers_overview, "GET"),
    (f"{INSTANCE}/view/jobs", "jobs_overview", jobs_overview, "GET"),
    (f"{INSTANCE}/view/jobs{JOBS}", "jobs_overview", jobs_overview, "GET"),
    (f"{INSTANCE}/view/job/<job_id>", "job_view", job_view, "GET"),
    (f"{INSTANCE}/data/queues.json", "list_queues", list_queues, "GET"),
    (f"{INSTANCE}/data/jobs{JOBS}.json", "list_jobs", list_jobs, "GET"),
    (f"{INSTANCE}/data/job/<job_id>.json", "job_info", job_info, "GET"),
    (f"{INSTANCE}/data/workers.json", "list_workers", list_workers, "GET"),
    ("/job/<job_id>/delete", "delete_job_view", delete_job_view, "POST"),
    ("/job/<job_id>/requeue", "requeue_job_view", requeue_job_view, "POST"),
    ("/requeue/<queue_name>", "requeue_all", requeue_all, "POST"),
    ("/queue/<queue_name>/<registry_name>/empty", "empty_queue", empty_queue, "POST"),
    ("/queue/<queue_name>/compact", "compact_queue", compact_queue, "POST"),
)


def _page(template: str, tab: str, **facts: Any) -> str:
    nonce = secrets.token_urlsafe(16)
    # Its markup has style attributes; its inline script is let in by a number used once.
    g.policy = {"script-src": f"'self' 'nonce-{nonce}'", "style-src-attr": "'unsafe-inline'"}
    html = render_template(
        f"rq_dashboard/{template}.html",
        active_tab=tab,
        current_instance=0,
        # Without the password: the page shows it in a menu.
        instance_list=[here().redis_where],
        rq_url_prefix=url_for(".queues_overview"),
        # From the metadata, since asking the package would import it.
        rq_dashboard_version=version("rq-dashboard"),
        rq_version=version("rq"),
        deprecation_options_usage=False,
        # rq-dashboard's own pace, in milliseconds.
        poll_interval=2500,
        **facts,
    )
    return rq_templates.tame(html, nonce, form_token(), url_for("pages.overview"))


def _look() -> RqLook:
    return RqLook(here().redis_as_found(), here().redis_where)


def _known(queue_name: str, registry_name: str) -> list[str]:
    """The queues; 404 unless both are names of ours."""
    names = _look().queues()
    if queue_name not in names or registry_name not in LISTS:
        # Both come from an address, and the queue's name becomes a part of Redis' keys.
        abort(404, "There is no such queue or list.")
    return names


def _queue(name: str, counts: dict[str, int]) -> dict[str, Any]:
    numbers = {f"{registry}_job_registry_count": counts[registry] for registry in LISTS}
    addresses = {f"{registry}_url": _registry(name, registry, 8, "asc", 1) for registry in LISTS}
    return {"name": name, "count": counts["queued"], **numbers, **addresses}


def _registry(queue: str, registry: str, size: int, order: str, page: int) -> str:
    """The address of a page of a registry."""
    return url_for(
        ".jobs_overview",
        instance_number=0,
        queue_name=queue,
        registry_name=registry,
        per_page=size,
        order=order,
        page=page,
    )


def _current(job_id: str | None, running: dict[str, dict[str, Any]]) -> Any:
    if job_id is None:
        return "idle"
    found = running.get(job_id, {})
    words = found.get("description") or job_id
    return {
        "job_id": job_id,
        "description": words,
        "call_string": words,
        "created_at": found.get("created_at"),
    }


def _dead(queue_name: str) -> list[Brief]:
    wanted = jobs.Wanted(queue=queue_name)
    return jobs.pick(here().history, [], wanted, everything=False, limit=BULK, states=(JobState.DEAD,))


def _said(done: bool) -> ResponseReturnValue:
    return jsonify(status="OK" if done else "ERROR"), 200 if done else 409
