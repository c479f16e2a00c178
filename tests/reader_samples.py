"""Small libraries with readers, for tests of recommendations."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mingus_lib.domain.gate import GatePolicy, Label
from mingus_lib.domain.readers import Event, Reader
from mingus_lib.domain.recommend.facts import ListPolicy
from mingus_lib.services.recommending import Recommender
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.events import Events
from mingus_lib.store.readers import Readers
from mingus_lib.store.recommendations import Recommendations
from tests.store_samples import draft

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOPICS = ("budgeting", "investing", "networking", "taxes")


def add_article(store: Store, number: int, label: Label, topic: str = "budgeting", text: str = "") -> int:
    """A published article with its labels (None: without); its id."""
    url = f"https://host{number % 7}.example/{number}"
    words = text or " ".join(f"{topic}{chr(97 + (number * 7 + step) % 20)}" for step in range(40))
    item = Articles(store).record(
        draft(url, words, domain=f"host{number % 7}.example", title=f"{topic} {number}", fingerprint=None),
        job_id=None,
        position=0,
        now=NOW - timedelta(days=number % 90),
        force=True,
    )
    assert item.article_id is not None
    if label is not None:
        give_label(store, item.article_id, label, topic)
    return item.article_id


def give_label(store: Store, article: int, label: tuple[str, str], topic: str = "budgeting") -> None:
    store.execute(
        "INSERT INTO classifications (article_id, primary_phase, difficulty_level, confidence_score, key_topics, "
        "engine, classified_at) VALUES (?, ?, ?, 0.9, ?, 'offline', '2026-01-01') ON CONFLICT (article_id) DO UPDATE "
        "SET primary_phase = excluded.primary_phase, difficulty_level = excluded.difficulty_level",
        (article, *label, json.dumps([topic])),
    )


def fill(store: Store, labels: Sequence[Label], articles: int) -> list[int]:
    """Articles that take the labels and topics in turn."""
    return [
        add_article(store, number, labels[number % len(labels)], TOPICS[number % len(TOPICS)])
        for number in range(articles)
    ]


def read(store: Store, articles: Sequence[int], readers: int, seed: int = 1) -> None:
    """Readers who mostly finish articles of a topic of their own."""
    chance = random.Random(seed)
    numbers = Readers(store).put([Reader(f"reader{n}") for n in range(readers)], NOW)
    for place, number in enumerate(numbers.values()):
        mine = [article for article in articles if article % len(TOPICS) == place % len(TOPICS)]
        chosen = chance.sample(mine, min(8, len(mine))) + chance.sample(list(articles), 2)
        Events(store).append(
            number,
            [
                Event(f"e{n}", article, "finished", NOW - timedelta(days=n))
                for n, article in enumerate(dict.fromkeys(chosen))
            ],
        )


def recommender(
    home: Path, store: Store, policy: ListPolicy | None = None, gate: GatePolicy | None = None
) -> Recommender:
    return Recommender(
        home,
        Readers(store),
        Events(store),
        Recommendations(store),
        gate or GatePolicy(),
        policy or ListPolicy(),
    )
