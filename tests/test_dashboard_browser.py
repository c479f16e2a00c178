"""The dashboard in Chromium: hostile text stays text, everybody can use it, nothing breaks the policy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from mingus_lib.domain.jobs import JobState
from mingus_lib.store import browsing
from mingus_lib.store.history import JobFilter
from tests.conftest import wait_for
from tests.dashboard_parts import TOKEN, served
from tests.runtime_parts import Parts
from tests.test_store_browsing import run, spec

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

FLAGS = [
    f"--{flag}"
    for flag in (
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    )
]
# Each would set window.hacked, were it markup: in text, in an attribute, in a script, in a template.
PAYLOADS = (
    "<script>window.hacked=1</script>",
    "<img src=x onerror=window.hacked=1>",
    '"><svg onload=window.hacked=1>',
    "'-(window.hacked=1)-'",
    "</script><script>window.hacked=1</script>",
    "{{ 7*7 }}<%= window.hacked=1 %>",
    "javascript:window.hacked=1",
    "\u202egnp.exe\x00\x1b[31m",
)
HOSTILE = " ".join(PAYLOADS)
LOADING = "document.querySelectorAll('[data-role=loading-placeholder]').length"
PAGES = (
    "/",
    "/jobs",
    "/jobs?state=dead",
    "/tasks",
    "/tasks/ping",
    "/workers",
    "/articles",
    "/review",
    "/jobs/none",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """One browser for all tests here, with a profile of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Tab:
    """A page of the browser that remembers what went wrong in it."""

    def __init__(self, context: Any, base: str) -> None:
        self.page = context.new_page()
        self.base = base
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))
        self.page.on("console", lambda message: self._note(message.type, message.text))

    def _note(self, kind: str, text: str) -> None:
        # The status of a page is the test's own business.
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.complaints.append(text)

    def open(self, path: str) -> Any:
        self.page.goto(self.base + path)
        return self.page


@pytest.fixture
def base(parts: Parts) -> Iterator[str]:
    """A dashboard of a library with a little of everything."""
    parts.run(token="fine")
    parts.run(fail="permanent")
    parts.ping("analytics")
    parts.worker("tester").register_birth()
    with served(parts) as address:
        yield address


