"""A library with articles of the labelled set, and the parts that label it, put together for one test."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mingus_lib.clients.model import Manner, Model
from mingus_lib.domain import answer, pricing
from mingus_lib.domain.labelmodel import PhaseModel
from mingus_lib.queues.context import JobContext
from mingus_lib.queues.modelgate import OwnGate, SharedGate
from mingus_lib.services.ai_labels import AiLabels, Models
from mingus_lib.services.classify import Classify
from mingus_lib.services.label_batches import LabelBatches
from mingus_lib.store.articles import Articles
from mingus_lib.store.batches import Batches
from mingus_lib.store.costs import Budget, Costs
from mingus_lib.store.database import Store
from mingus_lib.store.labels import LabelStore
from tests.conftest import ROOT
from tests.fake_openai import FakeOpenAI
from tests.store_samples import draft

NO_BUDGET = Budget()


def labelled(part: str = "tune") -> list[dict[str, Any]]:
    lines = (ROOT / f"tests/labelled/{part}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


class Memory:
    """The manners of servers, in memory."""

    def __init__(self) -> None:
        self.known: dict[str, Manner] = {}

    def recall(self, server: str) -> Manner | None:
        return self.known.get(server)

    def remember(self, server: str, manner: Manner) -> None:
        self.known[server] = manner


def model_of(
    server: FakeOpenAI | str,
    timeout: float = 5.0,
    memory: Memory | None = None,
    gate: OwnGate | SharedGate | None = None,
) -> Model:
    return Model(
        "sk-test",
        server if isinstance(server, str) else server.url,
        timeout=timeout,
        memory=memory or Memory(),
        schema=answer.schema(),
        gate=gate or OwnGate(1000.0),
    )


def job(job_id: str = "job1", seconds: float = 60.0, attempt: int = 1) -> JobContext:
    return JobContext(job_id, attempt, attempt, False, time.monotonic() + seconds, lambda *_: None)


@dataclass
class Library:
    """A store in `folder` with articles 1 to n, and engines on it."""

    folder: Path
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store.open(self.folder / "mingus.db")
        self.articles, self.labels = Articles(self.store), LabelStore(self.store)
        self.costs, self.batches = Costs(self.store), Batches(self.store)

    def fill(self, count: int, items: Sequence[dict[str, Any]] | None = None) -> list[int]:
        """Add articles with texts of their own; their ids."""
        items = items or labelled()
        found: list[int] = []
        for number in range(count):
            item = items[number % len(items)]
            text = item["text"] + (f" Part {number}." if number >= len(items) else "")
            made = draft(f"https://example.org/{len(found)}/{text[:9]}", text, title=item["title"])
            # Forced: the later ones are near-duplicates of the first.
            kept = self.articles.record(made, job_id=None, position=number, now=datetime.now(UTC), force=True)
            assert kept.article_id is not None
            found.append(kept.article_id)
        return found

    def ai(
        self,
        server: FakeOpenAI | str,
        *,
        gate: OwnGate | SharedGate | None = None,
        budget: Budget = NO_BUDGET,
        timeout: float = 5.0,
    ) -> AiLabels:
        models, gate = Models("gpt-4.1", "gpt-4.1-mini"), gate or OwnGate(1000.0)
        model = model_of(server, timeout, gate=gate)
        return AiLabels(model, models, self.costs, pricing.shipped(), budget, gate)

    def classify(
        self, ai: AiLabels | None = None, *, learned: PhaseModel | None = None, **how: Any
    ) -> Classify:
        return Classify(self.labels, ai, lambda: learned, **how)

    def with_batches(self, server: FakeOpenAI, learned: PhaseModel | None = None, **how: Any) -> LabelBatches:
        return LabelBatches(self.labels, self.batches, self.ai(server, **how), "library", lambda: learned)

    def column(self, name: str, article_id: int) -> Any:
        return self.store.value(f"SELECT {name} FROM classifications WHERE article_id = ?", (article_id,))

    def totals(self) -> dict[str, Any]:
        report = self.costs.report(datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC), NO_BUDGET)
        found: dict[str, Any] = report["totals"]
        return found
