"""One article labelled by a paid model: kept answers first, then the budget, the pace, the call, the check, the ledger.

The transient failures of a call are tried again here, three times with growing waits; what remains is an error that
says whether the article, the server or the budget is to blame.
"""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from mingus_lib.clients.model import Model, ModelDown, OutOfService, Rejected, TooFast
from mingus_lib.clients.model_answers import Reply
from mingus_lib.domain import answer, prompting
from mingus_lib.domain.labels import OPENAI, Classified, Labels
from mingus_lib.domain.pricing import Prices, Usage
from mingus_lib.domain.prompting import Ask
from mingus_lib.errors import MingusError, PermanentError, TransientError
from mingus_lib.store.costs import Budget, Call, Costs, Reserved, Spent, UnderWay
from mingus_lib.store.labels import Unread

log = logging.getLogger("mingus.labels")

TRIES = 3
FIRST_WAIT_SECONDS = 0.5
# Estimates of tokens may be short by so much: what is reserved is not.
RESERVE_MARGIN = 1.25
STOPS = {
    "length": "length: the answer was cut at its limit",
    "content_filter": "content-filter: the server's filter stopped the answer",
    "refusal": "refusal",
}


class Gate(Protocol):
    """The breaker and the pace of the model's server: queues.modelgate has the real ones."""

    def closed_for(self) -> float:
        """Seconds until the model may be asked."""

    def failed(self, reason: str) -> None:
        """Count a failure."""

    def trip(self, reason: str) -> None:
        """Nothing will work."""

    def succeeded(self) -> None:
        """It works."""

    def hold(self, seconds: float) -> None:
        """No request before so many seconds."""


class GaveUp(PermanentError):
    """The model will not label this text: the article's own dead letter."""

    code = "gave-up"


class OverBudget(TransientError):
    """The call would pass a budget, which begins anew at `until`."""

    code = "over-budget"

    def __init__(self, reason: str, until: datetime) -> None:
        super().__init__(reason)
        self.until = until


class AskedElsewhere(TransientError):
    """Another job is asking the same question right now."""

    code = "asked-elsewhere"


@dataclass(frozen=True, slots=True)
class Models:
    """Which model reads what, and how much text it gets (tokens)."""

    strong: str
    cheap: str
    text_tokens: int = 1500

    def wanted(self, article: Unread | None, *, force: bool) -> Ask | None:
        """The question for an article whose labels the AI engine should make; None where it would not be asked."""
        if article is None or article.is_override:
            return None
        current = article.engine == OPENAI and article.labelled_hash == article.content_hash
        return None if current and not force else self.ask(article)

    def ask(self, article: Unread) -> Ask:
        """The question for an article, to the model that suits it."""
        strong = prompting.wants_strong(article.title, article.text, article.words)
        return prompting.ask(
            article.title, article.text, self.strong if strong else self.cheap, self.text_tokens
        )


@dataclass(frozen=True, slots=True)
class Order:
    """On whose behalf is asked, and until when (a time.monotonic() value). `anew` distrusts kept bad answers."""

    job_id: str
    attempt: int
    until: float
    anew: bool = False


@dataclass(frozen=True, slots=True)
class _Paid:
    text: str
    usage: Usage
    cost: float
    kept: bool


