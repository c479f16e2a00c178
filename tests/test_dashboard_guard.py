"""Who may come in, from where, and what a browser is told."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.dashboard import access
from mingus_lib.dashboard.access import MAX_CALLERS, MAX_TRIES, TRIES_SECONDS, Tries
from mingus_lib.errors import UsageError
from tests.dashboard_parts import HOME, TOKEN, client, form_token, library, post, token_file
from tests.runtime_parts import Parts

PAGES = ("/", "/jobs", "/tasks", "/workers", "/articles", "/rq/", "/rq/0/data/queues.json")
PROBES = ("/health", "/api/celery/health")


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"ops:{password}".encode()).decode()}


@pytest.fixture
def guarded(parts: Parts) -> Any:
    """A browser before a dashboard that wants a token."""
    return client(parts, dashboard_host="0.0.0.0", dashboard_token_file=token_file(parts.folder))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.7", "::", "example.com"])
def test_no_token_no_address_but_loopback(parts: Parts, host: str) -> None:
    with pytest.raises(
        UsageError, match=r"a token is needed; write one .* MINGUS_DASHBOARD_TOKEN_FILE"
    ) as caught:
        access.from_settings(library(parts, dashboard_host=host))
    assert caught.value.exit_code == 2


def test_no_token_no_public_name(parts: Parts) -> None:
    with pytest.raises(UsageError, match="a token is needed"):
        access.from_settings(library(parts, dashboard_public_url="https://ops.example.com"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(parts: Parts, host: str) -> None:
    assert access.from_settings(library(parts, dashboard_host=host)).token is None


@pytest.mark.parametrize(("text", "mode"), [(TOKEN, 0o644), ("short", 0o600), ("two words of it all", 0o600)])
def test_a_token_file_that_will_not_do_is_named(parts: Parts, text: str, mode: int) -> None:
    path = Path(token_file(parts.folder))
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(UsageError, match=str(path)) as caught:
        access.from_settings(library(parts, dashboard_token_file=str(path)))
    assert text not in str(caught.value)


def test_a_missing_token_file_is_named(parts: Parts) -> None:
    with pytest.raises(UsageError, match="nowhere: No such file"):
        access.from_settings(library(parts, dashboard_token_file=str(parts.folder / "nowhere")))


def test_the_token_is_nowhere_shown(parts: Parts) -> None:
    told = library(parts, dashboard_token=TOKEN)
    assert TOKEN not in repr(told) + told.shown("dashboard_token") + repr(access.from_settings(told))


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_led_to_the_login(guarded: Any, path: str) -> None:
    answer = guarded.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/login?next={path}")


@pytest.mark.parametrize("path", PROBES)
def test_a_stranger_learns_the_health_and_no_more(guarded: Any, path: str) -> None:
    answer = guarded.get(path)
    assert answer.status_code in (500, 503)
    assert answer.json == {"status": "unhealthy"}
    assert len(guarded.get(path, headers=basic(TOKEN)).json) > 1


def test_a_program_without_the_token_is_told_how(guarded: Any) -> None:
    answer = guarded.get("/metrics")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert "bearer token" in answer.text


@pytest.mark.parametrize("headers", [{"Authorization": f"Bearer {TOKEN}"}, basic(TOKEN)])
def test_bearer_and_basic_open_every_page(guarded: Any, headers: dict[str, str]) -> None:
    assert {guarded.get(path, headers=headers).status_code for path in (*PAGES, "/metrics")} == {200}


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer wrong"}, basic("wrong"), {"Authorization": "Basic x"}]
)
def test_a_wrong_one_opens_none(guarded: Any, headers: dict[str, str]) -> None:
    assert guarded.get("/metrics", headers=headers).status_code == 401
    assert guarded.get("/", headers=headers).status_code in (303, 401)


def log_in(browser: Any, token: str, following: str = "/workers") -> Any:
    page = browser.get("/login", query_string={"next": following}).text
    field = page.partition('name="form_token" value="')[2].partition('"')[0]
    fields = {"form_token": field, "token": token, "next": following}
    return browser.post("/login", data=fields, headers={"Origin": HOME})


def test_the_login_leads_on_and_the_logout_back(guarded: Any) -> None:
    answer = log_in(guarded, TOKEN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/workers")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert guarded.get("/workers").status_code == 200
    post(guarded, "/logout")
    assert guarded.get("/workers").status_code == 303


def test_a_wrong_token_is_said_to_be(guarded: Any) -> None:
    answer = log_in(guarded, "wrong")
    assert answer.status_code == 401
    assert "not the token" in answer.text


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:1", "/\n"]
)
def test_the_login_leads_nowhere_else(guarded: Any, target: str) -> None:
    assert log_in(guarded, TOKEN, target).headers["Location"] == "/"


def test_a_cookie_made_up_or_of_another_token_opens_nothing(parts: Parts, guarded: Any) -> None:
    log_in(guarded, TOKEN)
    cookie = guarded.get_cookie("mingus_dashboard").value
    other = client(parts, dashboard_token="another-token-than-that")
    for value in (cookie, cookie[:-2] + "xx", "eyJpZCI6IjEifQ.x.x"):
        other.set_cookie("mingus_dashboard", value)
        assert other.get("/workers").status_code == 303


def test_a_login_is_not_prolonged_by_looking(guarded: Any) -> None:
    page = guarded.get("/login").text
    field = page.partition('name="form_token" value="')[2].partition('"')[0]
    form = {"form_token": field, "token": TOKEN}
    assert "Expires=" in guarded.post("/login", data=form, headers={"Origin": HOME}).headers["Set-Cookie"]
    answer = guarded.get("/workers")
    assert (answer.status_code, "Set-Cookie" in answer.headers) == (200, False)


def test_cookies_behind_https_are_secure(parts: Parts) -> None:
    browser = client(parts, dashboard_token=TOKEN, dashboard_public_url="https://ops.example.com/mingus")
    page = browser.get("/login", headers={"Host": "ops.example.com"}).text
    field = page.partition('name="form_token" value="')[2].partition('"')[0]
    answer = browser.post(
        "/login",
        data={"form_token": field, "token": TOKEN},
        headers={"Host": "ops.example.com", "Origin": "https://ops.example.com"},
    )
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    assert "Path=/mingus" in answer.headers["Set-Cookie"]
    assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize("path", ["/rq", "/jobs/", "//jobs", "/rq//0/view", "//evil.example"])
def test_no_path_is_mended_by_a_redirect_to_plain_http(parts: Parts, path: str) -> None:
    browser = client(parts, dashboard_token=TOKEN, dashboard_public_url="https://ops.example.com/")
    headers = {"Host": "ops.example.com", "Authorization": f"Bearer {TOKEN}"}
    assert browser.get(path, headers=headers).status_code in (200, 404)


def test_guessing_is_slowed_down(guarded: Any) -> None:
    for _ in range(MAX_TRIES):
        assert guarded.get("/metrics", headers=basic("guess")).status_code == 401
    answer = guarded.get("/metrics", headers=basic(TOKEN))
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= TRIES_SECONDS + 1


def test_tries_are_forgotten_and_kept_apart() -> None:
    tries = Tries()
    for second in range(MAX_TRIES):
        assert tries.wait("a", second) == 0
        tries.note("a", second)
    assert tries.wait("a", MAX_TRIES) == TRIES_SECONDS - MAX_TRIES
    assert tries.wait("b", MAX_TRIES) == 0
    assert tries.wait("a", TRIES_SECONDS + 0.5) == 0


def test_a_flood_of_callers_fills_no_memory_and_frees_no_one_who_goes_on() -> None:
    tries = Tries()
    for number in range(MAX_CALLERS + 100):
        tries.note(f"flood-{number}", 1.0)
        if number % 1000 == 0:
            tries.note("guesser", 1.0)
    assert tries.wait("guesser", 2.0) == TRIES_SECONDS - 1
    assert len(tries._wrong) == MAX_CALLERS


@pytest.mark.parametrize(
    "host",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "user@localhost", "", "[::1", "a b"],
)
def test_a_rebound_name_is_refused(parts: Parts, host: str) -> None:
    browser = client(parts)
    for path in ("/", "/health", "/static/dashboard.css", "/login"):
        assert browser.get(path, headers={"Host": host}).status_code in (400, 403), path


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9181", "127.0.0.1:9181", "[::1]:9181"])
def test_our_own_names_are_taken(parts: Parts, host: str) -> None:
    assert client(parts).get("/workers", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Referer": "http://evil.example/localhost"},
        {},
    ],
)
def test_another_site_s_form_is_refused(parts: Parts, headers: dict[str, str]) -> None:
    browser = client(parts)
    token = form_token(browser)
    answer = browser.post("/queues/cleanup/pause", data={"form_token": token}, headers=headers)
    assert answer.status_code == 403
    assert not parts.client.sismember("mingus:paused", "cleanup")


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_a_form_without_its_token_is_refused(parts: Parts, token: str) -> None:
    data = {"form_token": token} if token else {}
    answer = client(parts).post("/queues/cleanup/pause", data=data, headers={"Origin": HOME})
    assert answer.status_code == 403
    assert not parts.client.sismember("mingus:paused", "cleanup")


def test_the_forms_of_another_session_are_refused(parts: Parts, guarded: Any) -> None:
    log_in(guarded, TOKEN)
    mine = form_token(guarded)
    log_in(guarded, TOKEN)
    answer = guarded.post("/queues/cleanup/pause", data={"form_token": mine}, headers={"Origin": HOME})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/queues/cleanup/pause", "/jobs/act", "/logout", "/rq/requeue/cleanup"])
def test_nothing_changes_by_a_link(parts: Parts, path: str) -> None:
    assert client(parts).get(path).status_code in (404, 405)


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
def test_a_proxy_before_a_dashboard_without_a_token_is_noticed(parts: Parts, name: str) -> None:
    answer = client(parts).get("/", headers={name: "192.0.2.1"})
    assert answer.status_code == 403
    assert "a token is needed" in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/jobs", "/nothing", "/health", "/login", "/static/dashboard.css", "/rq/"]
)
def test_every_answer_is_armoured(parts: Parts, path: str) -> None:
    headers = client(parts).get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'unsafe-inline'" not in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert path.startswith("/static") or headers["Cache-Control"] == "no-store"


def test_the_nonce_of_rq_s_pages_is_used_once(parts: Parts) -> None:
    browser = client(parts)
    policies = {browser.get("/rq/").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(policies) == 3
