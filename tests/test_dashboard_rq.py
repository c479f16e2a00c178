"""rq-dashboard's pages over our views: JSON or nothing, changes by our services, no trust in what Redis holds."""

from __future__ import annotations

import os
import pickle
import zlib
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.dashboard.rq_pages import ROUTES
from mingus_lib.dashboard.rq_templates import tame
from mingus_lib.domain.jobs import JobState
from mingus_lib.queues.rqlook import LISTS, NOT_JSON
from tests.dashboard_parts import HOME, client, form_token
from tests.runtime_parts import Parts


@pytest.fixture
def browser(parts: Parts) -> Any:
    """A browser on loopback."""
    return client(parts)


def send(browser: Any, path: str) -> Any:
    """A POST as rq-dashboard's scripts make it."""
    return browser.post(path, headers={"Origin": HOME, "X-CSRFToken": form_token(browser)})


class Bomb:
    """What leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


def plant(parts: Parts, mark: Path) -> str:
    """A job in every list of RQ, and in a worker's hands, that is pickles wherever RQ may look for one."""
    pickled = pickle.dumps(Bomb(mark))
    job = {
        "created_at": "2026-03-09T16:42:12.203114Z",
        "data": zlib.compress(pickled),
        "meta": pickled,
        "result": pickled,
        "status": "finished",
        "origin": "cleanup",
        "description": "x",
    }
    parts.client.hset("rq:job:bomb", mapping=job)
    parts.client.xadd("rq:results:bomb", {"type": "1", "return_value": b64encode(pickled)})
    parts.client.sadd("rq:queues", "rq:queue:cleanup")
    for name, key in LISTS.items():
        if name == "queued":
            parts.client.rpush(key + "cleanup", "bomb")
        else:
            parts.client.zadd(key + "cleanup", {"bomb": 9e9})
    worker = {"birth": "2026-03-09T16:42:12.203114Z", "pid": 1, "current_job": "bomb", "queues": "cleanup"}
    parts.client.sadd("rq:workers", "rq:worker:evil")
    parts.client.hset("rq:worker:evil", mapping=worker)
    return "bomb"


def filled(rule: str, job_id: str, registry: str) -> str:
    """The address that a rule is for."""
    values = {
        "<int(max=0):instance_number>": "0",
        "<int:per_page>": "8",
        "<any(asc, dsc):order>": "asc",
        "<int(min=1,max=1000000):page>": "1",
        "<queue_name>": "cleanup",
        "<registry_name>": registry,
        "<job_id>": job_id,
    }
    for name, value in values.items():
        rule = rule.replace(name, value)
    assert "<" not in rule
    return f"/rq{rule}"


def test_the_bomb_is_one(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(tmp_path / "went-off")))
    assert (tmp_path / "went-off").is_dir()


def test_no_view_unpickles(parts: Parts, browser: Any) -> None:
    mark = parts.folder / "went-off"
    bomb = plant(parts, mark)
    asked = 0
    for rule, _, _, method in ROUTES:
        for registry in LISTS:
            path = filled(rule, bomb, registry)
            answer = browser.get(path) if method == "GET" else send(browser, path)
            assert answer.status_code in (200, 308, 409), path
            asked += 1
    for path in ("/", "/workers", "/jobs", "/health", "/metrics"):
        browser.get(path)
    assert asked > len(ROUTES)
    assert not mark.exists()


def test_what_is_not_json_is_not_shown(parts: Parts, browser: Any) -> None:
    told = browser.get(f"/rq/0/data/job/{plant(parts, parts.folder / 'no')}.json").json
    assert told["result"] == NOT_JSON
    assert told["metadata"] == f'"{NOT_JSON}"'


def test_results_and_reasons_are_shown(parts: Parts, browser: Any) -> None:
    done, dead = parts.run(token="hello"), parts.run(fail="permanent")
    assert browser.get(f"/rq/0/data/job/{done.id}.json").json["result"] == done.result
    assert "told to fail" in browser.get(f"/rq/0/data/job/{dead.id}.json").json["exc_info"]
    rows = browser.get("/rq/0/data/jobs/cleanup/failed/8/asc/1.json").json["jobs"]
    assert [(row["id"], row["description"]) for row in rows] == [(dead.id, "ping")]
    assert browser.get("/rq/0/data/job/nothing.json").status_code == 404


