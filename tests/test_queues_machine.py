"""Random walks over everything that can happen to jobs, on a real Redis and a real ledger, against a plain model.

The workers here are bare: each step that a worker takes (take, start, end in the ledger, settle in Redis) is a rule
of its own, so that a crash can fall between any two. Who they are is a real process, which a crash kills.
"""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mingus_lib.domain.jobs import MAX_DEATHS, JobState, Start
from mingus_lib.queues import admission, agreement, enqueue, keeper
from mingus_lib.queues.connection import connect
from mingus_lib.queues.delivery import How, Settlement, Taken
from mingus_lib.queues.embedded import url
from mingus_lib.queues.enqueue import new_job
from mingus_lib.queues.names import PAUSED
from mingus_lib.queues.owner import Process, start_time, this_host
from mingus_lib.services import purging
from mingus_lib.store.interventions import Interventions
from tests.crash_lab import WHOLE
from tests.runtime_parts import Parts

QUEUES = ("analytics", "cleanup")
OPEN = ("recorded", "queued", "scheduled", "held")
ENDED = {"finished": JobState.FINISHED, "dead": JobState.DEAD, "cancelled": JobState.CANCELLED}
LATER = timedelta(hours=1)
HOW = st.sampled_from(["bury", "finish", "retry", "lose", "put_back"])
THEN = st.sampled_from(["", "crash", "requeue", "requeue and settle"])


@dataclass
class Job:
    """The model of a job: where it is, and what the ledger must say of it."""

    id: str
    queue: str
    place: str = "queued"
    ledger: JobState = JobState.QUEUED
    runs: int = 0
    deaths: int = 0
    cancel: bool = False


@dataclass
class Hand:
    """A bare worker: its process, and how far it is with its job (taken, started, ended)."""

    name: str
    pid: int
    process: Process
    job: Job | None = None
    taken: Taken | None = None
    phase: str = ""
    attempt: int = 0
    settlement: Settlement | None = None


def someone(name: str) -> Hand:
    """A worker whose process lives until it is killed."""
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    return Hand(name, pid, Process(this_host(), pid, start_time(pid) or 0))


@dataclass
class World:
    """What the walks share: one Redis and one ledger."""

    parts: Parts
    now: float = 0.0
    number: int = 0
    seen: Counter[str] = field(default_factory=Counter)


