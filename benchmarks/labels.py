"""Speed of both labelling engines, on texts of the labelled set put together to the length of articles.

    python benchmarks/labels.py [--articles 10000] [--asked 1000] [--rate 15] [--workers 2] [--faults 0] [--json]

Offline: articles a second on one core, read from and stored in a real library, one transaction each. AI: the same by
several worker processes that share a rate through Redis, and an OpenAI-compatible server on loopback that takes 200 ms
an answer, beside the least time by the rate. `--faults 0.3`: a share of the answers is an error or useless.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from claims import Claim, publish

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
FAULTS = (
    "rate-limit", "server-error", "bad-gateway-page", "page", "broken", "not-json", "empty-choices", "length",
    "content-filter", "refusal", "bad-phase", "bad-topic", "bad-score", "not-an-object", "mappable",
)  # fmt: skip


def fill(library: Library, count: int) -> float:
    """Add so many articles; their mean length in words."""
    rng, items = random.Random(1), labelled("tune") + labelled("test")
    words = 0
    with library.articles.store.transaction():
        for number in range(count):
            parts = rng.sample(items, TEXTS_AN_ARTICLE)
            text = f"Article {number}. " + " ".join(part["text"] for part in parts)
            words += len(text.split())
            page = draft(f"https://example.org/{number}", text, title=parts[0]["title"])
            library.articles.record(page, job_id=None, position=number, now=datetime.now(UTC))
    return words / count


def label_all(engine: Classify, library: Library) -> int:
    """Label everything in batches as jobs do; how many articles were labelled."""
    ids, done = library.labels.unlabelled(1_000_000), 0
    for start in range(0, len(ids), BATCH):
        result = engine.process(ids[start : start + BATCH], job=job(f"job{start}", seconds=600))
        done += sum(item.outcome == "labelled" for item in result.items)
    return done


def offline(count: int) -> dict[str, Any]:
    """The offline engine on one core."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        words = fill(library, count)
        # Of so many at random a pair may be nearly the same text, and is one article.
        stored = len(library.labels.unlabelled(count))
        wall, cpu = time.perf_counter(), time.process_time()
        done = label_all(library.classify(), library)
        seconds = time.perf_counter() - wall
        return {
            "articles": stored, "articles labelled": done, "words each": round(words), "s": seconds,
            "CPU s": time.process_time() - cpu, "articles a second": done / seconds,
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


def through_server(count: int, rate: float, workers: int, faults: float) -> dict[str, Any]:
    """The AI engine within the rate."""
    with tempfile.TemporaryDirectory() as name, FakeOpenAI(latency=LATENCY_SECONDS) as server:
        folder, context = Path(name), multiprocessing.get_context("spawn")
        library = Library(folder)
        fill(library, count)
        if faults:
            server.share_of_faults(faults, seed=1, kinds=FAULTS)
        embedded.ensure_running(folder)
        try:
            processes = [
                context.Process(target=work, args=(folder, server.url, rate, n, workers))
                for n in range(workers)
            ]
            for each in processes:
                each.start()
            for each in processes:
                each.join()
            # From the first request on: a start of Python and of the client's library is not a matter of the rate.
            seconds = time.monotonic() - server.requests[0]
        finally:
            embedded.stop(folder)
        given_up = {each["article_id"] for each in library.labels.failures(count)}
        least, totals = len(server.requests) / rate, library.totals()
        charged = (len(server.charged), server.tokens_in, server.tokens_out)
        booked = (totals["answered"], totals["tokens_in"], totals["tokens_out"])
        return {
            "articles": count, "worker processes": workers, "requests a second allowed": rate,
            "requests": len(server.requests), "s": seconds, "least s by the rate": least,
            "times the least": seconds / least,
            "without labels": len({*library.labels.unlabelled(count)} - given_up),
            "given up": len(given_up),
            "answers and tokens booked wrongly": sum(abs(a - b) for a, b in zip(charged, booked, strict=True)),
            "asked twice": sum(n > 1 for n in Counter(each[1] for each in server.charged).values()),
        }  # fmt: skip


def main() -> None:
    """Run both engines and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--asked", type=int, default=1_000)
    parser.add_argument("--rate", type=float, default=15.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--faults", type=float, default=0.0)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    alone = offline(told.articles)
    asked = through_server(told.asked, told.rate, told.workers, told.faults)
    claims = [
        Claim("offline: articles without labels", alone["articles"] - alone["articles labelled"], "==", 0),
        Claim("AI: time in the least that the rate allows", asked["times the least"], "<=", 1.3, " x"),
        Claim("AI: articles without labels", asked["without labels"], "==", 0),
        Claim("AI: answers and tokens booked wrongly", asked["answers and tokens booked wrongly"], "==", 0),
    ]
    figures = {"Offline engine, one core": alone, "AI engine, a server that takes 200 ms": asked}
    publish(claims, figures, as_json=told.json)


if __name__ == "__main__":
    main()
