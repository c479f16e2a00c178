"""Labels for a batch of articles: what a classify_article_batch job does.

The AI engine works on threads, several articles at once within the provider's pace; the offline engine on the calling
thread. Every article ends on its own: one that fails costs the others nothing, and each is stored in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from mingus_lib.clients.model import ModelDown
from mingus_lib.domain import offline, prompting
from mingus_lib.domain.labelmodel import PhaseModel
from mingus_lib.domain.labels import OFFLINE, OPENAI, Classified, Labels, review_flags
from mingus_lib.domain.offline import Opinion
from mingus_lib.errors import PermanentError, TransientError
from mingus_lib.queues.context import JobContext
from mingus_lib.services.ai_labels import AiLabels, GaveUp, Order, OverBudget
from mingus_lib.services.threads import Once, in_threads
from mingus_lib.store.label_writes import Put
from mingus_lib.store.labels import LabelStore, Unread

AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one article.

    `outcome`: labelled, current (nothing to do), batched, override (an editor's labels stay), gone, failed (the AI
    engine gave up; it has offline labels and waits for an editor) or waiting (another job goes on). `again`: the AI
    engine is to try later.
    """

    article_id: int
    outcome: str
    engine: str | None = None
    phase: str | None = None
    difficulty: str | None = None
    confidence: float | None = None
    reason: str | None = None
    again: bool = False
    until: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented shape."""
        found = asdict(self)
        return {key: found[key] for key in found if key not in ("again", "until")}


@dataclass(slots=True)
class ClassifyResult:
    """The items in the order given; what is left for later, and when."""

    items: list[Item] = field(default_factory=list)
    left_over: list[int] = field(default_factory=list)
    again: list[int] = field(default_factory=list)
    until: datetime | None = None
    bug: Exception | None = None
    down: ModelDown | None = None
    waiting: Item | None = None

    def as_json(self) -> list[dict[str, Any]]:
        """The job's result: one object per article."""
        return [item.as_json() for item in self.items]

    def raise_for_unfinished(self) -> None:
        """A bug first; then what wants another attempt of this job."""
        if self.bug is not None:
            raise self.bug
        if self.waiting is not None:
            raise TransientError(
                f"article {self.waiting.article_id}: {self.waiting.reason}", code="unfinished"
            )


@dataclass(frozen=True, slots=True)
class Classify:
    """Bound to its engines and store by runtime.py. `ai` is None when it is off or has no key."""

    labels: LabelStore
    ai: AiLabels | None
    learned: Callable[[], PhaseModel | None]
    concurrency: int = 8
    over_budget: str = OFFLINE

    def process(
        self,
        article_ids: Sequence[int],
        *,
        job: JobContext,
        engine: str = AUTO,
        force: bool = False,
        probing: bool = False,
    ) -> ClassifyResult:
        """Label every article that wants it, or as many as the job's time allows.

        `force` labels those anew whose labels are current. `probing`: this job was let through to see whether the
        server works again, so the first article goes alone. Failures of single articles are items, not exceptions.
        """
        if engine == OPENAI and self.ai is None:
            raise PermanentError("the AI engine is off or has no key: set OPENAI_API_KEY", code="no-ai")
        run = _Run(self, list(dict.fromkeys(article_ids)), job, engine, force, probing)
        return run.result()


