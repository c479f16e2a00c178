"""`mingus migrate celery`, on what a real Celery left: nothing lost, nothing doubled, the strange left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.celery import OLD_QUEUES, Outcome
from mingus_lib.domain.jobs import JobSpec, JobState
from mingus_lib.errors import NotFound, RedisUnavailable, UsageError
from mingus_lib.queues import embedded
from mingus_lib.queues.celery import PAGE, CeleryBroker, open_broker
from mingus_lib.queues.connection import connect
from mingus_lib.services.celery_migration import Migration, Row, check_of
from mingus_lib.store.history import JobFilter
from mingus_lib.view import migration as view
from mingus_lib.view.output import Format
from tests.conftest import CommandLine
from tests.old_celery import MESSAGES, fill, golden, id_of, message
from tests.redis_proxy import Proxy
from tests.runtime_parts import Parts

LEFT = {
    "expired": "expired",
    "pickle": "not-json",
    "zlib": "compressed",
    "callback": "has-followers",
    "chain": "has-followers",
}


def missing(number: object) -> object:
    raise NotFound(f"no article {number}")


def migration(parts: Parts, *queues: str, **more: Any) -> Migration:
    given = {"enqueuer": parts.enqueuer, "check": check_of(missing, missing), **more}
    return Migration(
        CeleryBroker(parts.client, "test"),
        queues or OLD_QUEUES,
        ledger=parts.ledger,
        history=parts.history,
        home=parts.folder,
        **given,
    )


def run(parts: Parts, *queues: str, **more: Any) -> list[Row]:
    return [row for page in migration(parts, *queues, **more).run() for row in page]


def waiting(client: Any) -> int:
    lists = sum(client.llen(key) for key in {each["key"] for each in MESSAGES} - {"unacked"})
    return int(lists + client.hlen("unacked"))


def jobs(parts: Parts) -> dict[str, Any]:
    return {job.id: job for job in parts.history.newest(JobFilter(), 1000)}


def test_every_message_becomes_a_job_or_is_left_with_its_reason(parts: Parts) -> None:
    fill(parts.client)
    rows = run(parts)
    left = [row.reason for row in rows if row.outcome is Outcome.LEFT]
    assert len(rows) == len(MESSAGES)
    assert sorted(str(reason).partition(":")[0] for reason in left) == sorted(LEFT.values())
    assert waiting(parts.client) == len(LEFT)
    found = jobs(parts)
    assert set(found) == {id_of(each["name"]) for each in MESSAGES if each["name"] not in LEFT}
    assert {job.origin for job in found.values()} == {"celery"}
    assert parts.client.zcard("unacked_index") == 0


def test_a_job_is_what_the_message_was(parts: Parts) -> None:
    fill(parts.client)
    run(parts)
    found = jobs(parts)
    mail, later, again = found[id_of("mail")], found[id_of("countdown")], found[id_of("retries")]
    assert (mail.task, mail.queue, mail.args["mail"]["from"]) == (
        "process_email_articles",
        "email_processing",
        "a@example.com",
    )
    assert (later.state, later.scheduled_for) == (JobState.SCHEDULED, "2100-01-02T03:04:05.000000+00:00")
    assert (again.state, again.attempts) == (JobState.QUEUED, 2)
    assert found[id_of("protocol 1")].args == {"urls": ["https://example.com/l"]}


def test_a_dry_run_tells_the_same_and_changes_nothing(parts: Parts) -> None:
    fill(parts.client)
    told = run(parts, dry_run=True)
    assert (waiting(parts.client), jobs(parts)) == (len(MESSAGES), {})
    assert [(row.id, row.outcome, row.reason) for row in told] == [
        (row.id, row.outcome, row.reason) for row in run(parts)
    ]


def test_a_library_that_is_not_there_yet_is_made(parts: Parts) -> None:
    fill(parts.client)
    told = Migration(
        CeleryBroker(parts.client, "test"), OLD_QUEUES, parts.enqueuer, parts.ledger, parts.history,
        check_of(missing, missing), parts.folder / "new" / "home", dry_run=True,
    )  # fmt: skip
    assert sum(len(page) for page in told.run()) == len(MESSAGES)


def test_a_second_run_doubles_nothing(parts: Parts) -> None:
    fill(parts.client)
    run(parts)
    before = set(jobs(parts))
    # Killed before it could take the messages out, or delivered twice by Celery.
    parts.client.flushall()
    fill(parts.client)
    fill(parts.client)
    rows = run(parts)
    assert {row.outcome for row in rows} == {Outcome.KNOWN, Outcome.LEFT}
    assert set(jobs(parts)) == before


def test_a_message_that_lies_there_twice_is_one_job(parts: Parts) -> None:
    parts.client.lpush("article_processing", golden("protocol 2"), golden("protocol 2"))
    parts.client.lpush("default", golden("protocol 2"))
    assert [row.outcome for row in run(parts)] == [Outcome.MOVED, Outcome.KNOWN, Outcome.KNOWN]
    assert (len(jobs(parts)), parts.client.exists("article_processing", "default")) == (1, 0)


def test_a_list_that_is_too_long_for_a_job_is_split(parts: Parts) -> None:
    urls = [f"https://example.com/{number}" for number in range(250)]
    parts.client.lpush("article_processing", raw := message("process_new_articles", urls))
    (row,) = run(parts)
    first = json.loads(raw)["headers"]["id"]
    assert row.jobs == [first, f"{first}-2", f"{first}-3"]
    found = jobs(parts)
    assert [url for job_id in row.jobs for url in found[job_id].args["urls"]] == urls
    assert {found[job_id].parent_id for job_id in row.jobs[1:]} == {first}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (message("process_new_article", []), "no task named"),
        (message("process_new_articles", ["ftp://x"]), "urls"),
        (message("process_new_articles", ["https://a.example"], 1, 2), "takes"),
        (message("reprocess_article", 12), "no article 12"),
        (message("classify_article_batch", [1, 2]), "no article 1"),
        (message("update_user_recommendations", "ada"), "no article ada"),
        (message("ping"), "any queue"),
        (b"\x80\x04garbage", "not JSON"),
        (b"x" * 16_000_001, "too-large"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_known_here_is_left(parts: Parts, raw: bytes, reason: str) -> None:
    parts.client.lpush("article_processing", golden("protocol 2"), raw, golden("keywords"))
    rows = run(parts)
    assert [row.outcome for row in rows] == [Outcome.MOVED, Outcome.LEFT, Outcome.MOVED]
    assert reason in str(rows[1].reason)
    assert parts.client.lrange("article_processing", 0, -1) == [raw]


def test_what_a_dead_worker_held_is_left_when_it_is_too_large(parts: Parts) -> None:
    parts.client.hset("unacked", mapping={"large": b"x" * 16_000_001, "small": b"x"})
    rows = run(parts)
    assert {row.outcome for row in rows} == {Outcome.LEFT}
    assert sorted("too-large" in str(row.reason) for row in rows) == [False, True]
    assert parts.client.hlen("unacked") == 2


def test_many_that_stay_are_passed_over(parts: Parts) -> None:
    for number in range(130):
        good = number % 2
        parts.client.lpush(
            "default",
            message("process_new_articles" if good else "unheard_of", [f"https://a.example/{number}"]),
        )
    rows = run(parts)
    assert [row.outcome for row in rows] == [Outcome.LEFT, Outcome.MOVED] * 65
    assert (parts.client.llen("default"), len(jobs(parts))) == (65, 65)


def test_what_a_living_worker_holds_is_left_to_it(parts: Parts) -> None:
    fill(parts.client)
    with connect(parts.url) as other:
        listening = other.pubsub()
        listening.psubscribe("/0.celery.pidbox")
        listening.get_message(timeout=5)
        rows = [row for row in run(parts) if str(row.reason).startswith("in-use")]
        assert len(rows) == parts.client.hlen("unacked") == 2
        listening.close()
    assert {row.outcome for row in run(parts) if row.id in {each.id for each in rows}} == {Outcome.MOVED}


def test_only_the_chosen_queues_are_read(parts: Parts) -> None:
    fill(parts.client)
    parts.client.lpush("dead_letter", message("process_new_articles", ["https://example.com/dead"]))
    (row,) = run(parts, "email_processing")
    assert (row.id, row.queue) == (id_of("mail"), "email_processing")
    assert len(run(parts)) == len(MESSAGES) - 1
    assert [row.outcome for row in run(parts, "dead_letter")] == [Outcome.MOVED]


def test_a_key_that_is_no_queue_is_named(parts: Parts) -> None:
    parts.client.set("default", "x")
    with pytest.raises(UsageError, match="'default'"):
        run(parts)


@dataclass
class Failing:
    """An enqueuer that fails as told: at the first job, before or after it was recorded."""

    real: Any
    at: str

    def submit(self, specs: Any, record: Callable[..., object] | None = None) -> list[str]:
        found: list[JobSpec] = list(specs)
        if self.at == "before":
            raise RedisUnavailable("away")
        self.real.submit(found, record)
        raise RedisUnavailable("away")

    def requeue(self, specs: Any) -> int:
        return int(self.real.requeue(specs))


@pytest.mark.parametrize("at", ["before", "after"])
def test_a_message_stays_until_its_job_is_accepted(parts: Parts, at: str) -> None:
    fill(parts.client)
    with pytest.raises(RedisUnavailable):
        run(parts, enqueuer=Failing(parts.enqueuer, at))
    assert waiting(parts.client) == len(MESSAGES)
    run(parts)
    assert waiting(parts.client) == len(LEFT)
    assert {job.state for job in jobs(parts).values()} == {JobState.QUEUED, JobState.SCHEDULED}


def test_a_job_that_redis_refused_is_taken_over_again(parts: Parts) -> None:
    parts.client.lpush("default", golden("protocol 2"))
    run(parts)
    parts.ledger.disown([id_of("protocol 2")], "not-accepted: Redis is away", datetime.now(UTC))
    parts.client.flushall()
    parts.client.lpush("default", golden("protocol 2"))
    (row,) = run(parts)
    assert (row.outcome, parts.job(id_of("protocol 2")).state) == (Outcome.MOVED, JobState.QUEUED)
    assert parts.client.llen("rq:queue:article_processing") == 1


def test_a_job_that_an_operator_cancelled_stays_cancelled(parts: Parts) -> None:
    parts.client.lpush("default", golden("protocol 2"))
    run(parts)
    parts.ledger.cancel([id_of("protocol 2")], "cancelled: by an operator", datetime.now(UTC))
    parts.client.lpush("default", golden("protocol 2"))
    assert [row.outcome for row in run(parts)] == [Outcome.KNOWN]
    assert parts.job(id_of("protocol 2")).state is JobState.CANCELLED


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("redis+socket:///run/redis.sock?virtual_host=3", "unix:///run/redis.sock?db=3"),
        ("redis://:secret@redis:6379/0", "redis://:***@redis:6379/0"),
    ],
)
def test_celery_s_own_addresses_are_understood(given: str, shown: str) -> None:
    assert open_broker(given).where == shown


def test_a_broker_behind_sentinel_is_explained() -> None:
    with pytest.raises(UsageError, match=r"redis\+sentinel"):
        open_broker("sentinel://a:26379")


def test_a_usual_screen_has_the_ids_and_the_reasons(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, why = "backend.celery_app.process_new_articles", "unknown-task: no task of that name is here"
    row = Row(id_of("mail"), name, "celery", Outcome.LEFT, why)
    for columns, task in (("80", False), ("140", True)):
        monkeypatch.setenv("COLUMNS", columns)
        view.show([row], Format.TABLE, dry_run=True)
        shown = capsys.readouterr().out
        assert id_of("mail") in shown
        assert ("process_new_articles" in shown, "backend" in shown) == (task, False)
    view.show([row], Format.TSV, dry_run=True)
    assert name in capsys.readouterr().out


def test_the_command_moves_tells_and_is_careful(mingus: CommandLine) -> None:
    embedded.ensure_running(mingus.home)
    with connect(embedded.url(mingus.home)) as client:
        fill(client)
        client.lpush("article_processing", b"\x1b[31mgarbage")
    dry = mingus("migrate", "celery", "--dry-run", "--json")
    assert (dry.code, {row["dry_run"] for row in dry.json}) == (0, {True})
    refused = mingus("migrate", "celery")
    assert (refused.code, refused.out) == (5, "")
    assert f"{len(MESSAGES) + 1} messages" in refused.err
    done = mingus("migrate", "celery", "--yes", "--tsv")
    assert done.code == 1
    assert "6 messages were left" in done.err
    assert "\x1b" not in done.out + done.err
    assert mingus("task-status", id_of("mail"), "--json").json["state"] == "queued"
    broker = f"redis+socket://{embedded.socket_path(mingus.home)}"
    again = mingus("migrate", "celery", "--yes", "-q", CELERY_BROKER_URL=broker)
    assert (again.code, again.out) == (1, "")


def test_what_was_taken_over_before_the_broker_went_away_is_shown(
    mingus: CommandLine, redis: Any, redis_home: Path, tmp_path: Path
) -> None:
    redis.rpush(
        "default", *(message("cleanup_expired_cache", id=f"job-{number}") for number in range(PAGE + 10))
    )
    with Proxy(tmp_path, embedded.socket_path(redis_home)) as proxy:
        proxy.arm(watch=0, who="any")
        assert (
            len(mingus("migrate", "celery", "--dry-run", "--json", CELERY_BROKER_URL=proxy.url).json)
            == PAGE + 10
        )
        read = [number for number, name in enumerate(proxy.heard().names, 1) if name == "EVAL"]
        # Before the second page is read; the messages of the first have been removed by then, one by one.
        proxy.arm(watch=0, who="any", at=read[1] + PAGE, victims=[proxy.pid])
        cut = mingus("migrate", "celery", "--yes", "--json", CELERY_BROKER_URL=proxy.url)
    assert (cut.code, len(cut.json)) == (69, PAGE)
    assert redis.llen("default") == 10
    assert {row["outcome"] for row in cut.json} == {"moved"}


def test_a_broker_that_is_away_is_said_without_its_password(mingus: CommandLine) -> None:
    shown = mingus("migrate", "celery", "--dry-run", CELERY_BROKER_URL="redis://:hush@127.0.0.1:1/0")
    assert (shown.code, "hush" in shown.out + shown.err) == (69, False)
    assert "CELERY_BROKER_URL" in shown.err
    refused = mingus("migrate", "celery", "--broker", "amqp://x", "--dry-run")
    assert (refused.code, "the broker" in refused.err) == (2, True)
