"""The whole path with real processes: command line, Redis, workers, sites on loopback, the store."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.owner import start_time
from tests.conftest import CommandLine, wait_for
from tests.sites import Reply, Sites
from tests.test_services_ingest import page

ONE_HOST = 60


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


def name(number: int) -> str:
    """A word of letters that no other number gets."""
    return "".join(chr(ord("a") + int(digit)) for digit in f"{number:04d}") + "q"


def test_many_addresses_of_one_host_outlive_the_soft_limit(mingus: CommandLine, sites: Sites) -> None:
    site = sites.add()
    for number in range(ONE_HOST):
        site.on(f"/{name(number)}", Reply(page(name(number))))
    mingus.home.mkdir()
    (mingus.home / "mingus.toml").write_text('[tasks.process_new_articles]\nsoft = 3\nrate_limit = "off"\n')
    addresses = "\n".join(site.url(f"/{name(number)}") for number in range(ONE_HOST))
    worker = mingus.start("worker", "--concurrency", "4", MINGUS_FETCH_INTERVAL="0.1")
    try:
        shown = mingus("add", "-", "--wait", "--json", stdin=addresses, timeout=120)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
    assert shown.code == 0, shown.err
    told = shown.json
    assert {item["outcome"] for item in told["outcomes"]} == {"added"}
    assert len(told["outcomes"]) == ONE_HOST
    assert len(told["states"]) > 1, "no job was handed over"
    assert {job["state"] for job in told["states"]} == {"finished"}
    fetched = [seen.path for seen in site.seen if seen.path != "/robots.txt"]
    assert len(set(fetched)) == ONE_HOST
    # The page that is under way when a job's time is over comes again in the next one; no other does.
    assert len(fetched) - ONE_HOST < len(told["states"])


def test_a_killed_job_goes_on_where_it_was(mingus: CommandLine, sites: Sites) -> None:
    site = sites.add()
    site.on("/first", Reply(page("alpha")))
    site.on("/slow", Reply(page("beta"), latency=3))
    worker = mingus.start("worker")
    try:
        receipt = mingus("add", site.url("/first"), site.url("/slow"), "--json").json
        job_id = receipt["jobs"][0]["id"]
        wait_for(lambda: mingus("articles", "list", "-q").out, "the first article")
        wait_for(lambda: any(seen.path == "/slow" for seen in site.seen), "the slow request")
        # Waited for: a signal to process 0 would be for all that runs these tests.
        os.kill(wait_for(lambda: _running_child(mingus), "the job's process"), signal.SIGKILL)
        story = wait_for(lambda: _ended(mingus, job_id), "the job's end")
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)
    assert story["state"] == "finished"
    assert [attempt["state"] for attempt in story["history"]] == ["lost", "finished"]
    titles = {article["title"] for article in mingus("articles", "list", "--json").json}
    assert titles == {"alpha", "beta"}
    assert [seen.path for seen in site.seen].count("/first") == 1
    assert mingus("db", "check").code == 0


def test_a_killed_worker_s_job_is_rescued_by_another(mingus: CommandLine) -> None:
    first = mingus.start("worker")
    try:
        (job_id,) = mingus(
            "enqueue", "ping", "--queue", "cleanup", "--args", '{"seconds": 4}', "-q"
        ).out.split()
        wait_for(lambda: mingus("job", job_id, "--json").json["state"] == "started", "the attempt")
        child = wait_for(lambda: _running_child(mingus), "the start")
        os.killpg(_parent(child), signal.SIGKILL)
        os.kill(first.pid, signal.SIGKILL)
        first.communicate(timeout=30)
        wait_for(lambda: start_time(child) is None, "the end of the job's process")
        assert mingus("worker", "--burst").code == 0
    finally:
        first.kill()
    story = mingus("job", job_id, "--json").json
    assert (story["state"], story["attempts"], story["deaths"]) == ("finished", 2, 1)


def _running_child(mingus: CommandLine) -> int:
    """The process that runs the job of the only busy worker, 0 when none is busy."""
    client = connect(embedded.url(mingus.home))
    try:
        for key in client.smembers("rq:workers"):
            state, pid = (each or b"" for each in client.hmget(key, "state", "child_pid"))
            if state == b"busy":
                return int(pid)
        return 0
    finally:
        client.close()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _ended(mingus: CommandLine, job_id: str) -> dict[str, str] | None:
    story: dict[str, str] = mingus("job", job_id, "--json").json
    return story if story["state"] in ("finished", "dead") else None


def _children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_workers_do_not_outlive_their_supervisor(mingus: CommandLine, how: signal.Signals) -> None:
    supervisor = mingus.start("worker", "--concurrency", "2")
    try:
        wait_for(lambda: len(mingus("status", "--json").json["workers"]) == 2, "two workers")
        workers = _children(supervisor.pid)
        assert len(workers) == 3, "two workers and a keeper"
    finally:
        supervisor.send_signal(how)
        supervisor.communicate(timeout=30)
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "the workers' end")
    assert mingus("status", "--json").json["workers"] == []


def test_max_jobs_ends_each_worker_and_then_the_command(mingus: CommandLine) -> None:
    for _ in range(3):
        mingus("enqueue", "ping", "--queue", "cleanup")
    shown = mingus("worker", "--concurrency", "2", "--max-jobs", "1")
    assert shown.code == 0
    assert "starting another" not in shown.err
    assert [job["state"] for job in mingus("jobs", "--json").json].count("finished") == 2


def test_new_text_is_labelled_by_the_job_that_follows(mingus: CommandLine, sites: Sites) -> None:
    site = sites.add()
    site.on("/a", Reply(page("alpha")))
    mingus("add", site.url("/a"))
    assert mingus("worker", "--burst").code == 0
    (job,) = mingus("jobs", "--task", "classify_article_batch", "--json").json
    assert (job["state"], job["origin"].partition(":")[0]) == ("finished", "job")
    assert mingus("articles", "show", "1", "--json").json["classification"]["engine"] == "offline"


def test_reprocess_offline_needs_no_network(mingus: CommandLine, sites: Sites) -> None:
    site = sites.add()
    site.on("/a", Reply(page("alpha")))
    mingus("add", site.url("/a"))
    mingus("worker", "--burst")
    before = len(site.seen)
    mingus("reprocess", "1", "--offline")
    mingus("worker", "--burst")
    newest = mingus("jobs", "--task", "reprocess_article", "--json").json[0]
    assert newest["state"] == "finished"
    assert len(site.seen) == before


def test_extract_reads_files_in_order_and_touches_nothing(mingus: CommandLine, tmp_path: Path) -> None:
    import json

    for word in ("alpha", "beta"):
        (tmp_path / f"{word}.html").write_bytes(page(word))
    shown = mingus("extract", str(tmp_path / "beta.html"), str(tmp_path / "alpha.html"), "--json")
    read = [json.loads(line) for line in shown.out.splitlines()]
    assert [each["title"] for each in read] == ["beta", "alpha"]
    assert list(read[0]) == [
        "url", "canonical_url", "title", "author", "authors", "published_at", "site_name", "language",
        "description", "text", "word_count", "reading_time_minutes", "verdict", "reason",
    ]  # fmt: skip
    assert not mingus.home.exists()


def test_extract_is_under_the_same_guard(mingus: CommandLine, sites: Sites) -> None:
    site = sites.add()
    site.on("/a", Reply(page("alpha")))
    shown = mingus("extract", site.url("/a"), "--json", MINGUS_FETCH_ALLOW_NETWORKS="")
    assert shown.code == 1
    assert shown.json["reason"].startswith("blocked-")
    assert site.seen == []
