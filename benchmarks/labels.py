"""Speed of both labelling engines, on texts of the labelled set put together to the length of articles.

    python benchmarks/labels.py [--articles 10000] [--asked 1000] [--rate 15]

Offline: articles a second on one core, read from and stored in a real library, one transaction each. AI: the same
through an OpenAI-compatible server on loopback that takes 200 ms an answer, beside the least time by the rate.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mingus_lib.queues.modelgate import OwnGate
from mingus_lib.services.classify import Classify
from tests.fake_openai import FakeOpenAI
from tests.label_samples import Library, job, labelled
from tests.store_samples import draft

TEXTS_AN_ARTICLE = 8
LATENCY_SECONDS = 0.2
BATCH = 100
MOST_OVER_THE_RATE = 1.3


def fill(library: Library, count: int) -> float:
    """Add so many articles; their mean length in words."""
    rng, items = random.Random(1), labelled("tune") + labelled("test")
    words = 0
    for start in range(0, count, 500):
        drafts = []
        for number in range(start, min(count, start + 500)):
            parts = rng.sample(items, TEXTS_AN_ARTICLE)
            text = f"Article {number}. " + " ".join(part["text"] for part in parts)
            words += len(text.split())
            drafts.append((number, draft(f"https://example.org/{number}", text, title=parts[0]["title"])))
        library.articles.record_many(drafts, job_id=None, now=datetime.now(UTC))
    return words / count


def label_all(engine: Classify, library: Library) -> int:
    """Label everything in batches as jobs do; how many articles were labelled."""
    ids, done = library.labels.unlabelled(1_000_000), 0
    for start in range(0, len(ids), BATCH):
        result = engine.process(ids[start : start + BATCH], job=job(f"job{start}", seconds=600))
        done += sum(item.outcome == "labelled" for item in result.items)
    return done


def offline(count: int) -> dict[str, object]:
    """The offline engine on one core."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        words = fill(library, count)
        wall, cpu = time.perf_counter(), time.process_time()
        done = label_all(library.classify(), library)
        return {
            "articles": done, "words_each": round(words), "seconds": round(time.perf_counter() - wall, 1),
            "cpu_seconds": round(time.process_time() - cpu, 1),
        }  # fmt: skip


def through_server(count: int, rate: float) -> dict[str, object]:
    """The AI engine within the rate."""
    with tempfile.TemporaryDirectory() as folder, FakeOpenAI(latency=LATENCY_SECONDS) as server:
        library = Library(Path(folder))
        fill(library, count)
        ai = library.ai(server, gate=OwnGate(rate))
        began = time.perf_counter()
        done = label_all(library.classify(ai, concurrency=32), library)
        seconds, least = time.perf_counter() - began, count / rate
        return {
            "articles": done, "rate": rate, "seconds": round(seconds, 1), "least_by_rate": round(least, 1),
            "times_the_least": round(seconds / least, 2), "within": seconds <= MOST_OVER_THE_RATE * least,
            "ledger_equals_server": library.totals()["tokens_in"] == server.tokens_in,
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--asked", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=15.0)
    told = parser.parse_args()
    print(json.dumps({"offline": offline(told.articles)}))
    print(json.dumps({"ai": through_server(told.asked, told.rate)}))


if __name__ == "__main__":
    main()