@pytest.fixture
def tab(chromium: Any, base: str) -> Iterator[Tab]:
    """A tab of 1280 pixels; the test fails with whatever its console complained of."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    opened = Tab(context, base)
    yield opened
    context.close()
    assert opened.complaints == []


def poison(parts: Parts) -> str:
    """A library whose every text is hostile: in the ledger, in Redis, in articles; the id of a job of it."""
    hostile = spec(1, HOSTILE)
    parts.ledger.record([hostile])
    run(parts.ledger, hostile, "dead", 1)
    parts.store.execute(
        "UPDATE job_runs SET args = json_object('urls', ?1), reason = ?1, traceback = ?1, worker = ?1, origin = ?1, "
        "result = json_quote(?1), queue = ?1, progress_text = ?1",
        (HOSTILE,),
    )
    parts.store.execute("UPDATE job_attempts SET reason = ?1, worker = ?1, traceback = ?1", (HOSTILE,))
    poison_redis(parts, hostile.id)
    return hostile.id


def poison_redis(parts: Parts, job_id: str) -> None:
    fields = dict.fromkeys(("description", "exc_info", "origin", "status", "enqueued_at"), HOSTILE)
    times = dict.fromkeys(("created_at", "ended_at", "started_at"), "2026-03-09T16:42:12.203114Z")
    for name in (job_id, *PAYLOADS):
        parts.client.hset(f"rq:job:{name}", mapping={**fields, **times, "meta": f'"{HOSTILE[:20]}"'})
        parts.client.zadd("rq:failed:cleanup", {name: -1})
    for name in PAYLOADS:
        parts.client.sadd("rq:queues", f"rq:queue:{name}")
        parts.client.sadd("rq:workers", f"rq:worker:{name}")
        worker = dict.fromkeys(("hostname", "state", "queues", "recycled", "version", "birth"), HOSTILE)
        parts.client.hset(f"rq:worker:{name}", mapping={**worker, "pid": 1, "current_job": job_id})
        parts.client.sadd("mingus:breakers", name)
        parts.client.hset(
            f"mingus:breaker:{name}", mapping={"failures": 5, "opened_at": 1, "reason": HOSTILE}
        )


def rq_pages(job_id: str) -> tuple[str, ...]:
    return (
        "/rq/",
        "/rq/0/view/workers",
        "/rq/0/view/jobs/cleanup/failed/8/asc/1",
        f"/rq/0/view/job/{job_id}",
    )


def test_hostile_text_is_text_on_every_page(parts: Parts, tab: Tab) -> None:
    job_id = poison(parts)
    for path in ("/", "/jobs", "/jobs?text=hacked", f"/jobs/{job_id}", "/tasks", "/workers"):
        page = tab.open(path)
        assert "window.hacked=1" in page.inner_text("main"), path
        assert page.evaluate("window.hacked") is None, path
        assert page.evaluate("document.querySelectorAll('main script, main img').length") == 0, path


def test_hostile_words_in_an_address_are_text(tab: Tab) -> None:
    for payload in PAYLOADS:
        words, part = quote(payload), quote(payload, safe="")
        for path in (f"/jobs?text={words}", f"/jobs?state={words}", f"/tasks/{part}"):
            assert tab.open(path).evaluate("window.hacked") is None, path


def test_hostile_text_is_text_on_rq_s_pages(parts: Parts, tab: Tab) -> None:
    job_id, page = poison(parts), tab.page
    for path in rq_pages(job_id):
        tab.open(path)
        wait_for(lambda: page.evaluate(LOADING) == 0, "the rows")
        if "/job" in path or "worker" in path:
            wait_for(lambda: "window.hacked=1" in page.inner_text("body"), "the hostile text")
        assert page.evaluate("window.hacked") is None, path
        assert page.evaluate("document.querySelectorAll('.container img, .container svg').length") == 0, path


def test_rq_s_buttons_work(parts: Parts, tab: Tab) -> None:
    job_id = parts.run(fail="permanent").id
    page = tab.open(f"/rq/0/view/job/{job_id}")
    page.click("#requeue-job-btn")
    wait_for(lambda: parts.job(job_id).state is JobState.QUEUED, "the job queued again")
    page = tab.open("/rq/0/view/jobs/cleanup/queued/8/asc/1")
    page.click("#empty-btn")
    page.click("#confirmation-modal-yes")
    wait_for(lambda: parts.job(job_id).state is JobState.CANCELLED, "the queue emptied")


def barriers(page: Any) -> list[Any]:
    """What axe-core finds: rules of WCAG 2.2 A and AA and its best practices, with where they are broken."""
    from axe_playwright_python.sync_playwright import Axe

    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    return [(each["id"], [node["html"][:120] for node in each["nodes"]]) for each in found]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_everybody_can_use_every_page(
    chromium: Any, base: str, parts: Parts, scheme: str, width: int
) -> None:
    dead = parts.history.newest(_dead(), 1)[0].id
    context = chromium.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    for path in (*PAGES, f"/jobs/{dead}"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert barriers(page) == [], path
    context.close()


def _dead() -> Any:
    return JobFilter(states=(JobState.DEAD,))


def test_the_keyboard_reaches_and_presses_everything(parts: Parts, tab: Tab) -> None:
    page = tab.open("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator("button", has_text="Pause cleanup").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=paused")
    assert parts.client.sismember("mingus:paused", "cleanup")


def test_logging_in(chromium: Any, parts: Parts) -> None:
    context = chromium.new_context()
    with served(parts, dashboard_token=TOKEN) as address:
        tab = Tab(context, address)
        page = tab.open("/workers")
        assert barriers(page) == []
        page.keyboard.type("wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("text=That is not the token")
        page.keyboard.type(TOKEN)
        page.keyboard.press("Enter")
        page.wait_for_selector("h1:has-text('Workers')")
        assert page.evaluate("document.cookie") == ""
        page.click("text=Log out")
        page.wait_for_selector("h1:has-text('Log in')")
        assert tab.complaints == []
    context.close()


def test_it_works_without_scripts(chromium: Any, base: str, parts: Parts) -> None:
    dead = parts.history.newest(_dead(), 1)[0].id
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{base}/jobs?state=dead")
    page.check(f"input[value='{dead}']")
    page.click("button:has-text('Drop for good')")
    page.click("button:has-text('Drop for good')")
    assert "1 dropped" in page.inner_text("main")
    assert parts.job(dead).state is JobState.CANCELLED
    context.close()


def test_a_page_follows_what_happens(parts: Parts, tab: Tab) -> None:
    page = tab.open("/")
    parts.ping("analytics")
    wait_for(lambda: "2\njobs" in page.inner_text(".tiles"), "the second job")


def test_a_search_goes_on_by_itself(parts: Parts, tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = parts.ping(token="needle")
    for number in range(30):
        parts.ping(token=f"hay{number}")
    monkeypatch.setattr(browsing, "STRIDE", 5)
    monkeypatch.setattr(browsing, "SEARCH_SECONDS", 0.0)
    page = tab.open("/jobs?text=needle")
    page.wait_for_selector(f"a[href='/jobs/{wanted}']", timeout=10_000)
    assert "Looked back" not in page.inner_text("main")


def test_our_forms_are_not_framed(tab: Tab, tmp_path: Path) -> None:
    evil = tmp_path / "evil.html"
    evil.write_text(f'<iframe src="{tab.base}/" id="f"></iframe>')
    tab.page.goto(evil.as_uri())
    wait_for(lambda: any("frame" in complaint for complaint in tab.complaints), "the refusal")
    tab.complaints.clear()
