"""The sweep: a process is killed at its k-th Redis command, for every k, and no job is lost, stuck or run too often.

Bounded in the normal run; whole with MINGUS_TEST_CRASH=1 (`make crash`). Each case goes on until the process ends
without having been killed, so that no command is left out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import cli
from mingus_lib.domain.jobs import JobState
from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.names import LEADER, QUEUES
from mingus_lib.queues.schedule import TimetableScheduler
from mingus_lib.services import ingest
from mingus_lib.services.timekeeping import Timekeeper
from mingus_lib.store.history import JobFilter
from tests.crash_lab import WHOLE, Lab, impatient_keepers
from tests.redis_proxy import Heard
from tests.sites import Reply, Site, Sites
from tests.test_services_ingest import page

MOST_COMMANDS = 200
BOTH = ("before", "after")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("lab"))
    with made.proxy, impatient_keepers():
        yield made
    made.close()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    ingest.load_readers()
    with Sites() as running:
        yield running.add()


@dataclass
class Tally:
    """What a sweep came to; printed by `make crash`."""

    target: str
    points: int = 0
    extra_runs: int = 0
    commands: dict[str, int] = field(default_factory=dict)

    def add(self, heard: Heard, extra: int) -> None:
        self.points += 1
        self.extra_runs += extra
        self.commands[heard.struck or "?"] = self.commands.get(heard.struck or "?", 0) + 1

    def show(self) -> None:
        told = ", ".join(f"{name} {count}" for name, count in sorted(self.commands.items()))
        print(f"{self.target}: {self.points} points, 0 lost, 0 stuck, {self.extra_runs} run again ({told})")


# One case: told how to be killed, it comes back with what was heard and how many runs there were too many.
Case = Callable[[dict[str, Any]], tuple[Heard, int]]


def sweep(target: str, case: Case, whens: tuple[str, ...], step: int = 1) -> None:
    """Every k (or every `step`-th), until nothing was killed any more."""
    tally = Tally(target)
    for when in whens:
        for at in range(1, MOST_COMMANDS, step):
            heard, extra = case({"at": at, "when": when})
            if heard.struck is None:
                assert len(heard.names) < at, f"{heard}"
                break
            tally.add(heard, extra)
        else:
            pytest.fail(f"{target}: more than {MOST_COMMANDS} commands")
    assert tally.points
    tally.show()


def whole(*whens: str, step: int = 1) -> tuple[tuple[str, ...], int]:
    """How much of a sweep to do: all of it, or these."""
    return (BOTH, 1) if WHOLE else (whens, step)


# The command line.


def command(lab: Lab, *arguments: str) -> Callable[[], None]:
    """`mingus ARGUMENTS` through the proxy, in a forked process."""

    def run() -> None:
        os.environ.update(lab.environment(MINGUS_REDIS_URL=lab.proxy.url))
        sys.argv = ["mingus", *arguments]
        cli.main()

    return run


def test_enqueue(lab: Lab) -> None:
    number = iter(range(1000))

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        token = f"enqueue-{next(number)}"
        arguments = ("enqueue", "ping", "--queue", "cleanup", "--args", f'{{"token": "{token}"}}', "-q")
        code, heard = lab.under(command(lab, *arguments), **plan)
        assert code == (0 if heard.struck is None else -9)
        lab.recover()
        ids = [each.id for each in lab.here.history.briefs(JobFilter(arg=token))]
        assert len(ids) <= 1
        assert ids or code
        return heard, sum(lab.check(each, most=1) for each in ids)

    sweep("enqueue", case, *whole("after"))


# The worker, its child, both.


def worker_case(lab: Lab, queues: tuple[str, ...], plan: dict[str, Any], **how: Any) -> tuple[Heard, int]:
    ids = [lab.ping(queues[0], token="a"), lab.ping(queues[-1], token="b")]
    if WHOLE:
        # So that a Redis that does not know the scripts yet is part of it.
        lab.client.script_flush()
    code, heard = lab.under(lambda: lab.worker(lab.proxy.url, queues).work(), **plan, **how)
    if heard.struck is None or 0 not in how.get("victims", [0]):
        assert code == 0, lab.log.read_text()[-3000:]
    else:
        assert code == -9
    lab.recover()
    return heard, sum(lab.check(each) for each in ids)


@pytest.mark.parametrize("queues", [("analytics", "cleanup"), ("cleanup",)], ids=["two", "one"])
def test_worker(lab: Lab, queues: tuple[str, ...]) -> None:
    whens, step = whole("after", step=2 if len(queues) == 2 else 5)
    sweep(f"worker, {len(queues)} queues", lambda plan: worker_case(lab, queues, plan), whens, step)


@pytest.mark.parametrize("queues", [("analytics", "cleanup"), ("cleanup",)], ids=["two", "one"])
def test_redis_killed_under_a_worker(lab: Lab, queues: tuple[str, ...]) -> None:
    whens, step = whole("after", step=6 if len(queues) == 2 else 12)

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        return worker_case(lab, queues, plan, victims=[lab.redis_pid])

    sweep(f"Redis, under a worker of {len(queues)} queues", case, whens, step)


@pytest.mark.parametrize("queues", [("analytics", "cleanup"), ("cleanup",)], ids=["two", "one"])
def test_a_connection_lost_under_a_worker(lab: Lab, queues: tuple[str, ...]) -> None:
    whens, step = whole("after", step=4 if len(queues) == 2 else 8)
    sweep(
        f"connection, of a worker of {len(queues)} queues",
        lambda plan: worker_case(lab, queues, plan, victims=[]),
        whens,
        step,
    )


@pytest.mark.parametrize("order", [{"max_jobs": 1}, {"fair": True}], ids=str)
def test_worker_of_another_order(lab: Lab, order: dict[str, Any]) -> None:
    whens, step = whole("after", step=9)

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        ids = [lab.ping("analytics"), lab.ping("cleanup")]
        _, heard = lab.under(lambda: lab.worker(lab.proxy.url, **order).work(), **plan)
        lab.recover()
        return heard, sum(lab.check(each) for each in ids)

    sweep(f"worker, {order}", case, whens, step)


@pytest.mark.parametrize("fail", ["transient", "permanent", "crash"])
def test_worker_whose_job_fails(lab: Lab, fail: str) -> None:
    """A kill in between adds an attempt that was lost, and takes none of those that the job has."""
    whens, step = whole("after", step=9)
    attempts = {"transient": 4, "permanent": 1, "crash": 3}[fail]

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        job_id = lab.ping(fail=fail)
        _, heard = lab.under(lambda: lab.worker(lab.proxy.url).work(), **plan)
        lab.recover()
        extra = max(0, lab.check(job_id, most=attempts + 1, states=(JobState.DEAD,)) + 1 - attempts)
        return heard, extra

    sweep(f"worker, job that fails: {fail}", case, whens, step)


@pytest.mark.parametrize(("who", "victims"), [("child", [0]), ("any", [1, 0])], ids=["child", "group"])
def test_a_job_that_talks_to_redis(lab: Lab, site: Site, who: str, victims: list[int]) -> None:
    whens, step = whole("after", step=3 if who == "child" else 8)
    number = iter(range(1000))

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        name = f"{who}q{next(number)}".translate(str.maketrans("0123456789", "abcdefghij"))
        site.on(f"/{name}", Reply(page(name)))
        job_id = lab.enqueue("process_new_articles", {"urls": [site.url(f"/{name}")]})
        queues = ("article_processing", "cleanup")
        _, heard = lab.under(
            lambda: lab.worker(lab.proxy.url, queues).work(), who=who, victims=victims, **plan
        )
        lab.recover()
        extra = lab.check(job_id)
        assert lab.here.store.value("SELECT count(*) FROM articles WHERE title = ?", (name,)) == 1
        return heard, extra

    sweep(f"worker, {who} of process_new_articles", case, whens, step)


# The keeper.


def orphan(lab: Lab) -> None:
    """A job whose worker died with it, before and after its start was written."""
    lab.ping()
    plan = {"at": 1, "when": "never", "victims": []}
    lab.under(lambda: os.kill(_busy(lab), 9), **plan)


def _busy(lab: Lab) -> int:
    """Take a job and begin it, then be gone."""
    from mingus_lib.queues import admission
    from mingus_lib.queues.owner import Process

    _, job = lab.delivery.turn(Process.this(), f"w{os.getpid()}", "e1", QUEUES, None)
    assert job is not None
    spec = admission.admit(job, lab.here.keyring.keys).spec
    lab.here.ledger.start(spec, worker="w", now=datetime.now(UTC))
    return os.getpid()


def due(lab: Lab) -> None:
    """A scheduled job whose time has come."""
    job_id = lab.enqueue("ping", {}, queue="analytics", delay=3600)
    lab.client.zadd("rq:scheduled:analytics", {job_id: 1})


def unconfirmed(lab: Lab) -> None:
    """A job whose producer died before it could tell Redis."""
    lab.here.ledger.record([new_job("ping", {}, queue="cleanup")])


def forgotten(lab: Lab) -> None:
    """Jobs that Redis has lost, one of them running at the time."""
    orphan(lab)
    lab.ping()
    lab.enqueue("ping", {}, queue="analytics", delay=3600)
    lab.client.flushall()


@pytest.mark.parametrize("prepare", [orphan, due, unconfirmed, forgotten])
@pytest.mark.parametrize("victim", ["keeper", "Redis"])
def test_keeper(lab: Lab, prepare: Callable[[Lab], None], victim: str) -> None:
    whens, step = whole("after", step=5 if victim == "keeper" else 9)

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        prepare(lab)
        jobs = lab.here.history.newest(JobFilter(states=tuple(JobState)[:3]))
        assert jobs
        victims = [0] if victim == "keeper" else [lab.redis_pid]
        _, heard = lab.under(lambda: keep(lab), victims=victims, **plan)
        lab.recover()
        return heard, sum(lab.check(each.id) for each in jobs)

    sweep(f"{victim}, under a keeper with a job that is {prepare.__name__}", case, whens, step)


def keep(lab: Lab) -> None:
    from mingus_lib.errors import RedisUnavailable

    try:
        lab.tick(lab.keeper(lab.proxy.url))
    except RedisUnavailable:
        lab.tick(lab.keeper(lab.proxy.url))


def test_enqueue_when_redis_is_killed(lab: Lab) -> None:
    """What was accepted runs, what was refused does not run later."""
    whens, step = whole("after", step=2)
    number = iter(range(1000))

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        token = f"refused-{next(number)}"
        arguments = ("enqueue", "ping", "--queue", "cleanup", "--args", f'{{"token": "{token}"}}', "-q")
        code, heard = lab.under(command(lab, *arguments), victims=[lab.redis_pid], **plan)
        assert code in (0, 69), lab.log.read_text()[-3000:]
        lab.recover()
        ids = [each.id for each in lab.here.history.briefs(JobFilter(arg=token))]
        assert ids or code
        wanted = JobState.CANCELLED if code else JobState.FINISHED
        return heard, sum(lab.check(each, most=1 - bool(code), states=(wanted,)) for each in ids)

    sweep("Redis, under an enqueue", case, whens, step)


# The scheduler.


@pytest.mark.parametrize("victim", ["scheduler", "Redis"])
def test_scheduler(lab: Lab, victim: str) -> None:
    """A tick with two slots due: whatever dies, each makes one job, which runs."""
    whens, step = whole("after", step=2 if victim == "scheduler" else 4)
    hour = iter(range(1, 1000))
    (lab.home / "schedules.toml").write_text(
        "".join(f'[{name}]\ntask = "ping"\nqueue = "cleanup"\ncron = "0 * * * *"\n' for name in ("a", "b"))
    )
    noon = datetime(2026, 11, 25, 12, tzinfo=UTC)

    def case(plan: dict[str, Any]) -> tuple[Heard, int]:
        now = noon + timedelta(hours=next(hour))
        turn_a_scheduler(lab, embedded.url(lab.home), now - timedelta(minutes=1))
        victims = [0] if victim == "scheduler" else [lab.redis_pid]
        _, heard = lab.under(lambda: turn_a_scheduler(lab, lab.proxy.url, now), victims=victims, **plan)
        # The one that takes over, when the lock of the dead one has expired.
        lab.client.delete(LEADER)
        turn_a_scheduler(lab, embedded.url(lab.home), now + timedelta(seconds=20))
        lab.recover()
        return heard, sum(lab.check(f"cron-{name}-{now:%Y%m%dT%H%M%SZ}") for name in ("a", "b"))

    sweep(f"{victim}, under a scheduler with two slots due", case, whens, step)
    rows = lab.here.store.rows("SELECT slot, outcome FROM schedule_slots")
    assert {row["outcome"] for row in rows} == {"enqueued"}
    assert len(rows) == 2 * len({row["slot"] for row in rows})


def turn_a_scheduler(lab: Lab, url: str, now: datetime) -> None:
    """A scheduler process of three turns at that time."""
    here = lab.runtime(url)
    file = lab.home / "schedules.toml"
    keeper = Timekeeper(lambda: file, here.slots, here.schedulers_enqueuer, lambda: now)
    scheduler = TimetableScheduler(
        lambda: connect(url),
        name=f"s{os.getpid()}",
        where="test",
        take_lead=here.slots.lead,
        tick=keeper.tick,
    )
    turns = iter((False, False, True))
    scheduler.run(lambda _seconds: next(turns))