@dataclass(frozen=True, slots=True)
class AiLabels:
    """Bound to its clients and store by runtime.py."""

    model: Model
    models: Models
    costs: Costs
    prices: Prices
    budget: Budget
    gate: Gate

    def label(self, article: Unread, order: Order) -> Classified:
        """Labels by the model, with no flags yet.

        Raises GaveUp, OverBudget, AskedElsewhere, ModelDown, OutOfService or another TransientError.
        """
        ask = self.models.ask(article)
        paid = self._answer(ask, article, order)
        try:
            labels = answer.parse(paid.text, article.title, article.text)
        except answer.BadAnswer as problem:
            # Asked for anew, a bad answer that was kept would only be read again.
            if paid.kept and order.anew:
                self.costs.forget_answer(ask.key)
                return self.label(article, order)
            return self._second_try(ask, paid, str(problem), article, order)
        return self.classified(labels, article, ask.model, paid.usage, paid.cost)

    def _second_try(self, ask: Ask, first: _Paid, problem: str, article: Unread, order: Order) -> Classified:
        again = prompting.again(ask, first.text, problem)
        paid = self._answer(again, article, order)
        try:
            labels = answer.parse(paid.text, article.title, article.text)
        except answer.BadAnswer as still:
            if order.anew:
                # Else the next time would end here without asking anybody.
                self.costs.forget_answer(again.key)
                if paid.kept:
                    return self._second_try(ask, first, problem, article, order)
            raise GaveUp(f"schema: {still}") from None
        usage = Usage(
            first.usage.tokens_in + paid.usage.tokens_in, first.usage.tokens_out + paid.usage.tokens_out
        )
        return self.classified(labels, article, ask.model, usage, first.cost + paid.cost)

    def classified(
        self, labels: Labels, article: Unread, model: str, usage: Usage, cost: float
    ) -> Classified:
        """The labels with their provenance."""
        return Classified(
            labels, OPENAI, model, prompting.VERSION, article.content_hash, datetime.now(UTC),
            usage.tokens_in, usage.tokens_out, round(cost, 8),
        )  # fmt: skip

    def reserve_for(self, ask: Ask, *, batch: bool = False) -> float:
        """The most that the question may cost, in US dollars."""
        most = Usage(round(ask.tokens * RESERVE_MARGIN), prompting.ANSWER_TOKENS)
        return self.prices.of(ask.model).of(most, batch=batch)

    def _answer(self, ask: Ask, article: Unread, order: Order) -> _Paid:
        # The key is of the whole question: the same one is not paid for twice, whoever asked it.
        kept = self.costs.answer(ask.key)
        if kept is not None:
            return _Paid(kept.answer, Usage(kept.tokens_in, kept.tokens_out), kept.cost_usd, True)
        for number in range(1, TRIES + 1):
            try:
                return self._call(ask, article, order)
            except (ModelDown, TooFast) as error:
                # A wrong key or an account without money: another try would bring the same.
                if isinstance(error, OutOfService) or number == TRIES:
                    raise
                self._wait(number, error, order)
        raise AssertionError("unreachable")

    def _wait(self, number: int, error: TransientError, order: Order) -> None:
        # Spread by half: else all threads would come back at one moment.
        pause = FIRST_WAIT_SECONDS * 2 ** (number - 1) * (0.5 + random.random())  # noqa: S311
        pause = max(pause, error.retry_after or 0.0)
        if isinstance(error, TooFast):
            # The whole pace waits: others would only be refused, too.
            self.gate.hold(pause)
        elif time.monotonic() + pause < order.until:
            time.sleep(pause)
        else:
            raise error

    def _call(self, ask: Ask, article: Unread, order: Order) -> _Paid:
        """One call on the ledger, whatever becomes of it."""
        # On the record before anything leaves: what a kill cuts short is still counted against the budget.
        call_id = self._reserve(ask, article, order)
        sent: list[int] = []

        def leaving() -> None:
            # While it waited, its attempt may have been taken for dead, and its call been closed.
            if not self.costs.sent(call_id, _now()):
                raise AskedElsewhere(
                    f"article {article.id}: this attempt was taken for dead, and another asks"
                )
            sent.append(call_id)

        try:
            reply = self.model.complete(ask, order.until, leaving)
        # Also a job's time limit, which is no Exception: the call must not stay open on the record.
        except BaseException as error:
            unknown = bool(sent) and _perhaps_paid(error)
            self.costs.failed(
                call_id, getattr(error, "reason", type(error).__name__), _now(), unknown=unknown
            )
            self._tell_gate(error)
            # The question is at fault, not the server: asked again, it would only be refused again.
            if isinstance(error, Rejected):
                raise GaveUp(error.reason) from error
            raise
        return self._booked(call_id, ask, reply)

    def _reserve(self, ask: Ask, article: Unread, order: Order) -> int:
        call = Call(
            ask.key,
            ask.model,
            prompting.VERSION,
            self.reserve_for(ask),
            article.id,
            order.job_id,
            order.attempt,
        )
        found = self.costs.reserve(call, self.budget, _now())
        if isinstance(found, Reserved):
            if found.warning:
                log.warning("%s; `mingus report costs` has more", found.warning)
            return found.call_id
        if isinstance(found, Spent):
            raise OverBudget(found.reason, found.until)
        assert isinstance(found, UnderWay)
        raise AskedElsewhere(f"article {article.id} is being labelled by another job")

    def _tell_gate(self, error: BaseException) -> None:
        # TooFast counts for no breaker: a server that slows us down is up, and its pace is held instead.
        if isinstance(error, OutOfService):
            self.gate.trip(error.reason)
        elif isinstance(error, ModelDown):
            self.gate.failed(error.reason)

    def _booked(self, call_id: int, ask: Ask, reply: Reply) -> _Paid:
        price = self.prices.of(ask.model)
        cost = price.of(reply.usage)
        # A cut answer is paid for, but not kept: it would be found again in place of a better one.
        whole = reply.stop == "stop" and bool(reply.text)
        self.costs.answered(call_id, reply.usage, cost, price.date, _now(), reply.text if whole else None)
        # Whatever the answer is worth: the server works.
        self.gate.succeeded()
        if not whole:
            more = f": {reply.text}" if reply.stop == "refusal" else ""
            raise GaveUp(STOPS.get(reply.stop, "empty: the answer has no text") + more)
        return _Paid(reply.text, reply.usage, cost, False)


def _perhaps_paid(error: BaseException) -> bool:
    """Whether the server may have worked for a request that ended so: a bug or a time limit says nothing of it."""
    return error.perhaps_paid if isinstance(error, ModelDown) else not isinstance(error, MingusError)


def _now() -> datetime:
    return datetime.now(UTC)