class Jobs(RuleBasedStateMachine):
    """The rules; `world` is set by the test."""

    world: ClassVar[World]

    @initialize()
    def begin(self) -> None:
        self.parts = self.world.parts
        self.jobs: dict[str, Job] = {}
        self.hands: list[Hand] = []
        self.paused: set[str] = set()
        self.forgotten: set[str] = set()
        self.guard = self.parts.keeper(clock=lambda: self.world.now)
        self.parts.client.flushall()
        self._rounds()
        for queue in QUEUES:
            self.enqueue(queue, later=False)
            self.hire()

    def teardown(self) -> None:
        for hand in getattr(self, "hands", []):
            self._kill(hand)
        for job in getattr(self, "jobs", {}).values():
            self.parts.ledger.cancel([job.id], "the walk is over", datetime.now(UTC))

    # Producers.

    @rule(queue=st.sampled_from(QUEUES), later=st.booleans())
    def enqueue(self, queue: str, later: bool) -> None:
        job_id = self.parts.ping(queue, delay=3600 if later else 0)
        place, state = ("scheduled", JobState.SCHEDULED) if later else ("queued", JobState.QUEUED)
        self.jobs[job_id] = Job(job_id, queue, place, state)

    @rule(queue=st.sampled_from(QUEUES))
    def enqueue_and_die_before_redis_knows(self, queue: str) -> None:
        spec = new_job("ping", {}, queue=queue)
        self.parts.ledger.record([spec])
        self.jobs[spec.id] = Job(spec.id, queue, "recorded")

    @rule(queue=st.sampled_from(QUEUES))
    def enqueue_and_die_before_the_ledger_knows(self, queue: str) -> None:
        job_id = self.parts.ping(queue)
        self.parts.ledger.unconfirm(job_id)
        self.jobs[job_id] = Job(job_id, queue)

    # Workers.

    @precondition(lambda self: len(self.hands) < 3)
    @rule()
    def hire(self) -> None:
        self.world.number += 1
        self.hands.append(someone(f"hand{self.world.number}"))

    @precondition(lambda self: self._with(""))
    @rule(data=st.data(), reply_lost=st.booleans(), steps=st.integers(0, 3), how=HOW, then=THEN)
    def take(self, data: Any, reply_lost: bool, steps: int, how: str, then: str) -> None:
        """Take a job and go so many steps on with it; then the worker dies, or the job is requeued, or neither."""
        hand = data.draw(st.sampled_from(self._with("")))
        _, taken = self._turn(hand)
        if reply_lost:
            _, again = self._turn(hand, unsure=True)
            assert (again and again.id) == (taken and taken.id)
        waiting = [
            job for job in self.jobs.values() if job.place == "queued" and job.queue not in self.paused
        ]
        if taken is None:
            assert not waiting
            return
        job = self.jobs[taken.id]
        assert job in waiting
        assert job.queue == min(each.queue for each in waiting)
        job.place, hand.job, hand.taken, hand.phase = "held", job, taken, "taken"
        self.world.seen[f"taken, reply lost: {reply_lost}"] += 1
        if steps > 0:
            self._start(hand)
        if steps > 1 and hand.phase == "started":
            self._end(hand, how)
        if steps > 2 and hand.phase == "ended":
            self._settle(hand)
        if then == "crash":
            self._crash(hand)
        elif then and job in self._ended():
            self._requeue(job, dies=reply_lost)
            if then == "requeue and settle" and hand.phase == "ended":
                self._settle(hand)

    take_more = take
    take_still_more = take

    def _turn(self, hand: Hand, unsure: bool = False) -> tuple[Any, Taken | None]:
        execution = os.urandom(8).hex()
        return self.parts.delivery.turn(hand.process, hand.name, execution, QUEUES, None, unsure=unsure)

    @precondition(lambda self: self._with("taken"))
    @rule(data=st.data())
    def start(self, data: Any) -> None:
        self._start(data.draw(st.sampled_from(self._with("taken"))))

    def _start(self, hand: Hand) -> None:
        job = self._job(hand)
        assert hand.taken is not None
        spec = admission.admit(hand.taken, self.parts.keyring.keys).spec
        verdict = self.parts.ledger.start(spec, worker=hand.name, now=datetime.now(UTC))
        died = job.ledger is JobState.STARTED
        self.world.seen[f"start: {verdict.kind}, the run before died: {died}"] += 1
        if job.cancel:
            assert verdict.kind is Start.CANCEL
            job.deaths += died
            self._ends(hand, job, JobState.CANCELLED, How.CANCELED)
        elif job.deaths + died >= MAX_DEATHS:
            assert verdict.kind is Start.BURY
            self._ends(hand, job, JobState.DEAD, How.FAILED)
        else:
            assert verdict.kind is Start.RUN
            job.runs += 1
            job.deaths += died
            job.ledger, hand.phase, hand.attempt = JobState.STARTED, "started", verdict.attempt

    @precondition(lambda self: self._with("started"))
    @rule(data=st.data(), how=HOW)
    def end_in_the_ledger(self, data: Any, how: str) -> None:
        self._end(data.draw(st.sampled_from(self._with("started"))), how)

    def _end(self, hand: Hand, how: str) -> None:
        job, ledger, now = self._job(hand), self.parts.ledger, datetime.now(UTC)
        self.world.seen[f"end: {'cancelled' if job.cancel else how}"] += 1
        if job.cancel:
            assert ledger.stop(job.id, hand.attempt, "told to", now)
            self._ends(hand, job, JobState.CANCELLED, How.CANCELED)
        elif how == "finish":
            assert ledger.finish(job.id, hand.attempt, "1", now)
            self._ends(hand, job, JobState.FINISHED, How.FINISHED)
        elif how == "bury":
            assert ledger.bury(job.id, hand.attempt, "bad", now)
            self._ends(hand, job, JobState.DEAD, How.FAILED)
        elif how == "retry":
            assert ledger.retry_later(job.id, hand.attempt, now + LATER, "again", now)
            self._ends(hand, job, JobState.SCHEDULED, How.SCHEDULED)
        elif how == "lose":
            job.deaths += 1
            state = JobState.DEAD if job.deaths >= MAX_DEATHS else JobState.QUEUED
            assert ledger.lose(job.id, hand.attempt, "killed", now) is state
            self._ends(hand, job, state, How.FAILED if state is JobState.DEAD else How.QUEUED)
        else:
            assert ledger.put_back(job.id, hand.attempt)
            job.runs -= 1
            self._ends(hand, job, JobState.QUEUED, How.QUEUED)

    def _ends(self, hand: Hand, job: Job, state: JobState, how: How) -> None:
        assert hand.taken is not None
        job.ledger, hand.phase = state, "ended"
        number = 3600 if how is not How.FAILED else 0
        hand.settlement = Settlement(hand.taken, how, number, "")

    @precondition(lambda self: self._with("ended"))
    @rule(data=st.data())
    def settle(self, data: Any) -> None:
        self._settle(data.draw(st.sampled_from(self._with("ended"))))

    def _settle(self, hand: Hand) -> None:
        done = hand.settlement
        assert done is not None
        settled = self.parts.delivery.settle(done.job.raw_id, str(done.job.owner), done.how, done.number)
        job = self._job(hand)
        assert settled.ours == (job.id not in self.forgotten)
        if settled.ours:
            assert settled.there
            self._let_go(job, done.how)
        hand.job, hand.phase = None, ""

    def _let_go(self, job: Job, how: How) -> None:
        """It was held; what Redis makes of it now."""
        self.world.seen[f"settled as {how.value}, in the ledger {job.ledger.value}"] += 1
        requeued = job.ledger is JobState.QUEUED and how in (How.FAILED, How.CANCELED, How.FINISHED)
        places = {How.QUEUED: "queued", How.SCHEDULED: "scheduled"}
        job.place = "recorded" if requeued else places.get(how, job.ledger.value)

    # What goes wrong.

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def crash(self, data: Any) -> None:
        self._crash(data.draw(st.sampled_from(self.hands)))

    def _crash(self, hand: Hand) -> None:
        self.world.seen[f"crash: {hand.phase or 'idle'}"] += 1
        self._kill(hand)
        self.hands.remove(hand)
        self.hire()

    def _kill(self, hand: Hand) -> None:
        os.kill(hand.pid, signal.SIGKILL)
        os.waitpid(hand.pid, 0)

    @rule()
    def redis_forgets(self) -> None:
        """FLUSHALL; living workers beat, and the keeper has its time."""
        self.parts.client.flushall()
        self.paused.clear()
        for hand in self.hands:
            if hand.phase in ("taken", "started"):
                _, mine = self.parts.delivery.beat(hand.name, {"state": "busy"}, 60, hand.taken)
                assert mine
            elif hand.phase == "ended":
                self.forgotten.add(self._job(hand).id)
        # A worker whose job Redis has no hash of must not be settled by the walk: it would tell the keeper.
        for hand in [each for each in self.hands if each.phase in ("taken", "started")]:
            self._kill(hand)
            self.hands.remove(hand)
            self.hire()
        for hand in [each for each in self.hands if each.phase == "ended"]:
            hand.job, hand.phase = None, ""
        self._rounds()
        self.forgotten.clear()
        for job in self.jobs.values():
            if job.place in ("held", "recorded", "queued", "scheduled"):
                self._is_restored(job)

    def _is_restored(self, job: Job) -> None:
        if job.ledger in ENDED.values():
            job.place = job.ledger.value
        else:
            job.place = "scheduled" if job.ledger is JobState.SCHEDULED else "queued"

    @precondition(lambda self: self._in("queued") and not self._with("ended"))
    @rule(data=st.data())
    def another_tool_removes(self, data: Any) -> None:
        job = data.draw(st.sampled_from(self._in("queued")))
        self._keep()
        self.parts.client.delete(f"rq:job:{job.id}")
        self.parts.client.lrem(f"rq:queue:{job.queue}", 0, job.id)
        self._rounds()
        self._after_keeping()
        job.place, job.ledger = "cancelled", JobState.CANCELLED

    # Keepers and operators.

    @rule()
    def keep(self) -> None:
        self._keep()

    def _keep(self) -> None:
        self._rounds()
        self._after_keeping()

    def _after_keeping(self) -> None:
        """What keepers owe: orphans and recorded jobs are where the ledger says."""
        held = {self._job(hand).id for hand in self.hands if hand.job}
        for job in self.jobs.values():
            if job.place == "held" and job.id not in held:
                job.place = PLACES.get(job.ledger, "queued")
            elif job.place == "recorded":
                job.place = "queued"

    def _rounds(self) -> None:
        for _ in range(4):
            self.world.now += keeper.GRACE_SECONDS + keeper.SLOW_SECONDS
            self.guard.tick()
            while self.guard.busy:
                self.guard.tick()

    @precondition(lambda self: self._in("scheduled"))
    @rule()
    def time_passes(self) -> None:
        due = self._in("scheduled")
        for job in due:
            assert self.parts.client.zscore(f"rq:scheduled:{job.queue}", job.id)
            self.parts.client.zadd(f"rq:scheduled:{job.queue}", {job.id: 1})
        assert self.parts.delivery.move_due() == len(due)
        for job in due:
            job.place = "queued"

    @rule(queue=st.sampled_from(QUEUES))
    def pause_or_resume(self, queue: str) -> None:
        if queue in self.paused:
            self.parts.client.srem(PAUSED, queue)
        else:
            self.parts.client.sadd(PAUSED, queue)
        self.paused ^= {queue}

    @rule(queue=st.sampled_from(QUEUES))
    def purge(self, queue: str) -> None:
        waiting = [job for job in self._in("queued", "scheduled") if job.queue == queue]
        hand = Interventions(self.parts.store)
        removed = purging.run(self.parts.delivery, hand, self.parts.ledger, [queue], 60)
        assert removed == {queue: len(waiting)}
        for job in waiting:
            job.place, job.ledger = "cancelled", JobState.CANCELLED

    @precondition(lambda self: self._in("queued", "scheduled", "recorded"))
    @rule(data=st.data(), half=st.booleans())
    def cancel_a_waiting_job(self, data: Any, half: bool) -> None:
        job = data.draw(st.sampled_from(self._in("queued", "scheduled", "recorded")))
        assert self.parts.ledger.cancel([job.id], "not wanted", datetime.now(UTC)) == 1
        self.parts.delivery.withdraw(job.queue, [job.id], 60)
        job.place, job.ledger = "cancelled", JobState.CANCELLED

    @precondition(lambda self: self._with("started"))
    @rule(data=st.data())
    def cancel_a_running_job(self, data: Any) -> None:
        job = self._job(data.draw(st.sampled_from(self._with("started"))))
        assert self.parts.ledger.request_cancel([job.id]) == 1
        job.cancel = True

    @precondition(lambda self: self._ended())
    @rule(data=st.data(), dies=st.booleans())
    def requeue(self, data: Any, dies: bool) -> None:
        """Of a job that Redis has let go, or has not yet; the operator may die between ledger and Redis."""
        self._requeue(data.draw(st.sampled_from(self._ended())), dies)

    def _requeue(self, job: Job, dies: bool) -> None:
        specs = self.parts.ledger.requeue([job.id])
        assert [spec.id for spec in specs] == [job.id]
        self.world.seen[f"requeue: {job.place}, dies: {dies}"] += 1
        job.ledger, job.deaths, job.cancel = JobState.QUEUED, 0, False
        if job.place == "held":
            if not dies:
                assert self.parts.enqueuer.requeue(specs) == 0
        elif dies:
            job.place = "recorded"
        else:
            assert self.parts.enqueuer.requeue(specs) == 1
            job.place = "queued"

    # What always holds.

    @invariant()
    def the_ledger_says_so(self) -> None:
        for job in getattr(self, "jobs", {}).values():
            run = self.parts.job(job.id)
            assert run.state is job.ledger, f"{job} {run}"
            assert run.attempts == job.runs, f"{job} {run}"
            assert run.deaths == job.deaths or run.state is JobState.DEAD

    @invariant()
    def redis_says_so(self) -> None:
        if not hasattr(self, "jobs"):
            return
        found = agreement.look(self.parts.delivery, self.parts.ledger)
        held = {self._job(hand).id for hand in self.hands if hand.job}
        recorded = {job.id for job in self._in("recorded")}
        lost = {job.id for job in self._in("held")} - held
        assert set(found.missing) == set()
        assert set(found.unconfirmed) == recorded
        assert found.doubled == ()
        assert set(found.orphans) == lost
        assert set(found.ended) == {j.id for j in self._in("held") if j.ledger in ENDED.values()}

    def _with(self, phase: str) -> list[Hand]:
        return [hand for hand in self.hands if hand.phase == phase]

    def _in(self, *places: str) -> list[Job]:
        return [job for job in self.jobs.values() if job.place in places]

    def _ended(self) -> list[Job]:
        ends = (JobState.DEAD, JobState.CANCELLED)
        return [job for job in self.jobs.values() if job.ledger in ends]

    def _job(self, hand: Hand) -> Job:
        assert hand.job is not None
        return hand.job