class _Run:
    """One call of Classify.process."""

    def __init__(
        self, owner: Classify, ids: list[int], job: JobContext, engine: str, force: bool, probing: bool
    ) -> None:
        self.owner = owner
        self.ids = ids
        self.job = job
        self.engine = engine
        self.force = force
        self.probing = probing
        self.stop_at, self.give_up_at = job.stop_at(), job.give_up_at()
        self.learned = owner.learned()
        self.ai = owner.ai if engine != OFFLINE else None
        self.questions = Once()
        self.items: dict[int, Item] = {}
        self.outcome = ClassifyResult()

    def result(self) -> ClassifyResult:
        """Label all, then put the items together."""
        # The attempt before died with calls open, which hold money and keep others from asking.
        if self.ai is not None and self.job.attempt > 1:
            self.ai.costs.close_attempts(self.job.id, self.job.attempt, datetime.now(UTC))
        wanted = self._wanted()
        if self.ai is None:
            self._one_by_one(wanted)
        else:
            self._with_ai(wanted)
        found = self.outcome
        found.items = [self.items[each] for each in self.ids if each in self.items]
        # After a bug this job fails as it is: another one with the rest would only meet it again.
        found.left_over = [each for each in self.ids if each not in self.items and found.bug is None]
        found.again = [item.article_id for item in found.items if item.again]
        # The latest: all go into one upgrade, which would else come while a budget is still spent.
        found.until = max((item.until for item in found.items if item.until), default=None)
        # What waits for a budget gets a job of its own, and costs this one no attempt.
        found.waiting = next((i for i in found.items if i.outcome == "waiting" and not i.again), None)
        return found

    def _wanted(self) -> list[int]:
        return [each for each in self.ids if not self._settled(each)]

    def _settled(self, article_id: int) -> bool:
        """Note an article that needs no labels; True if so."""
        article = self.owner.labels.unread(article_id)
        if article is None:
            self._note(Item(article_id, "gone", reason="no-such-article: it is not in the library any more"))
        elif article.is_override:
            self._note(Item(article_id, "override", reason="override: an editor's labels stay"))
        # Without an AI engine nobody fetches the batch, so that its articles are labelled here.
        elif article.in_batch and self.ai is not None:
            self._note(
                Item(article_id, "batched", article.engine, reason="in-batch: a batch has asked for it")
            )
        elif not self.force and self._is_current(article):
            self._note(Item(article_id, "current", article.engine, reason="its text has not changed"))
        return article_id in self.items

    def _is_current(self, article: Unread) -> bool:
        if article.engine is None or article.labelled_hash != article.content_hash:
            return False
        # What the model gave up on it would give up on again, until the prompt or the text is another one.
        return self.ai is None or article.engine == OPENAI or article.given_up_by == prompting.VERSION

    def _note(self, item: Item) -> None:
        self.items[item.article_id] = item
        self.job.report(len(self.items), len(self.ids), f"article {item.article_id}")

    def _one_by_one(self, wanted: Sequence[int]) -> None:
        for article_id in wanted:
            if time.monotonic() >= self.stop_at:
                return
            self._note(self._label(article_id))

    def _with_ai(self, wanted: list[int]) -> None:
        # One question shows whether the server works; a hundred would only fail together.
        if self.probing and wanted:
            self._note(self._label(wanted[0]))
            wanted = wanted[1:]
            self.probing = False
            if self.outcome.down is not None:
                return
        for item in in_threads(self._label, wanted, self.owner.concurrency, self.stop_at, self.give_up_at):
            if isinstance(item, Item):
                self._note(item)
            else:
                self.outcome.bug = item

    def _label(self, article_id: int) -> Item:
        """One article; any thread may call this."""
        article = self.owner.labels.unread(article_id)
        if article is None:
            return Item(article_id, "gone", reason="no-such-article: it is not in the library any more")
        # Also beside the AI engine: the two are compared, and this one is there if the other fails.
        opinion = offline.classify(article.title, article.text, self.learned)
        if self.ai is None:
            return self._stored(article, self._offline(article, opinion))
        return self._by_ai(self.ai, article, opinion)

    def _by_ai(self, ai: AiLabels, article: Unread, opinion: Opinion) -> Item:
        order = Order(self.job.id, self.job.attempt, self.stop_at, self.force)
        try:
            if not self.probing and (wait := ai.gate.closed_for()) > 0:
                return self._fallen_back(
                    article, opinion, f"breaker-open: the AI engine is away for {wait:.0f} s"
                )
            # Articles alike are one question: the second gets the answer that is kept.
            given = self.questions.run(ai.models.ask(article).key, lambda: ai.label(article, order))
        except GaveUp as error:
            return self._given_up(article, opinion, error)
        except OverBudget as error:
            return self._over_budget(article, opinion, error)
        except ModelDown as error:
            # A ModelDown is a TransientError, too, but no article has to wait for a server that is away.
            self.outcome.down = error
            return self._fallen_back(article, opinion, error.reason)
        except TransientError as error:
            return Item(article.id, "waiting", reason=error.reason)
        flags = review_flags(given.labels, words=article.words, engine=OPENAI, other=opinion.labels)
        return self._stored(article, replace(given, flags=flags, evidence=opinion.evidence), opinion.labels)

    def _offline(self, article: Unread, opinion: Opinion, *more: str) -> Classified:
        flags = (*more, *review_flags(opinion.labels, words=article.words, engine=OFFLINE))
        now = datetime.now(UTC)
        return Classified(
            opinion.labels, OFFLINE, opinion.version, None, article.content_hash, now, flags=flags,
            evidence=opinion.evidence,
        )  # fmt: skip

    def _fallen_back(self, article: Unread, opinion: Opinion, reason: str) -> Item:
        item = self._stored(article, self._offline(article, opinion))
        return replace(item, reason=reason, again=True)

    def _given_up(self, article: Unread, opinion: Opinion, error: GaveUp) -> Item:
        self.owner.labels.failed(
            article.id, article.content_hash, prompting.VERSION, error.reason, self.job.id, datetime.now(UTC)
        )
        item = self._stored(article, self._offline(article, opinion, "engine-failed"))
        return replace(item, outcome="failed", reason=error.reason)

    def _over_budget(self, article: Unread, opinion: Opinion, error: OverBudget) -> Item:
        if self.owner.over_budget == "wait":
            return Item(article.id, "waiting", reason=error.reason, again=True, until=error.until)
        return replace(self._fallen_back(article, opinion, error.reason), until=error.until)

    def _stored(self, article: Unread, given: Classified, second: Labels | None = None) -> Item:
        now = datetime.now(UTC)
        # Only where the offline engine was asked for may its labels replace the AI's, not where it steps in.
        force = self.force and self.ai is None
        put = self.owner.labels.put(article.id, given, now=now, second_opinion=second, force=force)
        if put is not Put.STORED:
            outcome = {Put.OVERRIDE: "override", Put.KEPT: "current", Put.GONE: "gone"}[put]
            return Item(article.id, outcome, article.engine)
        labels = given.labels
        return Item(
            article.id, "labelled", given.engine, labels.primary_phase, labels.difficulty_level,
            labels.confidence_score,
        )  # fmt: skip
