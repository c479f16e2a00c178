"""Clean-up of a large store while others read and write it: how long it takes, and how long they wait.

    python benchmarks/cleanup.py [--articles 1000000] [--dir DIR] [--keep] [--json]

The first tenth of the articles is old and kept by no rule, the second one is old and kept. A writer commits a row every
few milliseconds and a reader looks up articles all the while, each a process of its own. The writer notes how long it
waited for the write lock, the reader how long its query took; at first with nothing else going on. The peer is one
statement for everything, as a script would do it: how long a writer waits for that.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claims import Claim, publish

from mingus_lib.domain.retention import ArticlePolicy
from mingus_lib.services.housekeeping import Housekeeping, Rotation
from mingus_lib.store.archiving import Archiving
from mingus_lib.store.database import Store, raw_connection
from mingus_lib.store.maintenance import sound
from mingus_lib.store.steps import Steps
from mingus_lib.store.summary import size

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD, NEW = NOW - timedelta(days=200), NOW - timedelta(days=20)
BATCH = 2_000
WORDS = 60
EVENTS_AN_ARTICLE = 2
POLICY = ArticlePolicy(archived_pages_days=1, archived_rows_days=2)
_ARTICLE = """
INSERT INTO articles (id, url, canonical_url, domain, title, preview, added_at, updated_at, word_count, content_hash,
  status, is_featured) VALUES (?1, ?2, ?2, 'host.example', ?3, '', ?4, ?4, 60, ?5, 'published', ?6)