def test_counts_and_pages(parts: Parts, browser: Any) -> None:
    ids = [parts.ping() for _ in range(20)]
    (row,) = [q for q in browser.get("/rq/0/data/queues.json").json["queues"] if q["name"] == "cleanup"]
    assert (row["count"], row["failed_job_registry_count"]) == (20, 0)
    seen = []
    for number in (1, 2, 3, 4):
        page = browser.get(f"/rq/0/data/jobs/cleanup/queued/8/asc/{number}.json").json
        seen += [job["id"] for job in page["jobs"]]
    assert seen == ids
    assert page["pagination"]["num_pages"] == 3
    newest = browser.get("/rq/0/data/jobs/cleanup/queued/8/dsc/1.json").json["jobs"]
    assert [job["id"] for job in newest] == ids[:-9:-1]


def test_started_jobs_are_listed_by_their_ids(parts: Parts, browser: Any) -> None:
    job_id = parts.ping()
    parts.client.zadd("rq:wip:cleanup", {f"{job_id}:execution": 9e9})
    jobs = browser.get("/rq/0/data/jobs/cleanup/started/8/asc/1.json").json["jobs"]
    assert [job["id"] for job in jobs] == [job_id]


@pytest.mark.parametrize("name", ["no-such", "a'b", "a\\", "<b>", "x" * 101])
def test_only_known_queues_have_pages(parts: Parts, browser: Any, name: str) -> None:
    if name != "no-such":
        parts.client.sadd("rq:queues", f"rq:queue:{name}")
    for path in ("/rq/0/view/jobs/{}/queued/8/asc/1", "/rq/0/data/jobs/{}/queued/8/asc/1.json"):
        assert browser.get(path.format(name)).status_code == 404
    assert browser.get("/rq/0/data/jobs/cleanup/odd/8/asc/1.json").status_code == 404


def test_delete_cancels_or_drops(parts: Parts, browser: Any) -> None:
    dead = parts.run(fail="permanent")
    waiting = parts.ping()
    for job_id in (waiting, dead.id):
        assert send(browser, f"/rq/job/{job_id}/delete").json == {"status": "OK"}
        assert parts.job(job_id).state is JobState.CANCELLED
    assert send(browser, f"/rq/job/{dead.id}/delete").status_code == 409
    assert send(browser, "/rq/job/nothing/delete").status_code == 409


def test_requeue_goes_through_the_ledger(parts: Parts, browser: Any) -> None:
    dead = [parts.run(fail="permanent").id for _ in range(3)]
    assert send(browser, f"/rq/job/{dead[0]}/requeue").json == {"status": "OK"}
    assert send(browser, "/rq/requeue/cleanup").json == {"status": "OK", "count": 2}
    assert {parts.job(each).state for each in dead} == {JobState.QUEUED}


def test_empty_purges_and_compact_loses_nothing(parts: Parts, browser: Any) -> None:
    ids = [parts.ping() for _ in range(3)]
    assert send(browser, "/rq/queue/cleanup/compact").status_code == 200
    assert parts.client.llen("rq:queue:cleanup") == 3
    assert send(browser, "/rq/queue/cleanup/queued/empty").status_code == 200
    assert {parts.job(each).state for each in ids} == {JobState.CANCELLED}
    dead = parts.run(fail="permanent")
    send(browser, "/rq/queue/cleanup/failed/empty")
    assert parts.job(dead.id).state is JobState.CANCELLED
    assert send(browser, "/rq/queue/cleanup/finished/empty").status_code == 409


def test_changes_need_the_token_of_our_forms(parts: Parts, browser: Any) -> None:
    job_id = parts.ping()
    changes = [rule for rule, _, _, method in ROUTES if method == "POST"]
    for rule in changes:
        path = filled(rule, job_id, "queued")
        assert browser.post(path, headers={"Origin": HOME}).status_code == 403
        assert browser.get(path).status_code == 405
    assert parts.job(job_id).state is JobState.QUEUED


def test_templates_are_compiled_so_that_values_are_escaped() -> None:
    source = "<b title='x'><%= $('<div/>').text(d.a).html() %></b><% if (d.c) { %>\n<i></i><% } %><%- d.e %>"
    page = (
        f'<script name="row" type="text/template">{source}</script><script type="text/javascript">1</script>'
    )
    made = tame(page, "abc", "</script>", "/home")
    assert "out += text(d.a);" in made
    assert "if (d.c) {" in made
    assert "out += text(d.e);" in made
    assert made.count('nonce="abc"') == 2
    assert '</script>"}' not in made
