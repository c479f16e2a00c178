"""Golden pages: each tests/pages/NAME.html must give what tests/pages/NAME.json says."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.extract import extract
from mingus_lib.domain.models import Extracted, QualityPolicy
from mingus_lib.domain.quality import assess

PAGES = Path(__file__).parent / "pages"
GOLDEN = sorted(PAGES.glob("*.json"))
FULL = [path for path in GOLDEN if "paragraphs" in json.loads(path.read_text())]


def read(path: Path) -> tuple[Extracted, dict[str, Any]]:
    expected = json.loads(path.read_text("utf-8"))
    body = path.with_suffix(".html").read_bytes()
    return extract(body, content_type="text/html", charset=None, url=expected["url"]), expected


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_text_is_the_article_and_nothing_else(path: Path) -> None:
    found, expected = read(path)
    assert (
        found.text.split("\n\n") == expected["paragraphs"] or found.text.split("\n") == expected["paragraphs"]
    )


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_metadata(path: Path) -> None:
    found, expected = read(path)
    actual = json.loads(json.dumps(asdict(found)))
    assert {name: actual[name] for name in expected["extracted"]} == expected["extracted"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_verdict(path: Path) -> None:
    found, expected = read(path)
    verdict = assess(found, url=expected["url"], policy=QualityPolicy())
    assert (verdict.reason or "accepted").partition(":")[0] == expected["verdict"]


def test_html_keeps_structure_and_drops_what_acts() -> None:
    found, _ = read(PAGES / "article.json")
    assert "<h2>Move it before you see it</h2>" in found.html
    assert 'href="https://porch.example/savings/guide.html"' in found.html
    assert 'src="https://porch.example/img/jar.jpg"' in found.html
    for bad in ("onclick", "onmouseover", "javascript:", "<script", "<style", "cookies", "Related"):
        assert bad not in found.html
