"""The site of the documents: whole, readable from the disk, and showing what the Markdown means."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import html
from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent
TOP = {
    "index": ROOT / "README.md",
    "contributing": ROOT / "CONTRIBUTING.md",
    "changelog": ROOT / "CHANGELOG.md",
}
PAGES = {**TOP, **{path.stem: path for path in (ROOT / "docs").glob("*.md")}}
# What one renderer may read otherwise than another, above all lists and blocks within lists.
SHAPES = ("pre", "ul", "ol", "li", "table", "tr", "h1", "h2", "h3", "img", "blockquote")
LOADED = "//script/@src | //img/@src | //iframe/@src | //link[@rel != 'canonical']/@href | //object/@data"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, made as `make site` makes it: a link that leads nowhere fails."""
    folder = tmp_path_factory.mktemp("site")
    build = [
        "build",
        "--quiet",
        "--strict",
        "--config-file",
        "docs/site/mkdocs.yml",
        "--site-dir",
        str(folder),
    ]
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", *build], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    return folder


def tree(site: Path, name: str) -> html.HtmlElement:
    return html.fromstring((site / f"{name}.html").read_bytes())


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_page_shows_what_its_markdown_means(site: Path, name: str) -> None:
    text = PAGES[name].read_text("utf-8")
    meant = html.fromstring(MarkdownIt("commonmark").enable("table").render(text))
    (shown,) = tree(site, name).xpath("//div[@role='main']")
    assert shapes(shown) == shapes(meant)


def shapes(element: html.HtmlElement) -> Counter[str]:
    return Counter(node.tag for node in element.iter(*SHAPES))


@pytest.mark.parametrize("name", sorted({*PAGES, "404", "search"}))
def test_every_link_of_the_site_leads_somewhere(site: Path, name: str) -> None:
    for link in tree(site, name).xpath("//a/@href | //@src | //link/@href"):
        parts = urlsplit(link)
        if parts.scheme or link == "#":
            continue
        path = unquote(parts.path).lstrip("/")
        target = (site / path if path else site / f"{name}.html").resolve()
        target = target / "index.html" if target.is_dir() else target
        assert target.is_file(), f"{name}: {link}"
        if parts.fragment and target.suffix == ".html":
            assert tree(site, target.stem).xpath("//*[@id=$id]", id=unquote(parts.fragment)), (
                f"{name}: {link}"
            )


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.glob("*.html"):
        assert [url for url in tree(site, page.stem).xpath(LOADED) if urlsplit(url).netloc] == [], page.name
    for sheet in site.rglob("*.css"):
        text = sheet.read_text("utf-8")
        loaded = re.findall(r"url\(\s*[\"']?((?:https?:)?//[^)]+)\)|@import[^;]+;", text)
        assert loaded == [], sheet.name


def test_every_document_has_its_place_in_the_navigation(site: Path) -> None:
    inside = {link.partition("#")[0] for link in tree(site, "index").xpath("//nav//a/@href")}
    assert {f"{name}.html" for name in PAGES} - {"index.html"} <= inside
