"""A store of a million articles: how fast it takes, finds, lists and counts them.

    python benchmarks/store.py --articles 1000000 [--dir DIR] [--keep] [--json]

The texts are synthetic and the same every time: words of a Zipf-distributed vocabulary. The bulk of the
store is made in transactions of many; the peers are plain SQL on the same file (LIKE for search,
count(*) for the summary). Times are milliseconds in this process.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claims import Claim, publish

from mingus_lib.domain import dedupe
from mingus_lib.domain.library import ArticleFilter
from mingus_lib.domain.models import ArticleDraft, ArticleStatus
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.summary import read_summary

Figures = dict[str, Any]
VOCABULARY = 50_000
BATCH = 1000
START = datetime(2026, 1, 1, tzinfo=UTC)
_SYLLABLES = [a + b for a in "bcdfghklmnprstvz" for b in "aeiou"]


class Prose:
    """Deterministic texts: word k occurs with a probability proportional to 1/(k+2)."""

    def __init__(self, seed: int = 1) -> None:
        self.random = random.Random(seed)
        self.words = [_spelled(number) for number in range(VOCABULARY)]
        self.weights = list(itertools.accumulate(1 / (rank + 2) for rank in range(VOCABULARY)))

    def draw(self, count: int) -> list[str]:
        """That many words."""
        return self.random.choices(self.words, cum_weights=self.weights, k=count)

    def draft(self, number: int, words: int, page: bytes | None = None) -> ArticleDraft:
        """Article `number` of about that many words."""
        text = " ".join(self.draw(self.random.randint(words * 3 // 4, words * 5 // 4)))
        url = f"https://www.host{number % 5000}.example/{number}"
        return ArticleDraft(
            url=url,
            canonical_url=url,
            domain=f"host{number % 5000}.example",
            status=ArticleStatus.REJECTED if number % 10 == 0 else ArticleStatus.PUBLISHED,
            reason="too-short: made up" if number % 10 == 0 else None,
            title=" ".join(self.draw(8)).capitalize(),
            text=text,
            html=f"<p>{text}</p>",
            preview=text[:300],
            description=" ".join(self.draw(15)),
            fetched_at=START + timedelta(seconds=number),
            word_count=words,
            content_hash=dedupe.content_hash(text),
            fingerprint=dedupe.simhash(text),
            raw=page,
        )


def _spelled(number: int) -> str:
    letters = _SYLLABLES[number % 80] + _SYLLABLES[number // 80 % 80]
    return letters + (_SYLLABLES[number // 6400] if number >= 6400 else "")


def main() -> None:
    """Make the store if it is not there, then print every figure."""
    options = _options()
    with tempfile.TemporaryDirectory() as throw_away:
        folder = options.dir or Path(throw_away)
        figures, claims = measure(folder, options.articles, options.words)
        if not options.keep and options.dir:
            shutil.rmtree(options.dir)
    publish(claims, figures, as_json=options.json)


def measure(folder: Path, count: int, words: int = 120) -> tuple[Figures, list[Claim]]:
    """Every figure of a store of so many articles, made in `folder` where it is not there."""
    store = Store.open(folder / "bench.db")
    articles = Articles(store)
    made = _fill(articles, count, words)
    adding = _adding(articles, sum(articles.counts().values()))
    searching, words_found = _searching(articles)
    lists, summary = _lists(articles), _summary(store)
    store.close()
    figures: Figures = {
        f"Articles a second, into a store of {count:,}": made | adding,
        "Search, ms": searching | words_found,
        "Lists and counts, ms": lists | summary,
    }
    claims = [
        Claim("articles added a second, one a transaction", adding["added one by one"], ">=", 500, "/s"),
        Claim("search of two words of a title, p95", searching["two words of a title, p95"], "<", 50, " ms"),
        Claim("search of the commonest words", max(words_found.values()), "<", 500, " ms"),
        Claim("slowest list", max(lists.values()), "<", 500, " ms"),
    ]
    return figures, claims


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=120, help="words a text, about, in the bulk")
    parser.add_argument("--dir", type=Path, help="where to make the store; removed at the end")
    parser.add_argument("--keep", action="store_true", help="keep the store for another run")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _fill(articles: Articles, wanted: int, words: int) -> dict[str, float]:
    have, begun = sum(articles.counts().values()), time.perf_counter()
    starts = range(have, wanted, BATCH)
    # Texts are made by other processes; a large cache is for the bulk only.
    articles.store.execute("PRAGMA cache_size=-500000")
    with multiprocessing.get_context("spawn").Pool(max(1, (os.cpu_count() or 2) - 1)) as makers:
        for start, batch in zip(starts, makers.imap(partial(_batch, words=words), starts), strict=True):
            _add(articles, batch[: wanted - start], None, START + timedelta(seconds=start))
            if start % 100_000 == 0:
                print(f"  {start:,} articles, {_since(begun):.0f} s", file=sys.stderr)
    articles.store.execute("PRAGMA cache_size=-16000")
    return {f"bulk, {words} words each": (wanted - have) / _since(begun)} if wanted > have else {}


def _add(
    articles: Articles, batch: list[tuple[int, ArticleDraft]], job_id: str | None, now: datetime
) -> None:
    with articles.store.transaction():
        for position, page in batch:
            articles.record(page, job_id=job_id, position=position, now=now)


def _batch(start: int, words: int) -> list[tuple[int, ArticleDraft]]:
    prose = _prose()
    prose.random.seed(start)
    return [(number, prose.draft(number, words)) for number in range(start, start + BATCH)]


@cache
def _prose() -> Prose:
    return Prose()


def _adding(articles: Articles, first: int, count: int = 1000) -> dict[str, float]:
    """Articles of 600 words with a page of 20 KB, a second."""
    prose = Prose(seed=first)
    pages = [prose.draft(first + number, 600, page=os.urandom(2000) * 10) for number in range(2 * count)]
    now = START + timedelta(days=365)
    begun = time.perf_counter()
    for number, draft in enumerate(pages[:count]):
        articles.record(draft, job_id="bench", position=number, now=now)
    one_by_one = count / _since(begun)
    begun = time.perf_counter()
    for start in range(count, 2 * count, 100):
        batch = list(enumerate(pages[start : start + 100], start))
        _add(articles, batch, "bench-many", now)
    return {"added one by one": one_by_one, "added in batches of 100": count / _since(begun)}


def _searching(articles: Articles) -> tuple[dict[str, float], dict[str, float]]:
    """200 queries of two words of a title, with their peers; then words by how common they are."""
    chosen = random.Random(7)
    last = articles.list(ArticleFilter(limit=1))[0].id
    titles = [articles.get(chosen.randrange(1, last)).title.lower().split() for _ in range(200)]
    queries = [" ".join(chosen.sample(title, 2)) for title in titles]
    times = sorted(_ms(partial(articles.search, query)) for query in queries)
    like = "SELECT id FROM articles WHERE title LIKE ? ORDER BY id DESC LIMIT 20"
    rare = f"%{queries[0].split()[0]}%{queries[0].split()[1]}%"
    ranked = "SELECT rowid FROM article_fts WHERE article_fts MATCH ? ORDER BY rank LIMIT 20"
    words = Prose().words
    found = {
        "two words of a title, median": times[len(times) // 2],
        "two words of a title, p95": times[int(len(times) * 0.95)],
        "peer: LIKE on titles": _ms(lambda: articles.store.rows(like, (rare,))),
        "peer: plain FTS5 by rank, the commonest word": _ms(lambda: articles.store.rows(ranked, (words[0],))),
    }
    return found, {
        f"the word of rank {rank}": _ms(partial(articles.search, words[rank])) for rank in (0, 1, 5, 50, 500)
    }


def _lists(articles: Articles) -> dict[str, float]:
    rejected = (ArticleStatus.REJECTED,)
    filters = {
        "newest": ArticleFilter(),
        "by status": ArticleFilter(statuses=rejected),
        "by host": ArticleFilter(domain="host17.example"),
        "by host and status": ArticleFilter(domain="host10.example", statuses=rejected),
        "since": ArticleFilter(since=START + timedelta(days=5)),
        "1,000 from the middle": ArticleFilter(after=sum(articles.counts().values()) // 2, limit=1000),
    }
    return {f"list, {name}": _ms(partial(articles.list, wanted)) for name, wanted in filters.items()}


def _summary(store: Store) -> dict[str, float]:
    count = "SELECT status, count(*) FROM articles GROUP BY status"
    return {
        "summary for status": _ms(lambda: read_summary(store.path)),
        "peer: count(*) by status": _ms(lambda: store.rows(count)),
    }


def _ms(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return _since(begun) * 1000


def _since(begun: float) -> float:
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
