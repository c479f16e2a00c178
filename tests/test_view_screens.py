"""The screens of status, articles, searches and readings, on a terminal and as lines."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mingus_lib.domain.library import MARK_END, MARK_START, Article, SearchHit, SearchResult
from mingus_lib.domain.models import ArticleStatus
from mingus_lib.view import article as articles
from mingus_lib.view import extract, status
from mingus_lib.view.output import Format

NOW = datetime(2026, 11, 24, 15, 4, 5, tzinfo=UTC)
QUEUES = (
    "article_processing",
    "email_processing",
    "ai_classification",
    "recommendations",
    "analytics",
    "cleanup",
)
SEEN: dict[str, Any] = {
    "redis": {
        "url": "redis://:***@h",
        "state": "up",
        "version": "7.2.4",
        "memory_bytes": 1_843_200,
        "persistence": "aof",
    },
    "store": {
        "path": "/lib/mingus.db",
        "state": "ok",
        "size_bytes": 41_234_567,
        "articles": {"published": 1204, "held": 3},
    },
    "queues": [
        {
            "name": name,
            "queued": 1200,
            "scheduled": 2,
            "started": 1,
            "dead": 0,
            "oldest_age_seconds": 77.0,
            "paused": name == "cleanup",
        }
        for name in QUEUES
    ],
    "workers": [
        {
            "name": "library1.12345.0",
            "pid": 123,
            "host": "library1",
            "queues": ["analytics", "cleanup"],
            "state": "busy",
            "current_job": "9f86d081884c7d65",
            "since_seconds": 3723.0,
            "done": 1204,
            "failed": 3,
            "memory_bytes": 101_000_000,
            "child_memory_bytes": 80_000_000,
        },
    ],
    "failures": [
        {"what": "https://example.com/a", "job_id": "j1", "reason": "http-404: not\x1b[31m found", "at": NOW}
    ],
    "scheduler": {"state": "leading", "name": "library1-99", "since_seconds": 61.0},
    "schedule": [{"name": "sweep", "task": "sweep", "next_at": NOW}],
}
ARTICLE = Article(
    id=12,
    url="https://example.com/a?x=1",
    canonical_url="https://example.com/a",
    domain="example.com",
    status=ArticleStatus.PUBLISHED,
    title="A \x1b[31mtitle [bold]",
    preview="First.",
    description=None,
    author="Ann",
    site_name=None,
    language="en",
    published_at="2026-01-02",
    added_at=NOW,
    fetched_at=NOW,
    updated_at=NOW,
    word_count=1500,
    reading_time_minutes=8,
    content_hash=None,
    source_quality=0.9,
    reason=None,
    etag=None,
    last_modified=None,
    is_active=True,
    is_featured=False,
    is_kept=False,
    admin_notes=None,
    archived_at=None,
    text="First paragraph.\n\nSecond\x9b one.",
    aliases=("https://example.com/b",),
)
HIT = SearchHit(ARTICLE, 1.25, f"an {MARK_START}emergency{MARK_END} fund\nis {MARK_START}good{MARK_END}")


@pytest.fixture(params=[40, 80, 140])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The columns of the terminal."""
    monkeypatch.setenv("COLUMNS", str(request.param))
    return int(request.param)


def steered(text: str) -> bool:
    return any(c in text for c in "\x1b\x9b\r")


