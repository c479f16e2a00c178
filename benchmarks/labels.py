"""Speed of both labelling engines, on texts of the labelled set put together to the length of articles.

    python benchmarks/labels.py [--articles 10000] [--asked 1000] [--rate 15] [--workers 2] [--faults 0]

Offline: articles a second on one core, read from and stored in a real library, one transaction each. AI: the same by
several worker processes that share a rate through Redis, and an OpenAI-compatible server on loopback that takes 200 ms
an answer, beside the least time by the rate. `--faults 0.3`: a share of the answers is an error or useless.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mingus_lib.queues import embedded
from mingus_lib.queues.connection import connect
from mingus_lib.queues.limits import Limits
from mingus_lib.queues.modelgate import SharedGate
from mingus_lib.queues.pacing import RedisPacer
from mingus_lib.services.classify import Classify
from tests.fake_openai import FakeOpenAI
from tests.label_samples import Library, job, labelled
from tests.store_samples import draft

TEXTS_AN_ARTICLE = 8
LATENCY_SECONDS = 0.2
BATCH = 100
MOST_OVER_THE_RATE = 1.3
FAULTS = (
    "rate-limit", "server-error", "bad-gateway-page", "page", "broken", "not-json", "empty-choices", "length",
    "content-filter", "refusal", "bad-phase", "bad-topic", "bad-score", "not-an-object", "mappable",
)  # fmt: skip


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


def work(folder: Path, url: str, rate: float, number: int, workers: int) -> None:
    """One worker process: every so manyth batch."""
    library = Library(folder)
    redis = connect(embedded.url(folder))
    gate = SharedGate(Limits(redis), RedisPacer(redis), rate)
    engine = library.classify(library.ai(url, gate=gate), concurrency=16)
    ids = library.labels.unlabelled(1_000_000)
    for start in range(number * BATCH, len(ids), workers * BATCH):
        engine.process(ids[start : start + BATCH], job=job(f"job{start}", seconds=3600))


def through_server(count: int, rate: float, workers: int, faults: float) -> dict[str, object]:
    """The AI engine within the rate."""
    with tempfile.TemporaryDirectory() as name, FakeOpenAI(latency=LATENCY_SECONDS) as server:
        folder, context = Path(name), multiprocessing.get_context("spawn")
        library = Library(folder)
        fill(library, count)
        if faults:
            server.share_of_faults(faults, seed=1, kinds=FAULTS)
        embedded.ensure_running(folder)
        try:
            began = time.perf_counter()
            processes = [
                context.Process(target=work, args=(folder, server.url, rate, n, workers))
                for n in range(workers)
            ]
            for each in processes:
                each.start()
            for each in processes:
                each.join()
            seconds = time.perf_counter() - began
        finally:
            embedded.stop(folder)
        least, totals = len(server.requests) / rate, library.totals()
        return {
            "articles": count, "unlabelled": len(library.labels.unlabelled(count)), "rate": rate, "workers": workers,
            "requests": len(server.requests), "given_up": len(library.labels.failures(count)),
            "seconds": round(seconds, 1), "least_by_rate": round(least, 1),
            "times_the_least": round(seconds / least, 2),
            "within": seconds <= MOST_OVER_THE_RATE * least,
            "ledger_equals_server": (totals["answered"], totals["tokens_in"], totals["tokens_out"])
            == (len(server.charged), server.tokens_in, server.tokens_out),
            "asked_twice": sum(n > 1 for n in Counter(each[1] for each in server.charged).values()),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--asked", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=15.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--faults", type=float, default=0.0)
    told = parser.parse_args()
    print(json.dumps({"offline": offline(told.articles)}))
    print(json.dumps({"ai": through_server(told.asked, told.rate, told.workers, told.faults)}))


if __name__ == "__main__":
    main()
