"""Which articles `mingus classify` takes, what that may cost, and the jobs it becomes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from mingus_lib.domain import prompting
from mingus_lib.domain.jobs import OPEN
from mingus_lib.domain.pricing import Prices, Usage
from mingus_lib.domain.prompting import Ask
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.services.ai_labels import Models
from mingus_lib.store.costs import Costs
from mingus_lib.store.history import History, JobFilter
from mingus_lib.store.labels import LabelStore

# The labelling tasks' arguments allow no more.
BATCH = 100
LABELLING = ("classify_article_batch", "upgrade_labels")
PAGE = 1000
# What an answer takes on average, for the estimate; the reserve of a call is the most it may take.
USUAL_ANSWER_TOKENS = 330
NO_ARTICLES: dict[str, Any] = {"articles": 0, "tokens_in": 0, "tokens_out": 0, "usd": 0.0, "usd_at_most": 0.0}


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for: ids, or all (added since then), or those without current labels."""

    ids: tuple[int, ...] = ()
    everything: bool = False
    unlabelled: bool = False
    since: datetime | None = None


def wish(ids: Sequence[int], everything: bool, unlabelled: bool, since: datetime | None) -> Wish:
    """A checked wish. Raises UsageError."""
    if bool(ids) + everything + unlabelled != 1:
        raise UsageError("give articles by id, or --all, or --unlabelled; one of them")
    if since is not None and not everything:
        raise UsageError("--since goes with --all")
    # An article that was named twice would be counted twice in the estimate.
    return Wish(tuple(dict.fromkeys(ids)), everything, unlabelled, since)


def chosen(labels: LabelStore, wanted: Wish, *, with_ai: bool = True) -> list[int]:
    """The ids. Without an AI engine no batch is fetched, so what waits in one is taken, too. Raises NotFound."""
    if wanted.ids:
        for article_id in wanted.ids:
            if labels.unread(article_id) is None:
                raise NotFound(f"no article {article_id}: see `mingus articles list`", code="no-such-article")
        return list(wanted.ids)
    return list(labels.chosen(wanted.since) if wanted.everything else _unlabelled(labels, with_ai))


def _unlabelled(labels: LabelStore, with_ai: bool) -> Iterator[int]:
    after = 0
    while page := labels.unlabelled(PAGE, after, batched=not with_ai):
        yield from page
        # From an id on, not by an offset: what is labelled meanwhile leaves the list.
        after = page[-1]


def left(labels: LabelStore, history: History, with_ai: bool, limit: int) -> dict[str, list[int]]:
    """The articles that each labelling task should take: without labels, and with labels that AI may improve.

    Nothing is left for a task of which a job waits or runs: it is only not done yet. An upgrade may wait for the next
    day's budget; articles without labels do not wait with it.
    """
    classifying, upgrading = (
        any(history.briefs(JobFilter(task=task, states=OPEN), limit=1)) for task in LABELLING
    )
    # Without an AI engine nobody fetches the batches: what waits in one is labelled offline meanwhile.
    unlabelled = [] if classifying else labels.unlabelled(limit, batched=not with_ai)
    idle = with_ai and not (classifying or upgrading)
    improvable = labels.improvable(prompting.VERSION, limit) if idle else []
    return dict(zip(LABELLING, (unlabelled, improvable), strict=True))


def jobs(ids: Iterable[int], engine: str, force: bool) -> Iterator[dict[str, Any]]:
    """The arguments of the jobs for these articles, at most BATCH each."""
    rest = iter(ids)
    more = ({"engine": engine} if engine != "auto" else {}) | ({"force": True} if force else {})
    while batch := list(islice(rest, BATCH)):
        yield {"article_ids": batch, **more}


def estimate(
    labels: LabelStore,
    ids: Sequence[int],
    models: Models,
    prices: Prices,
    costs: Costs,
    *,
    batch: bool,
    force: bool,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Tokens and US dollars that labelling these by AI would take; the documented shape of `--estimate --json`."""
    by_model: dict[str, dict[str, Any]] = {}
    skipped = kept = 0
    for number, article_id in enumerate(ids, 1):
        ask = models.wanted(labels.unread(article_id), force=force)
        report(number, len(ids))
        if ask is None:
            skipped += 1
        elif costs.answer(ask.key) is not None:
            kept += 1
        else:
            row = by_model.setdefault(ask.model, {"model": ask.model, **NO_ARTICLES})
            _add(row, ask, prices, batch)
    rows = sorted(by_model.values(), key=lambda row: -row["usd"])
    return {
        "articles": len(ids),
        "to_ask": sum(row["articles"] for row in rows),
        "skipped": skipped,
        "answers_kept": kept,
        "batch": batch,
        "usd": round(sum(row["usd"] for row in rows), 6),
        "usd_at_most": round(sum(row["usd_at_most"] for row in rows), 6),
        "by_model": rows,
    }


def _add(row: dict[str, Any], ask: Ask, prices: Prices, batch: bool) -> None:
    price = prices.of(ask.model)
    usual, most = (Usage(ask.tokens, out) for out in (USUAL_ANSWER_TOKENS, prompting.ANSWER_TOKENS))
    row["articles"] += 1
    row["tokens_in"] += usual.tokens_in
    row["tokens_out"] += usual.tokens_out
    row["usd"] = round(row["usd"] + price.of(usual, batch=batch), 6)
    row["usd_at_most"] = round(row["usd_at_most"] + price.of(most, batch=batch), 6)
