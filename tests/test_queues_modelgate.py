"""The rate of the model's server: never exceeded as the server counts, by many processes and threads that wake late."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.model import Model
from mingus_lib.domain import answer, prompting
from mingus_lib.domain.rates import JITTER_SECONDS, Window
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.modelgate import NAME, OutOfTime, OwnGate, SharedGate
from mingus_lib.queues.pacing import RedisPacer
from mingus_lib.queues.permits import PERMIT_PREFIX, Permits
from tests.arrivals import Arrivals, most_in_a_second
from tests.fake_openai import FakeOpenAI
from tests.label_samples import Memory, model_of

ASK = prompting.ask("How to save", "Write down what you spend.", "gpt-4.1-mini", 500)


def shared(client: Any, per_second: float) -> SharedGate:
    return SharedGate(Limits(client, "test"), RedisPacer(client, "test"), per_second)


@given(
    st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 2.0), st.floats(0, 0.05)), max_size=40),
    st.integers(1, 5),
)
def test_no_window_ever_holds_more_however_long_sending_takes(
    requests: list[tuple[float, float, float]], most: int
) -> None:
    """Each request: how long after the last one was let in it tries, how long it is on its way out, its delay."""
    window, now = Window(most, 1.0 + JITTER_SECONDS), 0.0
    out: list[tuple[float, str]] = []
    arrived: list[float] = []
    for number, (pause, sending, delay) in enumerate(requests):
        now += pause
        while True:
            for when, permit in [each for each in out if each[0] <= now]:
                window.left(permit, when)
                out.remove((when, permit))
            if (wait := window.enter(str(number), now)) == 0.0:
                break
            now = min([now + wait, *(when for when, _ in out)])
        out.append((now + sending, str(number)))
        arrived.append(now + sending + delay)
    assert not arrived or most_in_a_second(arrived) <= most


@pytest.mark.parametrize(
    ("per_second", "most", "width"),
    [(3.0, 3, 1.0), (3.9, 3, 1.0), (1.0, 1, 1.0), (0.5, 1, 2.0), (15, 15, 1.0)],
)
def test_a_rate_is_whole_requests_in_a_time(per_second: float, most: int, width: float) -> None:
    found = Window.of(per_second)
    assert (found.most, found.width) == (most, width + JITTER_SECONDS)


@pytest.mark.parametrize("of_all", [True, False])
def test_what_is_on_its_way_out_keeps_its_place(redis: Any, of_all: bool) -> None:
    gate = shared(redis, 2.0) if of_all else OwnGate(2.0)
    first, _ = gate.enter(soon(1)), gate.enter(soon(1))
    with pytest.raises(OutOfTime):
        gate.enter(soon(1.5))
    gate.left(first)
    began = time.monotonic()
    gate.enter(soon(5))
    assert time.monotonic() - began >= 1.0 + JITTER_SECONDS - 0.01


def soon(seconds: float) -> float:
    return time.monotonic() + seconds


@pytest.mark.parametrize("of_all", [True, False])
def test_a_turn_that_comes_after_the_job_s_time_is_not_waited_for(redis: Any, of_all: bool) -> None:
    gate = shared(redis, 0.1) if of_all else OwnGate(0.1)
    gate.turn(soon(1))
    began = time.monotonic()
    with pytest.raises(OutOfTime, match="the next turn at the model's server is 10 s away"):
        gate.turn(soon(1))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("of_all", [True, False])
def test_a_hold_that_outlasts_the_job_s_time_is_not_waited_for(redis: Any, of_all: bool) -> None:
    gate = shared(redis, 100.0) if of_all else OwnGate(100.0)
    gate.hold(60)
    gate.hold(1)
    began = time.monotonic()
    with pytest.raises(OutOfTime, match="60 s"):
        gate.turn(soon(5))
    assert time.monotonic() - began < 5


def test_the_place_of_a_dead_process_comes_free(redis: Any) -> None:
    permits = Permits(redis, "x", Window(1, 0.05), "test")
    assert permits.enter("dead") == 0.0
    assert 25 < permits.enter("next") < 31
    redis.zadd(PERMIT_PREFIX + "x", {"dead": time.time()})
    assert permits.enter("next") == 0.0
    assert 0 < redis.pttl(PERMIT_PREFIX + "x") <= 31_000


SPOILT: list[Callable[[Any, str], Any]] = [
    lambda client, key: client.set(key, b"\xff nonsense"),
    lambda client, key: client.hset(key, "a", "b"),
    lambda client, key: client.zadd(key, {str(n): 9e15 for n in range(5)}),
    lambda client, key: client.zadd(key, {str(n): float("inf") for n in range(5)}),
    lambda client, key: client.zadd(key, {str(n): float("-inf") for n in range(5)}),
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_spoilt_log_counts_as_empty(redis: Any, spoil: Callable[[Any, str], Any]) -> None:
    permits = Permits(redis, "x", Window(1, 1.0), "test")
    spoil(redis, PERMIT_PREFIX + "x")
    assert permits.enter("a") == 0.0
    redis.delete(PERMIT_PREFIX + "x")
    spoil(redis, PERMIT_PREFIX + "x")
    permits.left("a")
    assert permits.enter("b") > 0.0


def test_a_request_that_is_sent_is_read_though_redis_has_gone(tmp_path: Path) -> None:
    gate = shared(connect(f"unix://{tmp_path}/none.sock"), 3.0)
    gate.left("permit")
    with pytest.raises(RedisUnavailable):
        gate.enter(soon(1))


def test_a_request_that_may_not_leave_is_never_sent() -> None:
    with FakeOpenAI() as server:
        gate, left = OwnGate(1.0), []
        model = model_of(server, gate=gate)
        model.complete(ASK, soon(5), lambda: left.append("first"))
        with pytest.raises(OutOfTime):
            model.complete(ASK, soon(0.3), lambda: left.append("second"))
        assert (len(server.requests), left) == (1, ["first"])


def test_every_request_passes_the_gate_those_about_batches_too() -> None:
    passed: list[str] = []

    class Noted(OwnGate):
        def enter(self, until: float) -> str:
            passed.append("in")
            return super().enter(until)

        def left(self, permit: str) -> None:
            passed.append("out")
            super().left(permit)

    with FakeOpenAI() as server:
        server.forms = ("plain",)
        model = model_of(server, gate=Noted(1000.0))
        model.complete(ASK, soon(5))
        assert len(server.requests) == 3
        batch = model.batch(model.start_batch([ASK], "tag"))
        server.finish_batches()
        list(model.batch_lines(model.batch(batch.id)))
    assert passed == ["in", "out"] * (3 + 2 + 2 + 1)


def ask_late(home: Path, url: str, seed: int, rate: float, asks: int) -> None:
    """A worker whose threads wake up late, each by up to half a second."""
    rng, punctual = random.Random(seed), time.sleep

    def late(seconds: Any) -> None:
        punctual(seconds + rng.random() ** 4 * 0.5)

    time.sleep = late
    client = connect(embedded.url(home))
    model = Model(
        "sk-test", url, timeout=20, memory=Memory(), schema=answer.schema(), gate=shared(client, rate)
    )
    with ThreadPoolExecutor(5) as pool:
        for reply in pool.map(lambda _: model.complete(ASK, soon(60)), range(asks)):
            assert reply.stop == "stop"


def burn(over: Any) -> None:
    while not over.is_set():
        sum(range(10_000))


def test_the_server_never_sees_more_in_a_second_from_late_workers_on_a_busy_machine(
    redis_home: Path, redis: Any
) -> None:
    rate, context = 20.0, multiprocessing.get_context("fork")
    over = context.Event()
    with Arrivals() as server:
        load = context.Process(target=burn, args=(over,))
        workers = [
            context.Process(target=ask_late, args=(redis_home, server.url, seed, rate, 20))
            for seed in range(3)
        ]
        for each in (load, *workers):
            each.start()
        for worker in workers:
            worker.join(60)
        over.set()
        load.join(10)
        times = sorted(server.times)
    assert [worker.exitcode for worker in workers] == [0] * 3
    assert len(times) == 60
    assert most_in_a_second(times) <= rate
    # And it is used: the turns alone would take three seconds.
    assert times[-1] - times[0] < 3 * 60 / rate
    assert redis.zcard(PERMIT_PREFIX + NAME) <= rate
