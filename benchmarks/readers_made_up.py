"""A made-up library with readers: topics, power laws, texts. The same for a seed.

`write_events` writes the CSV that `mingus readers import` reads, in the order of time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from mingus_lib.domain.gate import DIFFICULTIES, PHASES

TOPICS = 30
SUBJECTS = 600
START = datetime(2026, 1, 1, tzinfo=UTC)
YEAR_SECONDS = 320 * 86_400
KINDS = np.array(["viewed", "started", "finished", "bookmarked", "clicked"])
SHARES = np.array([0.3, 0.2, 0.35, 0.05, 0.1])
CHUNK = 500_000


def fill_articles(path: Path, articles: int, seed: int = 1) -> None:
    """Put labelled articles into an existing store, past the triggers' usual way in: a benchmark of readers."""
    draw = np.random.default_rng(seed)
    subject = draw.integers(0, SUBJECTS, articles)
    with sqlite3.connect(path) as store:
        store.executemany(
            "INSERT INTO articles (id, url, canonical_url, domain, title, status, added_at, updated_at, "
            "published_at) VALUES (?, ?, ?, ?, ?, 'published', ?, ?, ?)",
            _rows(articles, subject),
        )
        store.executemany(
            "INSERT INTO article_texts (article_id, text, html) VALUES (?, ?, '')",
            ((number + 1, text) for number, text in enumerate(_texts(subject, draw))),
        )
        phase, level = draw.integers(0, 3, articles), draw.choice(3, articles, p=[0.6, 0.3, 0.1])
        store.executemany(
            "INSERT INTO classifications (article_id, primary_phase, difficulty_level, confidence_score, "
            "key_topics, engine, classified_at) VALUES (?, ?, ?, 0.9, ?, 'made up', '2026-01-01')",
            (
                (number + 1, PHASES[phase[number]], DIFFICULTIES[level[number]],
                 f'["topic {subject[number] % TOPICS}"]')
                for number in range(articles)
            ),
        )  # fmt: skip


def _rows(articles: int, subject: np.ndarray) -> Iterator[tuple[object, ...]]:
    for number in range(articles):
        url, day = f"https://host{number % 997}.example/{number}", START + timedelta(hours=number % 7_000)
        title = f"{_word(int(subject[number]))} of {_word(number % 5000)}"
        stamp = day.isoformat(timespec="microseconds")
        yield number + 1, url, url, f"host{number % 997}.example", title, stamp, stamp, stamp[:10]


def _texts(subject: np.ndarray, draw: np.random.Generator) -> Iterator[str]:
    """Some 150 words: a fifth of the subject's and topic's own, the rest by Zipf."""
    chance = 1 / (np.arange(20_000) + 5.0)
    common = draw.choice(20_000, 2_000_000, p=chance / chance.sum())
    own = draw.integers(0, 20_000, (SUBJECTS, 40))
    for number in subject:
        start = int(draw.integers(0, len(common) - 120))
        yield " ".join(map(_word, [*common[start : start + 120], *own[number][draw.integers(0, 40, 30)]]))


def _word(number: int) -> str:
    return "w" + "".join(chr(97 + int(digit)) for digit in str(number))


def write_events(path: Path, readers: int, articles: int, events: int, seed: int = 1) -> None:
    """A CSV of events by time."""
    draw = np.random.default_rng(seed)
    with path.open("w") as file:
        file.write("id,reader,article,event,at\n")
        for start, who, article, at in _drawn(draw, readers, articles, events, seed):
            kind = KINDS[draw.choice(len(KINDS), len(who), p=SHARES)]
            file.writelines(_lines(start, who, article, kind, at))


