"""A store of a million articles: how fast it takes, finds, lists and counts them.

    python benchmarks/store.py --articles 1000000 --dir DIR [--keep]

The texts are synthetic and the same every time: words of a Zipf-distributed vocabulary. The bulk of the
store is made with `record_many` in batches; the peers are plain SQL on the same file (LIKE for search,
count(*) for the summary).
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from machine import machine

from mingus_lib.domain import dedupe
from mingus_lib.domain.library import ArticleFilter
from mingus_lib.domain.models import ArticleDraft, ArticleStatus
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.summary import read_summary

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
    print(f"{machine()}, SQLite {sqlite3.sqlite_version}")
    store = Store.open(options.dir / "bench.db")
    articles = Articles(store)
    _fill(articles, options.articles, options.words)
    _measure_adding(articles, sum(articles.counts().values()))
    _measure_search(articles)
    _measure_lists(articles)
    _measure_summary(store)
    store.close()
    if not options.keep:
        shutil.rmtree(options.dir)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--words", type=int, default=120, help="words a text, about, in the bulk")
    parser.add_argument("--dir", type=Path, required=True, help="where to make the store; removed at the end")
    parser.add_argument("--keep", action="store_true", help="keep the store for another run")
    return parser.parse_args()


def _fill(articles: Articles, wanted: int, words: int) -> None:
    have, begun = sum(articles.counts().values()), time.perf_counter()
    starts = range(have, wanted, BATCH)
    # Texts are made by other processes; a large cache is for the bulk only.
    articles.store.execute("PRAGMA cache_size=-500000")
    with multiprocessing.get_context("spawn").Pool(max(1, (os.cpu_count() or 2) - 1)) as makers:
        for start, batch in zip(starts, makers.imap(partial(_batch, words=words), starts), strict=True):
            articles.record_many(batch[: wanted - start], job_id=None, now=START + timedelta(seconds=start))
            if start % 100_000 == 0:
                print(f"  {start:,} articles, {_since(begun):.0f} s", file=sys.stderr)
    articles.store.execute("PRAGMA cache_size=-16000")
    if wanted > have:
        rate = (wanted - have) / _since(begun)
        print(f"made {wanted - have:,} articles of {words} words with record_many: {rate:.0f}/s")


def _batch(start: int, words: int) -> list[tuple[int, ArticleDraft]]:
    prose = _prose()
    prose.random.seed(start)
    return [(number, prose.draft(number, words)) for number in range(start, start + BATCH)]


@cache
def _prose() -> Prose:
    return Prose()


def _measure_adding(articles: Articles, first: int, count: int = 1000) -> None:
    prose = Prose(seed=first)
    pages = [prose.draft(first + number, 600, page=os.urandom(2000) * 10) for number in range(2 * count)]
    now = START + timedelta(days=365)
    begun = time.perf_counter()
    for number, draft in enumerate(pages[:count]):
        articles.record(draft, job_id="bench", position=number, now=now)
    print(f"record, 600 words and a 20 KB page, one a transaction: {count / _since(begun):.0f}/s")
    begun = time.perf_counter()
    for start in range(count, 2 * count, 100):
        batch = list(enumerate(pages[start : start + 100], start))
        articles.record_many(batch, job_id="bench-many", now=now)
    print(f"record_many, the same in batches of 100: {count / _since(begun):.0f}/s")
    texts = [page.text for page in pages[:200]]
    begun = time.perf_counter()
    for text in texts:
        dedupe.simhash(text), dedupe.content_hash(text)
    print(f"fingerprint and hash of 600 words: {_since(begun) / len(texts) * 1000:.2f} ms")


def _measure_search(articles: Articles) -> None:
    chosen = random.Random(7)
    last = articles.list(ArticleFilter(limit=1))[0].id
    titles = [articles.get(chosen.randrange(1, last)).title.lower().split() for _ in range(200)]
    queries = [" ".join(chosen.sample(title, 2)) for title in titles]
    _print_times("search, two words of a title", [_timed(partial(articles.search, q)) for q in queries])
    exact = sum(articles.search(query).exact for query in queries)
    print(f"  {exact} of {len(queries)} ranked exactly")
    prose = Prose()
    for rank in (0, 1, 5, 50, 500):
        word = prose.words[rank]
        print(f"search, the word of rank {rank}: {_timed(partial(articles.search, word)) * 1000:.1f} ms")
    word = prose.words[0]
    like = "SELECT id FROM articles WHERE title LIKE ? ORDER BY id DESC LIMIT 20"
    rare = f"%{queries[0].split()[0]}%{queries[0].split()[1]}%"
    print(f"peer, LIKE on titles only: {_timed(lambda: articles.store.rows(like, (rare,))) * 1000:.0f} ms")
    peer = "SELECT rowid FROM article_fts WHERE article_fts MATCH ? ORDER BY rank LIMIT 20"
    plain = _timed(lambda: articles.store.rows(peer, (word,)))
    print(f"peer, plain FTS5 by rank, the commonest word: {plain * 1000:.0f} ms")


def _measure_lists(articles: Articles) -> None:
    rejected = (ArticleStatus.REJECTED,)
    filters = {
        "newest": ArticleFilter(),
        "by status": ArticleFilter(statuses=rejected),
        "by host": ArticleFilter(domain="host17.example"),
        "by host and status": ArticleFilter(domain="host10.example", statuses=rejected),
        "since": ArticleFilter(since=START + timedelta(days=5)),
        "1,000 from the middle": ArticleFilter(after=sum(articles.counts().values()) // 2, limit=1000),
    }
    for name, wanted in filters.items():
        print(f"list, {name}: {_timed(partial(articles.list, wanted)) * 1000:.1f} ms")


def _measure_summary(store: Store) -> None:
    print(f"summary for status: {_timed(lambda: read_summary(store.path)) * 1000:.1f} ms")
    count = "SELECT status, count(*) FROM articles GROUP BY status"
    print(f"peer, count(*) by status: {_timed(lambda: store.rows(count)) * 1000:.0f} ms")
    size = read_summary(store.path).size
    print(f"file: {size / 1e9:.2f} GB")


def _timed(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return _since(begun)


def _since(begun: float) -> float:
    return time.perf_counter() - begun


def _print_times(name: str, times: list[float]) -> None:
    ordered = [1000 * each for each in sorted(times)]
    p95 = ordered[int(len(ordered) * 0.95)]
    print(f"{name}: median {ordered[len(ordered) // 2]:.1f} ms, p95 {p95:.1f} ms, worst {ordered[-1]:.1f} ms")


if __name__ == "__main__":
    main()
