"""Large runs through the provider's Batch API: handed over, asked for from the timetable, read when they have ended.

A batch is on the record, with its money reserved, before it is handed over, and carries a tag by which it is found
again when the process died in between. Answers are booked and stored one article at a time; what a batch leaves
without an answer goes the ordinary way.

Longer than 300 lines on purpose: a batch's life, whose steps may each be cut short, is read from begin to end.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mingus_lib.clients.model import ModelDown, Rejected
from mingus_lib.clients.model_answers import BatchLine, BatchState
from mingus_lib.domain import answer, offline, prompting
from mingus_lib.domain.labelmodel import PhaseModel
from mingus_lib.domain.labels import OPENAI, review_flags
from mingus_lib.domain.prompting import Ask
from mingus_lib.errors import MingusError, Refused
from mingus_lib.services.ai_labels import AiLabels
from mingus_lib.store.batches import Batches, BatchItem, BatchRow
from mingus_lib.store.costs import Call, Spent
from mingus_lib.store.labels import LabelStore

log = logging.getLogger("mingus.labels")

MOST_IN_A_BATCH = 5_000
# A batch that was being handed over so long ago was left by a process that died.
HANDING_OVER = timedelta(minutes=10)
# A batch takes a day at most. One that still cannot be read after so long never will be.
UNREADABLE_AFTER = timedelta(days=3)


@dataclass(slots=True)
class Started:
    """What was handed over: batches with their sizes, and articles that need no batch.

    `error`: what stopped the rest, `left` articles, from being handed over; they are as they were.
    """

    batches: list[dict[str, Any]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    skipped: int = 0
    reserved_usd: float = 0.0
    left: int = 0
    error: MingusError | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `classify --batch --json`."""
        return {
            "batches": self.batches,
            "answers_kept": len(self.answered),
            "skipped": self.skipped,
            "reserved_usd": round(self.reserved_usd, 6),
            "left": self.left,
            "reason": self.error and self.error.reason,
        }


