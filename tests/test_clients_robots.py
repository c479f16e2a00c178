"""robots.txt: rules, caching, and what happens when it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.robots import MAX_ROBOTS_BYTES, MemoryRobotsCache, product_token, rules_of
from mingus_lib.clients.web import Web
from mingus_lib.errors import MingusError, PermanentError, TransientError
from tests.sites import Reply, Site, Sites, bomb, loopback_web, redirect


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


@pytest.fixture
def site(sites: Sites) -> Site:
    site = sites.add()
    site.on("/page", Reply())
    site.on("/private/page", Reply())
    return site


class Kept(MemoryRobotsCache):
    """A cache that notes for how long entries were kept."""

    def __init__(self) -> None:
        super().__init__()
        self.ttls: dict[int, float] = {}

    def put(self, origin: str, status: int, body: bytes, ttl: float) -> None:
        super().put(origin, status, body, ttl)
        self.ttls[status] = ttl


def refusal(web: Web, url: str) -> MingusError:
    with pytest.raises(MingusError) as caught:
        web.fetch(url)
    return caught.value


def allowed(text: str, path: str = "/private/page", agent: str = "mingus") -> bool:
    return rules_of(200, text.encode(), agent).allow(f"http://example.org{path}")


def test_a_disallowed_page_is_refused_without_a_request(site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /private")
    with loopback_web() as web:
        error = refusal(web, site.url("/private/page"))
        assert web.fetch(site.url("/page")).status == 200
    assert (type(error), error.code) == (PermanentError, "robots")
    assert site.pages_seen == ["/page"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 418])
def test_4xx_allows_all_and_is_kept_for_a_day(site: Site, status: int) -> None:
    site.on("/robots.txt", Reply(b"User-agent: *\nDisallow: /", status))
    cache = Kept()
    with loopback_web(robots=cache) as web:
        assert web.fetch(site.url("/private/page")).status == 200
    assert cache.ttls == {status: 86_400.0}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_5xx_refuses_for_now_and_is_asked_again_soon(site: Site, status: int) -> None:
    site.on("/robots.txt", Reply(b"", status))
    cache = Kept()
    with loopback_web(robots=cache) as web:
        for _ in range(2):
            error = refusal(web, site.url("/page"))
            assert (type(error), error.code) == (TransientError, "robots")
    assert [seen.path for seen in site.seen] == ["/robots.txt"]
    assert cache.ttls == {status: 60.0}


def test_unreachable_refuses_for_now_and_is_not_waited_for_twice(site: Site) -> None:
    site.on("/robots.txt", Reply(latency=60))
    cache = Kept()
    with loopback_web(robots=cache, timeout=0.3) as web:
        errors = [refusal(web, site.url("/page")) for _ in range(2)]
    assert [(type(error), error.code) for error in errors] == [(TransientError, "timeout")] * 2
    assert [seen.path for seen in site.seen] == ["/robots.txt"]
    assert cache.ttls == {0: 60.0}


def test_robots_is_fetched_once_for_many_threads(site: Site) -> None:
    site.on("/robots.txt", Reply(b"User-agent: *\nAllow: /", content_type="text/plain", latency=0.1))
    with loopback_web() as web, ThreadPoolExecutor(8) as pool:
        assert len(list(pool.map(web.fetch, [site.url("/page")] * 8))) == 8
    assert sum(seen.path == "/robots.txt" for seen in site.seen) == 1


def test_a_shared_cache_serves_another_client(site: Site) -> None:
    site.robots("User-agent: *\nDisallow: /private")
    cache = MemoryRobotsCache()
    for _ in range(2):
        with loopback_web(robots=cache) as web:
            assert refusal(web, site.url("/private/page")).code == "robots"
    assert len(site.seen) == 1


def test_redirects_of_robots_are_followed(sites: Sites, site: Site) -> None:
    other = sites.add()
    other.on("/rules", Reply(b"User-agent: *\nDisallow: /private", content_type="text/plain"))
    site.on("/robots.txt", redirect("/robots2"))
    site.on("/robots2", redirect(other.url("/rules")))
    with loopback_web() as web:
        assert refusal(web, site.url("/private/page")).code == "robots"


@pytest.mark.parametrize(
    "place",
    [
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        "http://u:p@x/",
    ],
)
def test_a_robots_that_leads_where_nobody_may_go_is_a_missing_file(site: Site, place: str) -> None:
    site.on("/robots.txt", redirect(place))
    with loopback_web() as web:
        assert web.fetch(site.url("/page")).status == 200


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (Reply(b"x", headers={"Content-Encoding": "br"}), "bad-response"),
        (Reply(raw=b"no HTTP\r\n\r\n"), "bad-response"),
    ],
)
def test_a_robots_that_cannot_be_had_after_a_redirect_allows_nothing(
    site: Site, rules: Reply, code: str
) -> None:
    site.on("/robots.txt", redirect("/rules"))
    site.on("/rules", rules)
    with loopback_web() as web:
        assert refusal(web, site.url("/page")).code == code


def test_a_robots_redirect_loop_is_a_missing_file(site: Site) -> None:
    site.on("/robots.txt", redirect("/robots.txt"))
    with loopback_web() as web:
        assert web.fetch(site.url("/page")).status == 200


def test_only_the_first_500_kib_count(site: Site) -> None:
    text = "User-agent: *\nDisallow: /private\n" + "# padding\n" * 60_000 + "Disallow: /page\n"
    assert len(text) > MAX_ROBOTS_BYTES
    site.robots(text)
    with loopback_web() as web:
        assert web.fetch(site.url("/page")).status == 200
        assert refusal(web, site.url("/private/page")).code == "robots"


def test_a_rule_cut_in_two_is_not_half_obeyed() -> None:
    head = "User-agent: *\n"
    rule = "Disallow: /private/page"
    padding = "#" * (MAX_ROBOTS_BYTES - len(head) - len("Disallow: /p") - 1) + "\n"
    assert allowed(head + padding + rule, "/page")


def test_a_robots_bomb_and_an_endless_robots_are_cut(site: Site) -> None:
    with loopback_web() as web:
        site.on("/robots.txt", bomb(50))
        assert web.fetch(site.url("/page")).status == 200
    with loopback_web() as web:
        site.on("/robots.txt", Reply(b"# more\n" * 1000, endless=True))
        assert web.fetch(site.url("/page")).status == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("<html>not found</html>", True),
        ("\ufeffUser-agent: *\nDisallow: /", False),
        ("User-agent: mingus\nDisallow: /", False),
        ("User-agent: Mingus\nDisallow: /", False),
        ("User-agent: mingus*\nDisallow: /", False),
        ("User-agent: Mingus/1.0 (+https://library.example)\nDisallow: /", False),
        ("User-agent: otherbot/1.0 mingus\nDisallow: /", True),
        ("User-agent:\nDisallow: /", True),
        ("User-agent: otherbot\nUser-agent: mingus\nDisallow: /", False),
        ("User-agent: otherbot\nDisallow: /", True),
        ("User-agent: mingusbot\nDisallow: /", True),
        ("User-agent: *\nDisallow: /\n\nUser-agent: mingus\nAllow: /", True),
        ("User-agent: *\nDisallow: /\nAllow: /private/page", True),
        ("User-agent: *\nDisallow: /*/page$", False),
        ("User-agent: otherbot\nDisallow: /\n\nUser-agent: *\nDisallow:", True),
        (
            "User-agent: a\nDisallow: /x\nUser-agent: b\n\nUser-agent: *\nDisallow: /private",
            False,
        ),
    ],
)
def test_rules(text: str, expected: bool) -> None:
    assert allowed(text) is expected


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("mingus/0.1 (+https://library.example/bot)", "mingus"),
        ("Mozilla/5.0 (compatible; MingusBot/2; +https://x)", "mingusbot"),
        ("123", "mingus"),
    ],
)
def test_product_token(user_agent: str, token: str) -> None:
    assert product_token(user_agent) == token


def test_a_hostile_file_is_parsed_in_little_time() -> None:
    agents = "".join(f"User-agent: bot{n}\n" for n in range(12_000))
    rules = "".join(f"Disallow: /*a*b*{n}\n" for n in range(12_000))
    started = time.process_time()
    assert allowed(agents + rules + "User-agent: *\nDisallow: /private", "/page")
    assert time.process_time() - started < 10


@given(st.text(max_size=400), st.sampled_from(["", "User-agent: *\n", "User-agent: mingus\nDisallow: "]))
def test_any_text_is_a_rule_set(text: str, head: str) -> None:
    rules = rules_of(200, (head + text).encode("utf-8", "replace"), "mingus")
    assert rules.allow("http://example.org/a") in (True, False)
    assert 0 <= rules.delay <= 60


@given(st.binary(max_size=400))
def test_any_bytes_are_a_rule_set(body: bytes) -> None:
    assert rules_of(200, body, "mingus").allow("http://example.org/a") in (True, False)


def test_the_memory_cache_forgets_in_time_and_in_number() -> None:
    now = [0.0]
    cache = MemoryRobotsCache(size=2, clock=lambda: now[0])
    for name in "abc":
        cache.put(name, 200, b"", 10)
    assert (cache.get("a"), cache.get("b")) == (None, (200, b""))
    now[0] = 11
    assert cache.get("c") is None
