"""The operator's commands as processes: what they print, ask and change, and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from tests.conftest import CommandLine, wait_for
from tests.test_commands_mail import InPlace, eager

__all__ = ["eager"]


@pytest.fixture
def at_work(mingus: CommandLine) -> Iterator[Any]:
    """Two workers of one supervisor."""
    process = mingus.start("worker", "--concurrency", "2", "--loglevel", "error")
    try:
        wait_for(lambda: len(mingus("workers", "list", "-q").out.split()) == 2, "the workers")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def ping(mingus: CommandLine, **arguments: Any) -> str:
    return mingus("enqueue", "ping", "--queue", "cleanup", "-q", "--args", json.dumps(arguments)).out.strip()


def state(mingus: CommandLine, job_id: str) -> str:
    found: str = mingus("job", job_id, "--json").json["state"]
    return found


def dead(mingus: CommandLine, count: int) -> list[str]:
    """So many dead jobs."""
    lines = '{"fail": "permanent"}\n' * count
    ids = mingus("enqueue", "ping", "--queue", "cleanup", "-q", "--lines", "-", stdin=lines).out.split()
    assert mingus("worker", "--burst").code == 0
    return ids


def test_a_running_job_is_cancelled_and_retried(mingus: CommandLine, at_work: Any) -> None:
    job_id = ping(mingus, seconds=2, token="done")
    wait_for(lambda: state(mingus, job_id) == "started", "the start")
    shown = mingus("cancel", job_id[:8], "--json")
    assert (shown.code, shown.err) == (0, "")
    assert [(act["id"], act["outcome"]) for act in shown.json] == [(job_id, "cancelled")]
    again = mingus("retry", job_id, "--wait", "--json")
    assert again.code == 0, again.err
    assert [(job["state"], job["result"]) for job in again.json["jobs"]] == [("finished", "done")]
    story = mingus("job", job_id)
    assert [line.split("\t")[2] for line in story.out.splitlines() if line.startswith("attempt\t")] == [
        "cancelled",
        "finished",
    ]
    refused = mingus("retry", job_id)
    assert (refused.code, "it finished" in refused.out) == (5, True)


def test_cancelling_many_asks_first_and_counts(mingus: CommandLine) -> None:
    mingus("enqueue", "ping", "--queue", "cleanup", "--lines", "-", stdin="{}\n" * 3)
    assert mingus("cancel", "--all").code == 5
    dry = mingus("cancel", "--task", "ping", "--dry-run", "--json").json
    assert [(act["outcome"], act["dry_run"]) for act in dry] == [("cancelled", True)] * 3
    assert mingus("jobs", "--state", "queued", "-q").out.count("\n") == 3
    assert len(mingus("cancel", "--task", "ping", "--limit", "1", "--yes", "-q").out.split()) == 1
    assert len(mingus("cancel", "--all", "--yes", "--json").json) == 2
    assert mingus("status", "--json").json["queues"][5]["queued"] == 0


def test_cancelling_works_with_redis_away(mingus: CommandLine, tmp_path: Path) -> None:
    job_id = ping(mingus)
    shown = mingus("cancel", job_id, MINGUS_REDIS_URL=f"unix://{tmp_path}/nothing.sock")
    assert (shown.code, shown.out.split("\t")[1]) == (0, "cancelled")
    assert len(shown.err.splitlines()) == 1
    mingus("worker", "--burst")
    assert state(mingus, job_id) == "cancelled"


def test_dead_letters(mingus: CommandLine) -> None:
    first, second, third = dead(mingus, 3)
    assert {job["id"] for job in mingus("dead", "list", "--json").json} == {first, second, third}
    assert (
        mingus("dead", "list", "--error", "told", "--newer-than", "1h", "--limit", "2", "-q").out.count("\n")
        == 2
    )
    assert mingus("dead", "show", first[:8], "--json").json["reason"] == "ping: told to fail"
    assert mingus("dead", "requeue").code == 2
    dry = mingus("dead", "requeue", "--all", "--dry-run", "--json").json
    assert [act["outcome"] for act in dry] == ["requeued"] * 3
    assert mingus("dead", "requeue", first, "-q").out == f"{first}\n"
    assert mingus("dead", "show", first).code == 4
    assert mingus("dead", "drop", second).code == 5
    assert mingus("dead", "drop", second, "--yes").code == 0
    assert mingus("job", second, "--json").json["reason"] == "dropped: by an operator"
    assert mingus("dead", "list", "-q").out == f"{third}\n"


def test_a_pause_is_seen_also_with_redis_away(mingus: CommandLine, tmp_path: Path) -> None:
    assert mingus("pause", "clenup").err.count('did you mean "cleanup"') == 1
    paused = mingus("pause", "cleanup", "--json")
    assert (paused.code, paused.json) == (0, [{"queue": "cleanup", "paused": True, "changed": True}])
    away = f"unix://{tmp_path}/nothing.sock"
    for command in (mingus, CommandLine(mingus.home, {"MINGUS_REDIS_URL": away})):
        found = command("queues", "--json").json
        assert [queue["name"] for queue in found if queue["paused"]] == ["cleanup"]
    assert mingus("pause", "analytics", MINGUS_REDIS_URL=away).code == 69
    assert mingus("resume").code == 2
    assert mingus("resume", "--all", "-q").code == 0
    assert not any(queue["paused"] for queue in mingus("queues", "--json").json)


def test_stopping_one_worker_ends_its_supervisor(mingus: CommandLine, at_work: Any) -> None:
    name = mingus("workers", "list", "-q").out.split()[0]
    dry = mingus("workers", "stop", name, "--dry-run", "--json").json
    assert [each["outcome"] for each in dry] == ["asked", "asked"]
    assert at_work.poll() is None
    told = mingus("workers", "stop", name, "--json").json
    assert [each["reason"] for each in told] == [f"SIGTERM to its supervisor, pid {at_work.pid}"] * 2
    assert at_work.wait(30) == 0


def test_draining_waits_for_the_job_in_hand(mingus: CommandLine, at_work: Any) -> None:
    job_id = ping(mingus, seconds=6, token="done")
    wait_for(lambda: state(mingus, job_id) == "started", "the start")
    # Asked twice: the second time must not cut the job short.
    short = mingus("workers", "drain", "--all", "--timeout", "0s")
    assert (short.code, "still there after 0s" in short.err) == (1, True)
    shown = mingus("workers", "drain", "--all", "--json")
    # On a slow machine they may have left by themselves.
    assert shown.code == 0
    assert {each["outcome"] for each in shown.json} <= {"gone"}
    assert at_work.wait(30) == 0
    assert mingus("job", job_id, "--json").json["result"] == "done"
    assert mingus("workers", "stop", "--all").code == 0


def test_a_worker_told_to_shut_down_by_rq_is_not_started_again(mingus: CommandLine, at_work: Any) -> None:
    first, second = mingus("workers", "list", "-q").out.split()
    client = connect(embedded.url(mingus.home))
    wait_for(lambda: client.pubsub_numsub(f"rq:pubsub:{first}")[0][1], "the subscription")
    client.publish(f"rq:pubsub:{first}", '{"command": "shutdown"}')
    wait_for(lambda: mingus("workers", "list", "-q").out.split() == [second], "the worker to leave")
    wait_for(lambda: client.pubsub_numsub(f"rq:pubsub:{second}")[0][1], "the subscription")
    client.publish(f"rq:pubsub:{second}", '{"command": "shutdown"}')
    client.close()
    assert at_work.wait(30) == 0


def test_a_pid_in_redis_is_not_killed_unless_it_is_the_supervisor(mingus: CommandLine, at_work: Any) -> None:
    from mingus_lib.queues.owner import Process, this_host

    client = connect(embedded.url(mingus.home))
    name = mingus("workers", "list", "-q").out.split()[0]
    pid = int(client.hget(f"rq:worker:{name}", "pid") or 0)
    # Stopped, so that its next beat does not put right what is written here.
    os.kill(pid, signal.SIGSTOP)
    try:
        # The pid of this very test, with the start time of another process.
        client.hset(f"rq:worker:{name}", "supervisor", str(Process(this_host(), os.getpid(), 1)))
        (told,) = mingus("workers", "stop", name, "--json").json
        assert told["reason"] == "told through Redis"
    finally:
        os.kill(pid, signal.SIGCONT)
        client.close()


def test_keys(mingus: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    made = mingus("keys", "add", "newsroom", "-p", "articles:write", "-o", str(path), "--json")
    assert made.code == 0, made.err
    secret = json.loads(path.read_text())["keys"][0]["secret"]
    listed = mingus("keys", "list", "--json")
    assert secret not in made.out + listed.out
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert mingus("keys", "add", "other", "-p", "*", "-o", str(path)).code == 5
    wrong = mingus("keys", "add", "other", "-p", "articles:wite", "-o", str(tmp_path / "x"))
    assert (wrong.code, 'did you mean "articles:write"' in wrong.err) == (4, True)
    assert mingus("keys", "revoke", "newsroom").code == 5
    assert mingus("keys", "revoke", "newsroom", "--yes", "--json").json["revoked_at"]
    assert mingus("keys", "revoke", "newsroom", "--yes").code == 4


def test_jobs_are_found_without_redis(mingus: CommandLine, tmp_path: Path) -> None:
    ping(mingus, token="hay")
    needle = ping(mingus, token="needle")
    mingus = CommandLine(mingus.home, {"MINGUS_REDIS_URL": f"unix://{tmp_path}/nothing.sock"})
    found = mingus("jobs", "--arg", "needle", "--since", "2020-01-01", "--newer-than", "2d", "-q")
    assert (found.code, found.out) == (0, f"{needle}\n")
    none = mingus("jobs", "--older-than", "1h")
    assert (none.out, none.err) == ("", "No job matches.\n")


def test_looking_for_what_could_be_ended_starts_no_redis(eager: InPlace) -> None:
    shown = eager("purge", "cleanup", "--dry-run", "--json")
    assert shown.json == [{"queue": "cleanup", "removed": 0, "dry_run": True}]
    for command in (("stop", "--all", "--dry-run"), ("stop", "--all"), ("drain", "--all")):
        shown = eager("workers", *command)
        assert (shown.code, shown.out, shown.err) == (0, "", "No worker is running.\n")
    assert not embedded.answers(eager.home)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["jobs", "--older-than", "2x"], 2),
        (["jobs", "--since", "yesterday"], 2),
        (["jobs", "--task", "pong"], 4),
        (["cancel"], 2),
        (["cancel", "--all", "--queue", "clean"], 4),
        (["cancel", "0123456789abcdef"], 4),
        (["retry"], 2),
        (["retry", "0123456789abcdef"], 4),
        (["dead", "requeue", "--limit", "0"], 2),
        (["dead", "drop", "--older-than", "soon"], 2),
        (["pause"], 2),
        (["resume", "nothing"], 4),
        (["workers", "stop", "nobody"], 4),
        (["workers", "drain", "--all", "--timeout", "soon"], 2),
        (["breakers", "reset", "nothing"], 4),
        (["keys", "add", "a\nb", "-p", "*", "-o", "k"], 2),
        (["keys", "revoke", "nobody", "--yes"], 4),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, list) else str(part),
)
def test_bad_words_get_one_line(mingus: CommandLine, arguments: list[str], code: int) -> None:
    shown = mingus(*arguments)
    assert (shown.code, shown.out) == (code, ""), shown.err
    assert len(shown.err.splitlines()) == 1, shown.err


def test_the_receipt_tells_when_a_job_has_to_wait(mingus: CommandLine) -> None:
    mingus.home.mkdir()
    (mingus.home / "mingus.toml").write_text('[tasks.process_new_articles]\nrate_limit = "2/h"\n')
    starts = [
        mingus("add", f"https://h.example/{n}", "--json").json["jobs"][0]["starts_at"] for n in range(3)
    ]
    assert starts[:2] == [None, None]
    assert starts[2] is not None
    said = mingus("add", "https://h.example/4")
    assert "They start from" in said.err
    mingus("pause", "article_processing")
    assert "paused" in mingus("add", "https://h.example/5").err
