"""How well and how fast pages are read, beside readability-lxml, trafilatura and newspaper4k in the same run.

    python benchmarks/extraction.py --pages DIR [--json]

DIR holds truth.json ({id: {url, text, title, author, published}}) and html/ID.html.gz. The part of an id
before its first hyphen names its subset. Text is scored in 4-word shingles, counted with their repeats:
precision and recall a page, their means over the pages, and F1 both of the means and as the mean over
pages. Metadata is exact after white-space folding, over the pages whose truth is known. CPU is
time.process_time of one call from the page's bytes or decoded text to its result; the others get the text
decoded, as their fastest way in.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import extraction_peers
import trafilatura
from claims import Claim, publish
from lxml.html import fromstring
from readability import Document

from mingus_lib.domain.extract import extract
from mingus_lib.domain.extract.decode import decode
from mingus_lib.domain.models import Extracted

WORD = re.compile(r"\w+")
SHINGLE = 4
FIELDS = {"title": "title", "author": "author", "published": "published_at"}
# The truth of Mozilla's own test pages is what its Readability gave: its port cannot be compared on them.
KIN_OF_TRUTH = {"moz": "readability-lxml"}
Score = tuple[float, float, float]


@dataclass(frozen=True)
class Page:
    """One page of the set and what is true of it."""

    name: str
    body: bytes
    truth: dict[str, str | None]

    @property
    def subset(self) -> str:
        return self.name.partition("-")[0]


def by_readability(page: Page, text: str) -> str:
    """The text of readability-lxml's summary."""
    tree = fromstring(Document(text).summary(html_partial=True))
    for element in tree.iter("p", "div", "br", "li", "h1", "h2", "h3", "h4", "tr", "td", "blockquote"):
        element.tail = "\n" + (element.tail or "")
    return str(tree.text_content())


def by_trafilatura(**options: Any) -> Callable[[Page, str], str]:
    """A trafilatura of the given options, without comments."""
    return lambda page, text: trafilatura.extract(text, include_comments=False, **options) or ""


PEERS: dict[str, Callable[[Page, str], str]] = {
    "readability-lxml": by_readability,
    "trafilatura": by_trafilatura(),
    "trafilatura fast": by_trafilatura(fast=True),
    "trafilatura precision": by_trafilatura(favor_precision=True),
}


def read_pages(folder: Path) -> Iterator[Page]:
    """The pages of a set, in the order of their names."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))
    for name in sorted(truth):
        yield Page(name, gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes()), truth[name])


def shingles(text: str) -> Counter[tuple[str, ...]]:
    """The 4-word shingles of a text; a shorter text is one shingle."""
    words = WORD.findall(text)
    size = min(SHINGLE, len(words))
    return Counter(tuple(words[n : n + size]) for n in range(len(words) - size + 1)) if words else Counter()


def score(true: str, found: str) -> Score:
    """Precision, recall and F1 of one text."""
    wanted, given = shingles(true), shingles(found)
    common = sum((wanted & given).values())
    if wanted == given:
        return 1.0, 1.0, 1.0
    precision, recall = common / max(sum(given.values()), 1), common / max(sum(wanted.values()), 1)
    return precision, recall, 2 * common / max(sum(given.values()) + sum(wanted.values()), 1)


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What a call returns (None if the tool breaks) and its CPU in milliseconds."""
    start = time.process_time()
    try:
        result = call()
    except Exception:  # a peer that breaks on a page scores zero there
        result = None
    return result, (time.process_time() - start) * 1000


def measure(pages: list[Page]) -> dict[str, dict[str, Any]]:
    """Per tool and page: the score and the CPU; for mingus the Extracted as well."""
    runs: dict[str, dict[str, Any]] = {name: {} for name in ("mingus", *PEERS)}
    for page in pages:
        found, cpu = timed(partial(read_with_mingus, page))
        true = page.truth["text"] or ""
        runs["mingus"][page.name] = (score(true, found.text if found else ""), cpu, found)
        text = decode(page.body)
        for name, tool in PEERS.items():
            result, cpu = timed(partial(tool, page, text))
            runs[name][page.name] = (score(true, result or ""), cpu, None)
    return runs


