"""The pace and robots.txt shared through a real Redis."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.clients.web import Pacer, RobotsCache
from mingus_lib.errors import RedisUnavailable
from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.pacing import PACE_PREFIX, ROBOTS_PREFIX, RedisPacer, RedisRobotsCache
from tests.conftest import wait_for
from tests.sites import Reply, Sites, loopback_web

SLACK = 5.0
HOSTILE: list[Any] = [
    lambda client, key: client.set(key, b"\xff\xfe nonsense"),
    lambda client, key: client.set(key, b"x" * 1_000_000),
    lambda client, key: client.lpush(key, b"a", b"b"),
    lambda client, key: client.zadd(key, {b"next": 9e15}),
    *(
        lambda client, key, value=value: client.hset(key, mapping={"next": value, "hold": value})
        for value in (b"", b"inf", b"-inf", b"nan", b"1e308", b"99999999999999", b"-5", b"\x00\xff", b"0x10")
    ),
]


@pytest.fixture
def pacer(redis: Any) -> RedisPacer:
    return RedisPacer(redis)


@pytest.fixture
def cache(redis: Any) -> RedisRobotsCache:
    return RedisRobotsCache(redis)


def test_they_are_what_the_fetch_client_wants(pacer: RedisPacer, cache: RedisRobotsCache) -> None:
    as_pacer: Pacer = pacer
    as_cache: RobotsCache = cache
    with Sites() as sites, loopback_web(pacer=as_pacer, robots=as_cache) as web:
        site = sites.add()
        assert web.fetch(site.on("/", Reply())).status == 200
        assert cache.get(f"http://{site.host}:{site.port}") == (404, b"")


def test_slots_follow_each_other_per_host(pacer: RedisPacer) -> None:
    waits = [pacer.reserve("a", 100.0, 1000) for _ in range(3)]
    assert waits[0] == 0.0
    assert waits[1] == pytest.approx(100, abs=SLACK)
    assert waits[2] == pytest.approx(200, abs=SLACK)
    assert pacer.reserve("b", 100.0, 1000) == 0.0


def test_a_slot_beyond_patience_is_not_taken(pacer: RedisPacer) -> None:
    pacer.reserve("a", 100.0, 0)
    for _ in range(3):
        assert pacer.reserve("a", 100.0, 10.0) == pytest.approx(100, abs=SLACK)
    assert pacer.reserve("a", 100.0, 1000) == pytest.approx(100, abs=SLACK)


def test_without_an_interval_nothing_waits_and_nothing_is_written(pacer: RedisPacer, redis: Any) -> None:
    assert [pacer.reserve("a", 0.0, 0.0) for _ in range(5)] == [0.0] * 5
    assert redis.keys("mingus:pace:*") == []


def test_a_hold_delays_every_slot_and_never_shrinks(pacer: RedisPacer) -> None:
    pacer.hold("a", 500)
    pacer.hold("a", 10)
    assert pacer.held("a") == pytest.approx(500, abs=SLACK)
    assert pacer.reserve("a", 0.0, 1.0) == pytest.approx(500, abs=SLACK)
    assert pacer.reserve("a", 50.0, 1000) == pytest.approx(500, abs=SLACK)
    assert pacer.reserve("a", 50.0, 1000) == pytest.approx(550, abs=SLACK)
    assert pacer.held("b") == 0.0


def test_a_slot_taken_before_a_hold_does_not_shorten_it(pacer: RedisPacer) -> None:
    pacer.reserve("a", 2.0, 0)
    pacer.hold("a", 500)
    assert pacer.held("a") == pytest.approx(500, abs=SLACK)


def test_keys_expire_after_their_last_time(pacer: RedisPacer, redis: Any) -> None:
    pacer.reserve("a", 100.0, 0)
    assert 100_000 <= redis.pttl(f"{PACE_PREFIX}a") + SLACK * 1000 <= 100_000 + 3 * SLACK * 1000
    pacer.hold("a", 500)
    pacer.reserve("a", 0.5, 1000)
    assert redis.pttl(f"{PACE_PREFIX}a") > 490_000


def test_a_slot_that_passed_leaves_the_host_free(pacer: RedisPacer) -> None:
    pacer.reserve("a", 0.05, 0)
    wait_for(lambda: pacer.reserve("a", 0.05, 0.0) == 0.0, "the next slot")


def test_many_processes_worth_of_threads_never_share_a_slot(redis_home: Path, redis: Any) -> None:
    def take(_: int) -> float:
        client = connect(embedded.url(redis_home))
        try:
            return RedisPacer(client).reserve("a", 10.0, 10_000)
        finally:
            client.close()

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(pool.map(take, range(40)))
    assert [round(wait / 10) for wait in waits] == list(range(40))


@pytest.mark.parametrize("spoil", HOSTILE)
def test_spoilt_pace_keys_count_as_absent(pacer: RedisPacer, redis: Any, spoil: Any) -> None:
    spoil(redis, f"{PACE_PREFIX}held")
    assert pacer.held("held") == 0.0
    spoil(redis, f"{PACE_PREFIX}taken")
    assert pacer.reserve("taken", 100.0, 0.0) == 0.0
    assert pacer.reserve("taken", 100.0, 0.0) == pytest.approx(100, abs=SLACK)
    spoil(redis, f"{PACE_PREFIX}hold")
    pacer.hold("hold", 500)
    assert pacer.held("hold") == pytest.approx(500, abs=SLACK)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0, 1e300])
def test_unusual_seconds_do_not_break_the_key(pacer: RedisPacer, seconds: float) -> None:
    pacer.hold("a", seconds)
    pacer.reserve("a", seconds, seconds)
    assert 0 <= pacer.held("a") <= 86_400


def test_robots_come_back_as_they_were(cache: RedisRobotsCache, redis: Any) -> None:
    body = bytes(range(256)) * 1900 + b"\n200\n"
    cache.put("https://a.example:443", 200, body, 60)
    cache.put("https://b.example:443", 0, b"timeout", 60)
    assert cache.get("https://a.example:443") == (200, body)
    assert cache.get("https://b.example:443") == (0, b"timeout")
    assert cache.get("https://c.example:443") is None
    assert 0 < redis.ttl(f"{ROBOTS_PREFIX}https://a.example:443") <= 60


def test_robots_expire(cache: RedisRobotsCache) -> None:
    cache.put("o", 200, b"", 0.05)
    wait_for(lambda: cache.get("o") is None, "the entry to expire")


@pytest.mark.parametrize(
    "value", [b"", b"200", b"abc\nx", b"2000\nx", b"-1\nx", b"700\nx", b"\xff\n", b"200\n" + b"x" * 700_000]
)
def test_spoilt_robots_entries_are_a_miss(cache: RedisRobotsCache, redis: Any, value: bytes) -> None:
    redis.set(f"{ROBOTS_PREFIX}o", value)
    assert cache.get("o") is None


def test_a_robots_entry_of_another_type_is_a_miss_and_is_replaced(
    cache: RedisRobotsCache, redis: Any
) -> None:
    redis.lpush(f"{ROBOTS_PREFIX}o", b"a")
    assert cache.get("o") is None
    cache.put("o", 404, b"", 60)
    assert cache.get("o") == (404, b"")


def test_without_redis_the_error_says_so(tmp_path: Path) -> None:
    client = connect(f"unix://{tmp_path}/none.sock")
    calls = (
        lambda: RedisPacer(client, "there").reserve("a", 1, 1),
        lambda: RedisPacer(client, "there").hold("a", 1),
        lambda: RedisRobotsCache(client, "there").get("o"),
        lambda: RedisRobotsCache(client, "there").put("o", 200, b"", 1),
    )
    for call in calls:
        with pytest.raises(RedisUnavailable, match="there"):
            call()


def test_scripts_survive_a_flush(pacer: RedisPacer, redis: Any) -> None:
    pacer.reserve("a", 1.0, 0)
    redis.script_flush()
    assert pacer.reserve("b", 1.0, 0) == 0.0


def test_two_clients_share_a_host_politely(redis_home: Path, redis: Any) -> None:
    """Two workers, one host: their requests are an interval apart."""
    with Sites() as sites:
        site = sites.add()
        site.on("/", Reply())
        threads = [threading.Thread(target=_fetch_twice, args=(redis_home, site.url("/"))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        times = [seen.at for seen in site.seen]
    assert site.pages_seen == ["/"] * 4
    assert all(after - before > 0.1 for before, after in pairwise(times))


def _fetch_twice(home: Path, url: str) -> None:
    client = connect(embedded.url(home))
    with loopback_web(pacer=RedisPacer(client), robots=RedisRobotsCache(client), interval=0.15) as web:
        web.fetch(url)
        web.fetch(url)
    client.close()
