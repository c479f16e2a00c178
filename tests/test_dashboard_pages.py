"""The dashboard's own pages: what they show, and what their buttons do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mingus_lib.domain.jobs import JobState
from mingus_lib.queues.limits import FAILURES_TO_OPEN, Limits
from tests.dashboard_parts import client, post, served
from tests.runtime_parts import Parts
from tests.store_samples import draft, prose


@pytest.fixture
def browser(parts: Parts) -> Any:
    """A browser on loopback."""
    return client(parts)


def dead_ping(parts: Parts) -> str:
    return parts.run(fail="permanent").id


@pytest.mark.parametrize("path", ["/", "/jobs", "/tasks", "/tasks/ping", "/workers", "/articles", "/review"])
def test_an_empty_library_has_pages_that_say_what_to_do(browser: Any, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "mingus " in answer.text


@pytest.mark.parametrize(
    "path", ["/nothing", "/jobs/none", "/tasks/none", "/articles/9", "/rq/0/view/job/none/x"]
)
def test_what_is_not_there_is_said_not_to_be(browser: Any, path: str) -> None:
    assert browser.get(path).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["state=odd", "after=x", "after=2026~99999999999999999999", "since=yesterday", "until=soon", "task=pong"],
)
def test_a_filter_that_will_not_do_is_explained(browser: Any, query: str) -> None:
    answer = browser.get(f"/jobs?{query}")
    assert answer.status_code in (400, 404)
    assert "did not work" in answer.text


def test_the_overview_shows_queues_breakers_and_failures(parts: Parts, browser: Any) -> None:
    job_id = dead_ping(parts)
    parts.ping("analytics")
    for _ in range(FAILURES_TO_OPEN):
        Limits(parts.client).failed("model", "dependency-down: it answered 503")
    page = browser.get("/").text
    assert f'href="/jobs/{job_id}"' in page
    assert "none runs" in page
    assert "it answered 503" in page
    assert "1 runs, 1 failed (100 %)" in page
    assert re.search(r"analytics</a></th>.*?open.*?<td class=\"n \">1</td>", page, re.DOTALL)


def test_the_rate_of_a_queue_is_that_of_the_last_minutes(parts: Parts, browser: Any) -> None:
    for _ in range(5):
        parts.ping("cleanup")
    parts.worker().work()
    assert "1.0/min" in browser.get("/").text


def test_a_job_s_page_tells_its_story(parts: Parts, browser: Any) -> None:
    job_id = dead_ping(parts)
    page = browser.get(f"/jobs/{job_id}").text
    assert {"told to fail", "Run again", "Drop for good"} <= {
        word for word in ("told to fail", "Run again", "Drop for good") if word in page
    }
    assert ">Cancel<" not in page


def test_a_job_is_found_by_id_argument_and_reason(parts: Parts, browser: Any) -> None:
    job_id, other = dead_ping(parts), parts.ping(token="Ünique 100%_x")
    assert browser.get(f"/jobs?text={job_id}").headers["Location"] == f"/jobs/{job_id}"
    for text, found, absent in (
        (job_id[:6], job_id, other),
        ("TOLD TO", job_id, other),
        ("ÜnIQUE 100%25_", other, job_id),
        ('"fail"', job_id, other),
    ):
        page = browser.get(f"/jobs?text={text}").text
        assert f"/jobs/{found}" in page, text
        assert f"/jobs/{absent}" not in page, text


def test_filters_narrow_and_pages_follow_each_other(parts: Parts, browser: Any) -> None:
    ids = [parts.ping(token=str(number)) for number in range(120)]
    seen: list[str] = []
    path = "/jobs?task=ping&amp;state=queued"
    while path:
        page = browser.get(path.replace("&amp;", "&")).text
        seen += re.findall(r'name="id" value="(\w+)"', page)
        path = "".join(re.findall(r'rel="next" href="([^"]+)"', page))
    assert seen == ids[::-1]
    assert f"/jobs/{ids[0]}" not in browser.get("/jobs?state=dead").text


def test_marked_jobs_run_again(parts: Parts, browser: Any) -> None:
    ids = [dead_ping(parts), dead_ping(parts)]
    answer = post(browser, "/jobs/act", deed="retry", id=ids)
    assert "2 requeued" in answer.text
    assert [parts.job(each).state for each in ids] == [JobState.QUEUED] * 2
    assert parts.client.llen("rq:queue:cleanup") == 2


def test_cancelling_asks_before(parts: Parts, browser: Any) -> None:
    job_id = parts.ping()
    asked = post(browser, "/jobs/act", deed="cancel", id=job_id)
    assert "Cancel: 1 job?" in asked.text
    assert parts.job(job_id).state is JobState.QUEUED
    answer = post(browser, "/jobs/act", deed="cancel", id=job_id, sure="1")
    assert "1 cancelled" in answer.text
    assert parts.job(job_id).state is JobState.CANCELLED
    assert parts.client.llen("rq:queue:cleanup") == 0


def test_all_that_the_filters_choose(parts: Parts, browser: Any) -> None:
    ids = [dead_ping(parts) for _ in range(3)]
    living = parts.ping()
    assert "choose one state first" in post(browser, "/jobs/act", deed="drop", all="1").text
    asked = post(browser, "/jobs/act", deed="drop", all="1", state="dead", text="told to")
    assert "Drop for good: 3 jobs?" in asked.text
    chosen = re.findall(r'name="id" value="(\w+)"', asked.text)
    assert sorted(chosen) == sorted(ids)
    assert "3 dropped" in post(browser, "/jobs/act", deed="drop", id=chosen, sure="1").text
    assert {parts.job(each).state for each in ids} == {JobState.CANCELLED}
    assert parts.job(living).state is JobState.QUEUED


@pytest.mark.parametrize(
    "fields", [{"deed": "explode"}, {}, {"deed": "retry"}, {"deed": "retry", "all": "1"}]
)
def test_a_deed_that_is_none_is_refused(browser: Any, fields: dict[str, str]) -> None:
    assert post(browser, "/jobs/act", **fields).status_code == 400


def test_pause_and_resume(parts: Parts, browser: Any) -> None:
    assert post(browser, "/queues/cleanup/pause").status_code == 303
    assert parts.client.sismember("mingus:paused", "cleanup")
    assert "paused" in browser.get("/").text
    post(browser, "/queues/cleanup/resume")
    assert not parts.client.sismember("mingus:paused", "cleanup")
    assert post(browser, "/queues/nothing/pause").status_code == 404


def test_tasks_in_numbers(parts: Parts, browser: Any) -> None:
    for _ in range(3):
        parts.run()
    dead_ping(parts)
    page = browser.get("/tasks/ping").text
    assert re.search(r"Runs</dt><dd>4 ", page)
    assert re.search(r"Failed</dt><dd>25 % ", page)
    assert "3 finished" in page


def test_workers_are_listed(parts: Parts, browser: Any) -> None:
    parts.worker("tester").register_birth()
    page = browser.get("/workers").text
    assert "tester" in page
    assert "analytics, cleanup" in page


def test_articles_are_listed_searched_and_shown(parts: Parts, browser: Any) -> None:
    from datetime import UTC, datetime

    from mingus_lib.store.articles import Articles

    item = Articles(parts.store).record(
        draft("https://example.com/raise", prose("raise")), job_id=None, position=0, now=datetime.now(UTC)
    )
    title = Articles(parts.store).get(item.article_id or 0).title
    assert title in browser.get("/articles?status=published").text
    assert title in browser.get("/articles?search=raise7").text
    assert title in browser.get(f"/articles/{item.article_id}").text
    assert browser.get("/articles?status=odd").status_code == 400


def test_health_says_what_is_wrong(parts: Parts, browser: Any) -> None:
    answer = browser.get("/health")
    assert (answer.status_code, answer.json["status"]) == (503, "unhealthy")
    assert answer.json["reasons"] == ["workers: none runs"]
    assert browser.get("/api/celery/health").status_code == 500
    assert browser.get("/api/celery/health").json == {
        "status": "unhealthy",
        "error": "workers: none runs",
    }


def test_health_is_good_with_a_worker(parts: Parts, browser: Any) -> None:
    parts.worker("tester").register_birth()
    queues = browser.get("/health").json["queues"]
    assert browser.get("/health").json == {"status": "healthy", "reasons": [], "workers": 1, "queues": queues}
    assert browser.get("/api/celery/health").json == {"status": "healthy", "workers": 1, "queues": queues}
    assert set(queues) >= {"cleanup", "analytics"}


def test_pages_without_redis(parts: Parts) -> None:
    parts.run()
    away = client(parts, redis_url=f"unix://{parts.folder}/no.sock")
    assert "unreachable" in away.get("/").text
    assert away.get("/jobs").status_code == 200
    assert away.get("/health").status_code == 503
    assert "mingus_redis_up 0" in away.get("/metrics").text
    assert post(away, "/queues/cleanup/pause").status_code == 503
    assert away.get("/rq/0/data/queues.json").status_code == 503


def test_health_asks_redis_once(parts: Parts, browser: Any) -> None:
    def workers_listed(path: str) -> int:
        parts.client.config_resetstat()
        browser.get(path)
        return int(parts.client.info("commandstats").get("cmdstat_smembers", {"calls": 0})["calls"])

    once = workers_listed("/metrics")
    assert once > 0
    assert workers_listed("/health") == workers_listed("/api/celery/health") == once


def test_no_page_scans_redis(parts: Parts, browser: Any) -> None:
    job_id = dead_ping(parts)
    parts.client.config_resetstat()
    paths = ("/", "/jobs", f"/jobs/{job_id}", "/tasks", "/workers", "/articles", "/health", "/metrics")
    rq = ("/rq/", "/rq/0/data/queues.json", "/rq/0/data/workers.json", f"/rq/0/data/job/{job_id}.json")
    for path in (*paths, *rq, "/rq/0/data/jobs/cleanup/failed/8/dsc/1.json"):
        assert browser.get(path).status_code in (200, 503), path
    commands = {name.removeprefix("cmdstat_") for name in parts.client.info("commandstats")}
    looks = {
        "info", "get", "exists", "smembers", "llen", "zcard", "lindex", "sismember", "zrange", "hget", "hmget",
        "time", "zcount", "xrevrange", "lrange", "hgetall",
    }  # fmt: skip
    assert commands - {"hello", "client", "client|setinfo", "config", "config|resetstat"} <= looks


def test_it_works_under_a_path(parts: Parts) -> None:
    import requests

    told = {
        "dashboard_public_url": "https://ops.example.com/mingus",
        "dashboard_token": "a-token-of-many-signs",
    }
    with served(parts, **told) as base:
        assert base.endswith("/mingus")
        login = {"headers": {"Authorization": "Bearer a-token-of-many-signs"}}
        # A proxy may pass the path on whole, or without the prefix.
        for address in (f"{base}/", base.removesuffix("/mingus") + "/"):
            page = requests.get(address, timeout=10, **login).text  # type: ignore[arg-type]
            links = set(re.findall(r'(?:href|src|action)="([^"#]+)"', page))
            assert links
            assert all(link.startswith("/mingus/") for link in links)
        for link in links:
            if "/pause" not in link and "logout" not in link:
                where = base.removesuffix("/mingus") + link.replace("&amp;", "&")
                assert requests.get(where, timeout=10, **login).status_code == 200, link  # type: ignore[arg-type]