def measure_newspaper(pages: list[Page], folder: Path) -> dict[str, Any]:
    """The same of newspaper4k, which runs in a process of its own."""
    told = extraction_peers.ask(folder)
    return {
        page.name: (score(page.truth["text"] or "", told[page.name][0]), told[page.name][1], None)
        for page in pages
    }


def read_with_mingus(page: Page) -> Extracted:
    """The whole of what mingus does with a page: text, HTML, metadata, language."""
    return extract(page.body, content_type="text/html", charset=None, url=page.truth["url"] or "")


def means(scores: list[Score]) -> dict[str, float]:
    """Mean precision and recall, F1 of the two, and the mean of the pages' F1."""
    precision, recall, mean_f1 = (statistics.fmean(column) for column in zip(*scores, strict=True))
    total = precision + recall
    f1 = 2 * precision * recall / total if total else 0.0
    return {"precision": precision, "recall": recall, "f1": f1, "mean_f1": mean_f1}


def exactness(pages: list[Page], run: dict[str, Any]) -> dict[str, float]:
    """The share of pages whose field is exactly right, where the truth is known."""

    def fold(text: str | None) -> str:
        return " ".join((text or "").split())

    shares = {}
    for field, attribute in FIELDS.items():
        known = [page for page in pages if page.truth.get(field) not in (None, "", "NaT")]
        right = [
            fold(page.truth[field]) == fold(getattr(run[page.name][2], attribute, None)) for page in known
        ]
        shares[field] = statistics.fmean(right) if right else float("nan")
    return shares


def cpu(run: dict[str, Any]) -> dict[str, float]:
    """Median, mean and maximum CPU milliseconds a page."""
    times = [cost for _, cost, _ in run.values()]
    return {"median": statistics.median(times), "mean": statistics.fmean(times), "max": max(times)}


def report(pages: list[Page], folder: Path) -> tuple[dict[str, Any], list[Claim]]:
    """All tables of a run, and what is claimed."""
    runs = measure(pages) | {"newspaper4k": measure_newspaper(pages, folder)}
    costs = {name: cpu(run) for name, run in runs.items()}
    figures: dict[str, Any] = {}
    claims: list[Claim] = []
    for subset in dict.fromkeys(page.subset for page in pages):
        group = [page for page in pages if page.subset == subset]
        told = {name: means([run[page.name][0] for page in group]) for name, run in runs.items()}
        f1 = {name: row["f1"] for name, row in told.items()}
        best = max(value for name, value in f1.items() if name not in ("mingus", KIN_OF_TRUTH.get(subset)))
        figures[f"{subset}, {len(group)} pages: text, F1"] = f1
        figures[f"{subset}: mingus in detail"] = told["mingus"]
        figures[f"{subset}: metadata exact"] = exactness(group, runs["mingus"])
        claims.append(Claim(f"text of {subset}, F1 / best single tool", f1["mingus"] / best, ">=", 1, " x"))
    figures["CPU ms a page, median"] = {name: row["median"] for name, row in costs.items()}
    figures["CPU ms a page, most"] = {name: row["max"] for name, row in costs.items()}
    ratio = costs["mingus"]["median"] / costs["readability-lxml"]["median"]
    return figures, [*claims, Claim("CPU / readability-lxml, of medians", ratio, "<=", 2, " x")]


def main() -> None:
    """Run over a set and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=Path, required=True, help="the folder of the set")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    pages = list(read_pages(arguments.pages))
    measure(pages[:3])  # load every library and model before the clock counts
    figures, claims = report(pages, arguments.pages)
    publish(claims, figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