class TestStatus:
    """One screen."""

    def test_the_screen(self, width: int, capsys: pytest.CaptureFixture[str]) -> None:
        status.show_status(SEEN, Format.TABLE)
        shown = capsys.readouterr().out
        assert all(len(line) <= width for line in shown.splitlines())
        assert not steered(shown)
        together = "".join(shown.split())
        for word in ("✓up", "version7.2.4", "1.8MB", "1,204✓published", "?held", "–paused", "1m17s", "▶busy",
                     "9f86d081884c7d65", "181MB", "Lastfailures", "http-404"):  # fmt: skip
            assert word in together
        if width >= 80:
            assert len(shown.splitlines()) <= 24

    def test_a_wide_screen_tells_who_works_where(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("COLUMNS", "160")
        status.show_status(SEEN, Format.TABLE)
        shown = capsys.readouterr().out
        assert "library1" in shown
        assert "analytics, cleanup" in shown
        status.show_status({**SEEN, "workers": [{**SEEN["workers"][0], "queues": QUEUES}]}, Format.TABLE)
        assert "all six" in capsys.readouterr().out

    def test_an_empty_library_is_told_what_to_do(self, capsys: pytest.CaptureFixture[str]) -> None:
        redis = {
            "url": "unix:///r.sock",
            "state": "stopped",
            "version": None,
            "memory_bytes": None,
            "persistence": None,
        }
        store = {"path": "/lib/mingus.db", "state": "missing", "size_bytes": 0, "articles": {}}
        status.show_status(
            {**SEEN, "redis": redis, "store": store, "workers": [], "failures": []}, Format.TABLE
        )
        shown = capsys.readouterr().out
        for words in (
            "– stopped",
            "– missing",
            "add some: mingus add",
            "No worker is running. Start one: mingus up",
        ):
            assert words in shown
        assert "Last failures" not in shown

    def test_lines_tell_every_value(self, capsys: pytest.CaptureFixture[str]) -> None:
        status.show_status(SEEN, Format.TSV)
        lines = capsys.readouterr().out.splitlines()
        assert all(line.count("\t") == 3 for line in lines)
        assert not steered("".join(lines))
        for line in ("redis\t\tversion\t7.2.4", "articles\t\tpublished\t1204", "queue\tcleanup\tpaused\tyes",
                     "worker\tlibrary1.12345.0\tqueues\tanalytics,cleanup"):  # fmt: skip
            assert line in lines

    def test_json_is_what_was_seen(self, capsys: pytest.CaptureFixture[str]) -> None:
        status.show_status(SEEN, Format.JSON)
        told = json.loads(capsys.readouterr().out)
        assert told["queues"] == SEEN["queues"]
        assert told["failures"][0]["at"] == NOW.isoformat()


class TestArticles:
    """Lists, one article, hits."""

    def test_the_list(self, width: int, capsys: pytest.CaptureFixture[str]) -> None:
        articles.show_list([ARTICLE, replace(ARTICLE, id=13, title="")], Format.TABLE)
        shown = capsys.readouterr().out
        together = "".join(shown.split())
        assert all(len(line) <= width for line in shown.splitlines())
        assert r"A\x1b[31mtitle" in together
        assert "https://example.com/a" in together, "an article without a title is known by its address"
        assert ("2026-11-24" in shown) is (width > 80)

    def test_an_empty_list_says_what_to_type(self, capsys: pytest.CaptureFixture[str]) -> None:
        articles.show_list([], Format.TABLE)
        assert "mingus add" in capsys.readouterr().err
        articles.show_list([], Format.TABLE, narrowed=True)
        assert capsys.readouterr().err == "No article matches.\n"

    def test_one_article(self, width: int, capsys: pytest.CaptureFixture[str]) -> None:
        articles.show_article(ARTICLE, Format.TABLE)
        shown = capsys.readouterr().out
        assert all(len(line) <= width for line in shown.splitlines())
        assert not steered(shown)
        for words in ("✓published", "https://example.com/b", "Firstparagraph.", r"Second\x9bone.", "Ann"):
            assert words in "".join(shown.split())
        assert "admin" not in shown

    def test_one_article_as_lines_and_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        articles.show_article(ARTICLE, Format.TSV)
        lines = capsys.readouterr().out.splitlines()
        assert lines[:3] == ["title\tA \\x1b[31mtitle [bold]", "id\t12", "status\tpublished"]
        assert lines[-1] == r"Second\x9b one."
        articles.show_article(ARTICLE, Format.JSON)
        told = json.loads(capsys.readouterr().out)
        assert (told["text"], told["aliases"]) == (ARTICLE.text, ["https://example.com/b"])

    def test_hits_mark_the_found_words(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert [str(span.style) for span in articles.highlighted(HIT.snippet).spans] == ["bold yellow"] * 2
        assert articles.highlighted(HIT.snippet).plain == "an emergency fund is good"
        articles.show_hits(SearchResult((HIT,), exact=False), Format.TABLE)
        shown = capsys.readouterr()
        assert "an emergency fund is good" in shown.out
        assert not steered(shown.out)
        assert "rarer word" in shown.err

    def test_hits_as_json_lines_and_ids(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = SearchResult((HIT,))
        articles.show_hits(found, Format.JSON)
        told = json.loads(capsys.readouterr().out)
        assert told["hits"][0]["snippet"] == "an **emergency** fund is **good**"
        assert told["exact"] is True
        articles.show_hits(found, Format.IDS)
        assert capsys.readouterr().out == "12\n"
        articles.show_hits(found, Format.TSV)
        assert capsys.readouterr().out.startswith(
            "12\t1.2500\tA \\x1b[31mtitle [bold]\tan emergency fund is good\t"
        )

    def test_no_hit_says_what_to_type(self, capsys: pytest.CaptureFixture[str]) -> None:
        articles.show_hits(SearchResult(()), Format.TABLE)
        assert "mingus articles list" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("changed", "form", "out", "err"),
        [
            ([1, 2], Format.TSV, "1\n2\n", ""),
            ([1], Format.TSV, "1\n", "1 archived, 1 not: 2 (rejected).\n"),
            ([1, 2], Format.TABLE, "1\n2\n", "2 archived.\n"),
        ],
    )
    def test_what_changed(
        self, changed: list[int], form: Format, out: str, err: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        left = {each: "rejected" for each in (1, 2) if each not in changed}
        articles.show_changed("archived", changed, left, form)
        shown = capsys.readouterr()
        assert (shown.out, shown.err) == (out, err)

    def test_what_changed_as_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        articles.show_changed("archived", [1], {2: "held"}, Format.JSON)
        assert json.loads(capsys.readouterr().out) == {"archived": [1], "unchanged": [2]}


READ: dict[str, Any] = {
    "url": "https://example.com/a",
    "canonical_url": "https://example.com/a",
    "title": "T\x1b[2J",
    "author": None,
    "authors": [],
    "published_at": None,
    "site_name": "",
    "language": "en",
    "description": None,
    "text": "One.\nTwo\r.",
    "word_count": 2,
    "reading_time_minutes": 1,
    "verdict": "rejected",
    "reason": "too-short: 2 words",
}


@dataclass(frozen=True)
class Read:
    """A page as read."""

    source: str = "page.html"

    def as_json(self) -> dict[str, Any]:
        return READ


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class TestExtract:
    """A page as read."""

    def test_on_a_terminal(self, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setattr(sys, "stdout", screen := Terminal())
        extract.show_reading(Read(), as_json=False, one_of_many=True)
        shown = screen.getvalue().replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
        assert not steered(shown)
        for words in ("page.html", r"T\x1b[2J", "✗ rejected", "too-short: 2 words", "One.", r"Two\x0d."):
            assert words in shown
        assert "author" not in shown

    def test_as_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        extract.show_reading(Read(), as_json=False)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "title\tT\\x1b[2J"
        assert "verdict\trejected" in lines
        assert lines[-3:] == ["One.", r"Two\x0d.", ""]

    @pytest.mark.parametrize(("many", "lines"), [(True, 1), (False, len(READ) + 2)])
    def test_as_json(self, many: bool, lines: int, capsys: pytest.CaptureFixture[str]) -> None:
        extract.show_reading(Read(), as_json=True, one_of_many=many)
        shown = capsys.readouterr().out
        assert json.loads(shown) == READ
        assert len(shown.splitlines()) == lines