def _drawn(
    draw: np.random.Generator, readers: int, articles: int, events: int, seed: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Who meets which article when. How much a reader reads and how often an article is read fall by power laws."""
    subject = np.random.default_rng(seed).integers(0, SUBJECTS, articles)
    order = np.argsort(subject, kind="stable")
    bounds = np.searchsorted(subject[order], np.arange(SUBJECTS + 1))
    activity = np.cumsum(draw.pareto(1.8, readers) + 0.4)
    tastes = draw.integers(0, SUBJECTS, (readers, 4))
    spread = np.sort(draw.integers(0, YEAR_SECONDS, events))
    for start in range(0, events, CHUNK):
        count = min(CHUNK, events - start)
        who = np.searchsorted(activity, draw.random(count) * activity[-1])
        topic = tastes[who, draw.integers(0, 4, count)]
        # A rank within the subject, by a power law; a tenth reads anything.
        size = bounds[topic + 1] - bounds[topic]
        rank = (size * draw.random(count) ** 2.2).astype(np.int64)
        article = order[np.minimum(bounds[topic] + rank, articles - 1)]
        anything = draw.random(count) < 0.1
        article[anything] = (articles * draw.random(int(anything.sum())) ** 2).astype(np.int64)
        yield start, who, article, spread[start : start + count]


def fill_events(path: Path, readers: int, articles: int, events: int, seed: int = 1) -> None:
    """Put readers and events, a fifth of them recommendations, into an existing store, by reader as they lie there.

    Triggers and indexes are made anew afterwards: an import has benchmarks of its own.
    """
    draw = np.random.default_rng(seed)
    parts = list(_drawn(draw, readers, articles, events, seed))
    who, article, at = (np.concatenate([part[place] for part in parts]) for place in (1, 2, 3))
    del parts
    order = np.argsort(who, kind="stable")
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA synchronous=OFF")
        made = store.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL"
        )
        extras = [row for row in made.fetchall() if row[1] != "table"]
        for name, kind, _ in extras:
            store.execute(f"DROP {kind} {name}")
        stamp = START.isoformat(timespec="microseconds")
        numbers = ((n + 1, f"reader{n}", stamp) for n in range(readers))
        store.executemany("INSERT INTO readers (number, id, created_at) VALUES (?, ?, ?)", numbers)
        for start in range(0, events, CHUNK):
            chosen = order[start : start + CHUNK]
            rows = _rows_of(chosen, who[chosen], article[chosen], at[chosen], draw)
            store.executemany(
                "INSERT INTO events (reader, id, article, kind, at, time_spent_seconds, scroll_depth, device) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows,
            )  # fmt: skip
        for _, _, sql in extras:
            store.execute(sql)
        store.execute("INSERT INTO article_doubts SELECT DISTINCT article FROM events")


def _rows_of(
    number: np.ndarray, who: np.ndarray, article: np.ndarray, at: np.ndarray, draw: np.random.Generator
) -> Iterator[tuple[object, ...]]:
    kind = KINDS.astype("<U11")[draw.choice(len(KINDS), len(who), p=SHARES)]
    kind[draw.random(len(who)) < 0.2] = "recommended"
    begun = np.datetime64("2026-01-01T00:00:00")
    times = np.datetime_as_string(begun + at.astype("timedelta64[s]"))
    seconds, depth = draw.integers(5, 1800, len(who)), draw.integers(0, 101, len(who))
    columns = (each.tolist() for each in (number, who, article, kind, times, seconds, depth))
    for n, reader, piece, what, when, spent, scrolled in zip(*columns, strict=True):
        told = (
            (spent, scrolled, "mobile") if what in ("viewed", "started", "finished") else (None, None, None)
        )
        yield reader + 1, f"e{n:08d}", piece + 1, what, f"{when}+00:00", *told


def _lines(
    start: int, who: np.ndarray, article: np.ndarray, kind: np.ndarray, at: np.ndarray
) -> Iterator[str]:
    begun = np.datetime64("2026-01-01T00:00:00")
    times = np.datetime_as_string(begun + at.astype("timedelta64[s]"))
    columns = zip(who.tolist(), article.tolist(), kind.tolist(), times.tolist(), strict=True)
    for number, (reader, piece, what, when) in enumerate(columns, start):
        yield f"e{number},reader{reader},{piece + 1},{what},{when}Z\n"
