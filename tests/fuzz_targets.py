"""What `make fuzz` throws bytes at: each target takes any bytes, and raises only where mingus is wrong.

An error that the code under test is documented to raise is an answer, not a find. tests/test_fuzz.py runs every
target over its seeds and over what was found before (tests/fuzz/TARGET/*).
"""

from __future__ import annotations

import io
import json
import re
import traceback
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from mingus_lib import settings
from mingus_lib.domain import (
    answer,
    celery,
    labels,
    mailparse,
    quality,
    timetable,
    timetable_file,
    unwrap,
    urls,
)
from mingus_lib.domain.extract import extract
from mingus_lib.domain.library import HostRule
from mingus_lib.domain.linkpolicy import decide
from mingus_lib.domain.maillinks import judge_mail
from mingus_lib.errors import PermanentError, UsageError
from mingus_lib.queues import admission, catalog, signing
from mingus_lib.queues.delivery import Taken
from mingus_lib.queues.names import QUEUES
from mingus_lib.queues.owner import Owner, Process
from mingus_lib.services import enqueueing, timetables

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@dataclass(frozen=True)
class Target:
    """What to call, what to begin with, and how long an input may be."""

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    longest: int = 4096


def text_of(data: bytes) -> str:
    """Any text, lone surrogates included, as JSON and command lines can hold them."""
    return data.decode("utf-8", "surrogateescape")


# Addresses.


def address(data: bytes) -> None:
    """An address is refused, or made canonical for good; what is found inside it is an address too."""
    text = text_of(data)
    found = unwrap.unwrap(text)
    decide(found.url, HostRule("example.com"), anchor=text, tracker=found.opaque)
    try:
        canonical = urls.canonical(text)
    except UsageError as error:
        str(error).encode()
        return
    assert urls.canonical(canonical) == canonical, canonical
    canonical.encode("ascii")
    urls.registrable_domain(urls.host_of(canonical))


def addresses() -> Iterator[bytes]:
    """Addresses of all kinds, and the wrapped ones of mails."""
    yield from (
        b"https://example.com/a?utm_source=x&b=%41#c",
        b"http://[::1]:80/",
        b"https://\xe2\x98\x83.example/\xff",
        b"HTTP://ex%61mple.com/%2e%2e/a;b?c",
        b"https://user:pass@example.com:443/../x",
        b"https://nam12.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2Fa&data=1",
        b"https://urldefense.com/v3/__https://example.com/a__;!!x!y$",
    )
    for path in sorted((TESTS / "mails").glob("*.json")):
        for link in json.loads(path.read_text("utf-8")).get("links", [])[:3]:
            yield str(link.get("url", "")).encode("utf-8", "surrogateescape")


# Pages.


def html(data: bytes) -> None:
    """A page is read or refused; a parser may fail, our code may not; what is kept is safe to show."""
    try:
        found = extract(data, content_type="text/html", charset=None, url="https://example.com/a")
    except PermanentError as error:
        if error.code == "page-broken" and _is_ours(error.__cause__):
            raise AssertionError("our code failed on a page") from error.__cause__
        return
    shown = found.html.lower()
    assert "<script" not in shown
    assert not re.search(r"(?:href|src)\s*=\s*[\"']?\s*javascript:|<[^>]*\son\w+\s*=", shown)
    for text in (found.title, found.text, found.html, found.description, found.site_name, *found.authors):
        (text or "").encode()
    quality.assess(found, url="https://example.com/a", policy=settings.load(env={}).quality_policy())


def _is_ours(error: BaseException | None) -> bool:
    """Whether the last frame of the traceback is in mingus."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    return bool(frames) and Path(frames[-1].filename).is_relative_to(ROOT / "mingus_lib")


def pages() -> Iterator[bytes]:
    """The demo's pages, and small ones that are strange."""
    for path in sorted((ROOT / "mingus_lib/data/demo").glob("*.html")):
        yield path.read_bytes()
    yield b"<!doctype html><meta charset=utf-7><title>x</title><p onclick=a>b<script>c</script>"
    yield b'<p><a href="JaVaScRiPt:d">e</a><svg><style><img src=x onerror=f></style></svg><base href=//g>'
    yield b'<html><script type="application/ld+json">{"@type":"Article","author":[{"name":1}]}</script><p>x'
    yield b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R>>"


# Mails.


def mail(data: bytes) -> None:
    """A mail is taken apart whatever it is, and every link of it is judged."""
    head = mailparse.read_head(data)
    parsed = mailparse.parse(data)
    for text in (head.subject, head.message_id, *(link.url for link in parsed.links)):
        (text or "").encode()
    judge_mail(parsed, HostRule, hold_unknown=True)


def mails() -> Iterator[bytes]:
    """The corpus."""
    yield from (path.read_bytes() for path in sorted((TESTS / "mails").glob("*.eml")))


# robots.txt.


def robots(data: bytes) -> None:
    """A robots.txt allows or forbids, and its delay is a number that can be waited for."""
    from mingus_lib.clients.robots import rules_of

    rules = rules_of(200, data, "mingus")
    rules.allow("https://example.com/a/b?c=d")
    assert 0 <= rules.delay <= 60


def robots_files() -> Iterator[bytes]:
    """Rules of the usual kinds."""
    yield b"User-agent: *\nDisallow: /private\nAllow: /private/a*$\nCrawl-delay: 2\nSitemap: https://example.com/s"
    yield b"\xef\xbb\xbfuser agent mingus\r\ndisallow: *a*b*c*d$ # x\rCrawl-delay: nan\nRequest-rate: 1/5"