# Else the walks prove less than they say.
MUST_HAPPEN = {
    "taken, reply lost: True",
    "start: run, the run before died: True",
    "settled as failed, in the ledger queued",
    "crash: taken",
    "crash: started",
    "crash: ended",
    "requeue: held, dies: False",
    "requeue: dead, dies: True",
}
# Where a keeper puts an orphan: a retry that is on the record keeps its time.
PLACES = {JobState.SCHEDULED: "scheduled", **{state: word for word, state in ENDED.items()}}


def test_random_walks(redis: Any, redis_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In the order in which they are made, not at random: keepers sort by them, and a walk must go the same way again.
    ids = (f"{number:016x}" for number in itertools.count())
    monkeypatch.setattr(enqueue, "secrets", SimpleNamespace(token_hex=lambda _: next(ids)))
    with tempfile.TemporaryDirectory() as folder:
        client = connect(url(redis_home))
        Jobs.world = World(Parts(Path(folder), client, url(redis_home), QUEUES))
        try:
            run: Any = Jobs.TestCase()
            run.settings = settings(
                max_examples=250 if WHOLE else 20,
                stateful_step_count=50 if WHOLE else 30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                database=None,
                derandomize=not WHOLE,
            )
            run.runTest()
            print(f"walks: {dict(sorted(Jobs.world.seen.items()))}")
            if WHOLE:
                assert Jobs.world.seen.keys() >= MUST_HAPPEN, MUST_HAPPEN - Jobs.world.seen.keys()
        finally:
            Jobs.world.parts.store.close()
            client.close()