"""


def main() -> None:
    """Make the store, clean it up, print every figure."""
    options = _options()
    folder = options.dir or Path(tempfile.mkdtemp(prefix="mingus-cleanup-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        claims, figures = _measure(folder, options.articles)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    publish(claims, figures, as_json=options.json)


def _measure(folder: Path, articles: int) -> tuple[list[Claim], dict[str, Any]]:
    path, figures = folder / "bench.db", dict[str, Any]()
    with Store.open(path) as store:
        _fill(store, articles)
        figures["store"] = {"articles": articles, "bytes": size(path)}
        with _others(path) as others:
            time.sleep(5)
        figures["nothing else going on"] = others.figures()
        claims = [*_archive(store, figures), *_delete(store, figures), *_maintain(store, folder, figures)]
        claims += _vacuumed(store, folder, figures)
    return [*claims, Claim("damage found afterwards", len(sound(path)), "==", 0)], figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--articles", type=int, default=1_000_000)
    parser.add_argument("--dir", type=Path, help="where to make the store; removed at the end")
    parser.add_argument("--keep", action="store_true", help="keep the store for another run")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _fill(store: Store, wanted: int) -> None:
    have = store.value("SELECT count(*) FROM articles")
    chance = random.Random(1)
    vocabulary = [f"word{number}" for number in range(20_000)]
    store.execute("PRAGMA cache_size=-500000")
    store.execute("INSERT OR IGNORE INTO readers (id, created_at) VALUES ('ada', '2026')")
    begun = time.perf_counter()
    for first in range(have, wanted, BATCH):
        numbers = range(first + 1, min(first + BATCH, wanted) + 1)
        texts = [(n, " ".join(chance.choices(vocabulary, k=WORDS)), "") for n in numbers]
        with store.transaction() as connection:
            connection.executemany(_ARTICLE, [_article(n, wanted) for n in numbers])
            connection.executemany("INSERT INTO article_texts VALUES (?, ?, ?)", texts)
            pages = [(n, os.urandom(2_000)) for n in numbers]
            connection.executemany("INSERT INTO article_raw VALUES (?, 'zlib', ?, NULL, NULL, NULL)", pages)
            labels = [
                (n, ("BE", "DO", "HAVE")[n % 3], ("Beginner", "Intermediate", "Advanced")[n % 7 % 3])
                for n in numbers
            ]
            connection.executemany(
                "INSERT INTO classifications (article_id, primary_phase, difficulty_level, confidence_score, engine, "
                "classified_at) VALUES (?, ?, ?, 0.9, 'offline', '2026')",
                labels,
            )
            events = [
                (f"e{n:09}{i}", n, NEW.isoformat())
                for n in numbers
                if n > wanted // 5
                for i in range(EVENTS_AN_ARTICLE)
            ]
            connection.executemany(
                "INSERT INTO events (reader, id, article, kind, at) VALUES (1, ?, ?, 'viewed', ?)", events
            )
        if first % 100_000 == 0:
            print(f"  {first:,} articles, {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    store.execute("PRAGMA cache_size=-16000")
    store.rows("PRAGMA wal_checkpoint(TRUNCATE)")


def _article(number: int, wanted: int) -> tuple[Any, ...]:
    """The first fifth is old, half of that is featured, too."""
    old = number <= wanted // 5
    at = (OLD if old else NEW) + timedelta(seconds=number % 86_400)
    url = f"https://host.example/{number}"
    return (
        number,
        url,
        f"Title {number}",
        at.isoformat(timespec="microseconds"),
        f"h{number}",
        int(old and number > wanted // 10),
    )


class Others:
    """A writer and a reader beside the work; how long each of their turns took, seconds."""

    def __init__(self) -> None:
        self.writes: list[float] = []
        self.reads: list[float] = []

    def figures(self) -> dict[str, float]:
        """Milliseconds: median, p99, longest."""
        told: dict[str, float] = {}
        for name, times in (("writer", self.writes), ("reader", self.reads)):
            ordered = sorted(times)
            told |= {
                f"{name} turns": len(ordered),
                f"{name} median ms": 1000 * ordered[len(ordered) // 2],
                f"{name} p99 ms": 1000 * ordered[int(len(ordered) * 0.99)],
                f"{name} longest ms": 1000 * ordered[-1],
            }
        return told


@contextmanager
def _others(path: Path) -> Iterator[Others]:
    context = multiprocessing.get_context("spawn")
    stop, seen = context.Event(), Others()
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    workers = [
        context.Process(target=work, args=(path, stop, pipe[1]))
        for work, pipe in zip((_write, _read), pipes, strict=True)
    ]
    for worker, (receiving, _) in zip(workers, pipes, strict=True):
        worker.start()
        receiving.recv()
    try:
        yield seen
    finally:
        stop.set()
        seen.writes, seen.reads = (receiving.recv() for receiving, _ in pipes)
        for worker in workers:
            worker.join()


def _write(path: Path, stop: Any, pipe: Any) -> None:
    sql = "INSERT INTO meta VALUES ('bench', '1') ON CONFLICT (key) DO UPDATE SET value = value + 1"
    with closing(raw_connection(path, 60.0)) as connection:

        def turn() -> float:
            begun = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            waited = time.perf_counter() - begun
            connection.execute(sql)
            connection.execute("COMMIT")
            return waited

        _turns(turn, stop, pipe)


def _read(path: Path, stop: Any, pipe: Any) -> None:
    chance = random.Random(2)
    with Store.open(path) as store:
        last = store.value("SELECT max(id) FROM articles")
        sql = "SELECT title FROM articles WHERE id = ?"

        def turn() -> float:
            begun = time.perf_counter()
            store.value(sql, (chance.randrange(1, last),))
            return time.perf_counter() - begun

        _turns(turn, stop, pipe)


def _turns(turn: Callable[[], float], stop: Any, pipe: Any) -> None:
    turn()
    pipe.send("ready")
    times = []
    while not stop.is_set():
        times.append(turn())
        time.sleep(0.004)
    pipe.send(times or [0.0])


def _archive(store: Store, figures: dict[str, Any]) -> list[Claim]:
    archiving = Archiving(store)
    with _others(store.path) as others:
        begun, busy = time.perf_counter(), time.process_time()
        plan = archiving.plan(POLICY, NOW)
        chosen, busy = time.perf_counter() - begun, time.process_time() - busy
        done = archiving.archive(plan.ids, NOW, Steps(), lambda *_: None)
        took = time.perf_counter() - begun
    told = others.figures()
    figures["archiving"] = {
        "articles": done, "choosing s": chosen, "choosing CPU s": busy, "seconds": took, **told,
    }  # fmt: skip
    return [
        Claim("archiving a tenth of the articles", took, "<", 60, " s"),
        Claim("a writer beside it, p99", told["writer p99 ms"], "<", 200, " ms"),
    ]


def _delete(store: Store, figures: dict[str, Any]) -> list[Claim]:
    archiving, claims = Archiving(store), []
    with _others(store.path) as others:
        begun = time.perf_counter()
        ids, _ = archiving.old_pages(POLICY, NOW + timedelta(days=1.5))
        freed = archiving.drop_pages(ids, Steps(5, pause=2))
        took = time.perf_counter() - begun
    figures["deleting raw pages"] = {
        "pages": freed.removed,
        "bytes": freed.bytes,
        "seconds": took,
        **others.figures(),
    }
    claims.append(
        Claim("a writer beside deleting pages, p99", others.figures()["writer p99 ms"], "<", 200, " ms")
    )
    later = NOW + timedelta(days=3)
    with _others(store.path) as others:
        begun = time.perf_counter()
        ids, _ = archiving.old_rows(POLICY, later)
        freed = archiving.drop_rows(ids, POLICY, later, Steps(2, pause=2))
        took = time.perf_counter() - begun
    figures["deleting articles"] = {
        "articles": freed.removed,
        "bytes": freed.bytes,
        "seconds": took,
        **others.figures(),
    }
    claims.append(
        Claim("a writer beside deleting articles, p99", others.figures()["writer p99 ms"], "<", 200, " ms")
    )
    return claims


def _maintain(store: Store, folder: Path, figures: dict[str, Any]) -> list[Claim]:
    keeping = Housekeeping(store, Rotation(folder / "backups", 1, 0))
    stages: dict[str, float] = {}
    stage, since = "", time.perf_counter()

    def report(_done: int, _total: int, text: str) -> None:
        nonlocal stage, since
        if stage:
            stages[f"{stage} s"] = time.perf_counter() - since
        stage, since = text, time.perf_counter()

    with _others(store.path) as others:
        begun = time.perf_counter()
        told = keeping.run(NOW, None, report)
        took = time.perf_counter() - begun
    report(0, 0, "")
    waited = others.figures()
    figures["maintenance"] = {"seconds": took, **stages, "freed pages": told["freed_pages"], **waited}
    return [
        Claim(
            "the longest wait of a writer beside maintenance", waited["writer longest ms"], "<", 200, " ms"
        ),
        Claim(
            "the longest wait of a reader beside maintenance", waited["reader longest ms"], "<", 200, " ms"
        ),
    ]


def _vacuumed(store: Store, folder: Path, figures: dict[str, Any]) -> list[Claim]:
    live = folder / "live.db"
    live.unlink(missing_ok=True)
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(live),))
    here, there = store.path.stat().st_size, live.stat().st_size
    live.unlink()
    figures["file after maintenance"] = {"bytes": here, "bytes of the live data (VACUUM INTO)": there}
    claims = [Claim("file after maintenance, of the live data", here / there, "<=", 1.1)]
    peer = [json.dumps([row[0] for row in store.rows("SELECT id FROM articles WHERE id % 10 > 7")])]
    with _others(store.path) as others:
        begun = time.perf_counter()
        sql = "UPDATE articles SET status = 'archived' WHERE id IN (SELECT value FROM json_each(?))"
        store.execute(sql, peer)
        took = time.perf_counter() - begun
    figures["peer: archiving in one statement"] = {"seconds": took, **others.figures()}
    return claims


if __name__ == "__main__":
    main()