# The timetable.


def schedule(data: bytes) -> None:
    """A timetable is refused with its line, or every entry has a next slot or none."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    try:
        found = timetable_file.parse(text, facts(), queues=QUEUES, source="schedules.toml")
    except UsageError as error:
        assert str(error).startswith("schedules.toml")
        return
    for entry in found.entries.values():
        slot = timetable.next_slot(entry, NOW)
        assert slot is None or slot > NOW
        timetable.due(entry, NOW, NOW)


@cache
def facts() -> dict[str, timetable.TaskFacts]:
    """The catalog, as the timetable sees it."""
    return timetables.known_tasks()


def schedules() -> Iterator[bytes]:
    """The shipped one, and each key once."""
    yield (ROOT / "schedules.toml").read_bytes()
    yield b'[a]\ntask = "ping"\nqueue = "cleanup"\ncron = "30 2 L * 5#2"\ntimezone = "Europe/Berlin"\njitter = "5m"\n'
    yield b'[b]\ntask = "ping"\nqueue = "cleanup"\nevery = "90m"\ncatch_up = "all"\nargs = {seconds = 1.5}\n'


# Arguments of jobs.


def arguments(data: bytes) -> None:
    """Arguments are refused by name, or accepted as plain JSON that is accepted again."""
    if b"\0" in data:
        return
    try:
        (given,) = enqueueing.read_arguments(text_of(data), None, None, io.BytesIO())
    except UsageError as error:
        str(error).encode("utf-8", "surrogateescape")
        return
    for task in catalog.load().values():
        try:
            kept = task.validate(given)
        except UsageError as error:
            _ = str(error)
            continue
        again = json.loads(json.dumps(kept))
        assert task.validate(again) == kept


def argument_objects() -> Iterator[bytes]:
    """The examples of docs/tasks.md."""
    from docs.task_reference import EXAMPLES

    yield from (json.dumps(given).encode() for given, _ in EXAMPLES.values())


# A model's answers.


def model_answer(data: bytes) -> None:
    """An answer is refused in words for the model, or becomes labels that can be stored."""
    try:
        found = answer.parse(text_of(data), "A title", "A body about budgeting and salary negotiation.")
    except answer.BadAnswer as error:
        str(error).encode("utf-8", "surrogateescape")
        return
    assert labels.from_dict(found.as_dict()) == found
    json.dumps(found.as_dict(), ensure_ascii=False).encode()


def model_answers() -> Iterator[bytes]:
    """A sound answer, one in a fence, one that is cut short."""
    whole: dict[str, Any] = {
        "primary_phase": "DO", "difficulty_level": "Beginner", "confidence_score": 0.9, "demographic_relevance": 7,
        "cultural_sensitivity": 8, "income_impact_potential": 6, "actionability_score": 9,
        "professional_development_value": 8, "key_topics": ["budgeting"], "learning_objectives": ["a"],
        "prerequisites": [], "cultural_relevance_keywords": ["salary"], "cultural_focus": None,
        "target_income_range": "All ranges", "career_stage": "All stages", "recommended_reading_order": 50,
        "classification_reasoning": "Because.",
    }  # fmt: skip
    text = json.dumps(whole)
    yield text.encode()
    yield f"Sure:\n```json\n{text}\n```".encode()
    yield text[:200].encode()


# What Redis holds.

KEY = signing.Key("fuzz", "fuzz", b"secret", ("diagnostics:run",))


def redis_payload(data: bytes) -> None:
    """A job from Redis is refused in words that can be stored, or is one of the catalog; an old message likewise."""
    owner = Owner(Process.this(), "w", "e", "cleanup")
    signature, _, packed = data.partition(b"\n")
    moment = int(signature[:12]) if signature[:12].isdigit() and signature[:12].isascii() else 0
    told = signature.decode("utf-8", "replace")
    # Also what somebody with a key may have signed: anything.
    ours = signing.sign(KEY, "a1", "cleanup", packed, at=moment)
    for raw_id, sign, body in (
        (data[:20], told, data),
        (b"a1", told, packed),
        (b"a1", ours, zlib.compress(packed)),
    ):
        try:
            found = admission.admit(Taken(raw_id, owner, body, sign), {KEY.id: KEY})
            json.dumps(found.spec.args)
        except signing.JobRefused as error:
            error.reason.encode()
    Owner.parse(told)
    for read in (celery.read, celery.read_unacked):
        try:
            read(data)
        except PermanentError as error:
            assert error.code


def redis_payloads() -> Iterator[bytes]:
    """Jobs of ours, and the old system's messages."""
    yield b'1795652878\n["jobs.diagnostics.ping", null, [], {"seconds": 1, "token": "a"}]'
    yield b'999999999999\n["jobs.articles.process_new_articles", null, [], {"urls": []}]'
    yield b'fuzz.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n["\\ud800", null, [], {}]'
    found = json.loads((TESTS / "celery/messages.json").read_text("utf-8"))["messages"]
    yield from (each["message"].encode() for each in found)


TARGETS: dict[str, Target] = {
    "address": Target(address, addresses),
    "html": Target(html, pages, 20_000),
    "mail": Target(mail, mails, 20_000),
    "robots": Target(robots, robots_files),
    "timetable": Target(schedule, schedules),
    "arguments": Target(arguments, argument_objects),
    "answer": Target(model_answer, model_answers),
    "redis": Target(redis_payload, redis_payloads),
}


def found_before(name: str) -> list[Path]:
    """What the target once failed on."""
    return sorted((TESTS / "fuzz" / name).glob("*"))