@dataclass(slots=True)
class Polled:
    """What a look at the open batches brought. `unanswered` go the ordinary way."""

    running: int = 0
    ended: int = 0
    labelled: int = 0
    unanswered: list[int] = field(default_factory=list)
    down: ModelDown | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented shape."""
        return {
            "running": self.running, "ended": self.ended, "labelled": self.labelled,
            "unanswered": len(self.unanswered),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class LabelBatches:
    """Bound to its store and the AI engine by runtime.py. `tag` names this library at the provider.

    `learned` gives the learned model of the offline engine, whose opinion stands beside each answer.
    """

    labels: LabelStore
    batches: Batches
    ai: AiLabels
    tag: str
    learned: Callable[[], PhaseModel | None]

    def start(
        self,
        article_ids: Iterable[int],
        *,
        force: bool = False,
        report: Callable[[int, int], None] = lambda *_: None,
    ) -> Started:
        """Hand over the articles that want labels, in batches by model, up to the first that cannot be."""
        found = Started()
        # By model: the provider takes no batch of more than one.
        groups: dict[str, list[tuple[int, Ask]]] = {}
        ids = list(article_ids)
        for number, article_id in enumerate(ids, 1):
            ask = self.ai.models.wanted(self.labels.unread(article_id), force=force)
            report(number, len(ids))
            if ask is None:
                found.skipped += 1
            elif self.ai.costs.answer(ask.key) is not None:
                found.answered.append(article_id)
            else:
                groups.setdefault(ask.model, []).append((article_id, ask))
        parts = [
            (model, pairs[begin : begin + MOST_IN_A_BATCH])
            for model, pairs in groups.items()
            for begin in range(0, len(pairs), MOST_IN_A_BATCH)
        ]
        for number, (model, part) in enumerate(parts):
            try:
                self._hand_over(model, part, found)
            except MingusError as error:
                found.error, found.left = error, sum(len(rest) for _, rest in parts[number:])
                break
        return found

    def _hand_over(self, model: str, pairs: Sequence[tuple[int, Ask]], found: Started) -> None:
        by_key = {ask.key: (article_id, ask) for article_id, ask in pairs}
        now = datetime.now(UTC)
        # Calls that a dead process left open would keep their questions from being asked.
        self.ai.costs.close_lost(now)
        # One transaction: of two hand-overs at once only one finds a question free, and reserves for it.
        with self.labels.store.transaction():
            for key in self.ai.costs.under_way(by_key):
                del by_key[key]
            found.skipped += len(pairs) - len(by_key)
            if not by_key:
                return
            calls = [self._call(article_id, ask) for article_id, ask in by_key.values()]
            batch_id = self._prepared(model, list(by_key.values()), calls, now)
        # After the commit: nobody waits for the provider to write, and a kill finds the batch on the record.
        self._submit(batch_id, [ask for _, ask in by_key.values()])
        found.batches.append({"id": batch_id, "model": model, "articles": len(by_key)})
        found.reserved_usd += sum(call.reserve_usd for call in calls)

    def _prepared(
        self, model: str, pairs: Sequence[tuple[int, Ask]], calls: Sequence[Call], now: datetime
    ) -> int:
        """Put the batch on the record with its money; its id. Raises Refused over the budget."""
        ids = self.ai.costs.reserve_all(calls, self.ai.budget, now)
        if isinstance(ids, Spent):
            raise Refused(f"{ids.reason}; raise MINGUS_AI_DAILY_BUDGET, or take fewer articles with --since")
        items = [
            BatchItem(article_id, ask.key, call_id)
            for (article_id, ask), call_id in zip(pairs, ids, strict=True)
        ]
        return self.batches.prepare(model, items, now)

    def _call(self, article_id: int, ask: Ask) -> Call:
        reserve = self.ai.reserve_for(ask, batch=True)
        return Call(ask.key, ask.model, prompting.VERSION, reserve, article_id, in_batch=True)

    def _submit(self, batch_id: int, asks: Sequence[Ask]) -> None:
        try:
            provider_id = self.ai.model.start_batch(asks, self._tag(batch_id))
        except ModelDown as error:
            # It may have arrived all the same: the next look at the open batches finds out.
            log.warning("batch %s: %s; it is looked for again", batch_id, error.reason)
            if not error.perhaps_paid:
                self._give_up(batch_id, error.reason, Polled())
                raise
        except Exception as error:
            self._give_up(batch_id, getattr(error, "reason", type(error).__name__), Polled())
            raise
        else:
            self.batches.handed_over(batch_id, provider_id)

    def _tag(self, batch_id: int) -> str:
        return f"{self.tag}-{batch_id}"

    def poll(self, now: datetime | None = None) -> Polled:
        """Look at every open batch; store what has come. Safe to run twice, and after any crash."""
        found = Polled()
        now = now or datetime.now(UTC)
        for batch in self.batches.open():
            try:
                self._look(batch, found, now)
            except Rejected as error:
                # Asking again would bring the same, and keep the batches behind this one from being read.
                log.error("batch %s: %s; its articles go the ordinary way", batch.id, error.reason)
                self._give_up(batch.id, error.reason, found, unknown=True)
            except ModelDown as error:
                if now - batch.created_at > UNREADABLE_AFTER:
                    log.error("batch %s: %s; its articles go the ordinary way", batch.id, error.reason)
                    # It may be charged all the same: what was reserved for it counts as spent.
                    self._give_up(batch.id, error.reason, found, unknown=True)
                    continue
                found.running += 1
                found.down = error
        return found

    def _look(self, batch: BatchRow, found: Polled, now: datetime) -> None:
        provider_id = batch.provider_id or self._searched(batch, found, now)
        if provider_id is None:
            return
        state = self.ai.model.batch(provider_id)
        if state.running:
            self.batches.looked(batch.id, now)
            found.running += 1
            return
        # Before the batch ends: a kill in between reads again, and finds less left to store.
        self._read(batch, state, found)
        failed = state.state not in ("completed", "expired", "cancelled")
        self.batches.end(batch.id, "failed" if failed else "ended", state.reason or state.state, now)
        found.ended += 1

    def _searched(self, batch: BatchRow, found: Polled, now: datetime) -> str | None:
        """The provider's id of a batch whose handing over was cut short; None when it never arrived."""
        # Somebody may be handing it over at this moment.
        if now - batch.created_at < HANDING_OVER:
            found.running += 1
            return None
        provider_id = self.ai.model.find_batch(self._tag(batch.id))
        if provider_id is None:
            self._give_up(batch.id, "lost: it never reached the provider", found)
        else:
            self.batches.handed_over(batch.id, provider_id)
        return provider_id

    def _give_up(self, batch_id: int, reason: str, found: Polled, *, unknown: bool = False) -> None:
        now = datetime.now(UTC)
        with self.labels.store.transaction():
            for item in self.batches.waiting(batch_id).values():
                self.ai.costs.failed(item.call_id, reason, now, unknown=unknown)
                self.batches.mark(batch_id, item.article_id, "failed", reason)
                found.unanswered.append(item.article_id)
            self.batches.end(batch_id, "failed", reason, now)

    def _read(self, batch: BatchRow, state: BatchState, found: Polled) -> None:
        waiting, learned = self.batches.waiting(batch.id), self.learned()
        for line in self.ai.model.batch_lines(state):
            # A line that stands twice, or that nobody asked for, is passed over.
            item = waiting.pop(line.key, None)
            if item is not None:
                self._settle(batch, item, line, learned, found)
        for item in waiting.values():
            self._unanswered(batch, item, f"{state.state}: the batch ended without this answer", found)

    def _settle(
        self, batch: BatchRow, item: BatchItem, line: BatchLine, learned: PhaseModel | None, found: Polled
    ) -> None:
        reply = line.reply
        if reply is None:
            self._unanswered(batch, item, line.reason or "no answer", found)
            return
        price = self.ai.prices.of(batch.model)
        cost = price.of(reply.usage, batch=True)
        # A cut answer is paid for, but not kept: it would be found again in place of a better one.
        whole = reply.text if reply.stop == "stop" and reply.text else None
        with self.labels.store.transaction():
            now = datetime.now(UTC)
            # Booked, stored and marked together: else a kill would have it booked twice.
            self.ai.costs.answered(item.call_id, reply.usage, cost, price.date, now, whole)
            labelled = whole is not None and self._stored(batch, item, whole, reply.usage, cost, learned)
            self.batches.mark(
                batch.id,
                item.article_id,
                "labelled" if labelled else "failed",
                None if labelled else reply.stop,
            )
        if labelled:
            found.labelled += 1
        else:
            found.unanswered.append(item.article_id)

    def _stored(
        self, batch: BatchRow, item: BatchItem, text: str, usage: Any, cost: float, learned: PhaseModel | None
    ) -> bool:
        """Whether the answer is one; one that will not do is asked for once more the ordinary way."""
        article = self.labels.unread(item.article_id)
        # Nothing is left to be done: as unanswered it would be asked, and paid for, again.
        if article is None or article.is_override:
            return True
        # The answer is about the text that was sent, which the article may have no more.
        question = prompting.ask(article.title, article.text, batch.model, self.ai.models.text_tokens)
        if question.key != item.answer_key:
            return False
        try:
            labels = answer.parse(text, article.title, article.text)
        except answer.BadAnswer:
            return False
        # As beside a single call: where the two engines disagree, an editor is asked.
        opinion = offline.classify(article.title, article.text, learned)
        given = self.ai.classified(labels, article, batch.model, usage, cost)
        flags = review_flags(labels, words=article.words, engine=OPENAI, other=opinion.labels)
        given = replace(given, flags=flags, evidence=opinion.evidence)
        self.labels.put(article.id, given, now=datetime.now(UTC), second_opinion=opinion.labels)
        return True

    def _unanswered(self, batch: BatchRow, item: BatchItem, reason: str, found: Polled) -> None:
        with self.labels.store.transaction():
            self.ai.costs.failed(item.call_id, reason, datetime.now(UTC))
            self.batches.mark(batch.id, item.article_id, "failed", reason)
        found.unanswered.append(item.article_id)
