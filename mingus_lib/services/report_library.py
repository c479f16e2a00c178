"""The parts of a periodic report on the library, its mails and its labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mingus_lib.domain.funnel import Funnel
from mingus_lib.domain.labels import MIX, PHASES
from mingus_lib.domain.report_document import Column, Figure, Section, Table, share
from mingus_lib.services.labelreports import TARGETS, reached, within_aim
from mingus_lib.services.report_span import Span
from mingus_lib.store.mail_funnel import LinkFilter, MailFunnel
from mingus_lib.store.period_library import PeriodLibrary

HOSTS = 10
KEPT = ("published", "review", "archived")
HOST_COLUMNS = (Column("host", "Host"), Column("came", "Came", "count"), Column("kept", "Kept", "count"))
REASON_COLUMNS = (
    Column("reason", "Reason"),
    Column("articles", "Pages", "count"),
    Column("share", "Share", "share"),
)
ENGINE_COLUMNS = (
    Column("engine", "Engine"),
    Column("labels", "Labels", "count"),
    Column("share", "Share", "share"),
)
LOSS_COLUMNS = (Column("loss", "Lost as"), Column("reason", "Reason"), Column("links", "Links", "count"))


def library(store: PeriodLibrary, span: Span) -> Section:
    """What came, what was refused and why, from where; the mix of phases and the quality targets at the end."""
    arrivals = store.arrivals(span.spans)
    stock = store.stock(span.spans, [each[:3] for each in TARGETS])
    reasons = store.reasons(span.spans)
    rejected = sum(count for _, count in reasons)
    return Section(
        "library",
        "Library",
        (
            span.figure(
                "added", "Articles added", [sum(each.get(name, 0) for name in KEPT) for each in arrivals]
            ),
            *(
                span.figure(name, label, [each.get(name, 0) for each in arrivals])
                for name, label in (("rejected", "Pages rejected"), ("held", "Held for unknown hosts"))
            ),
            span.figure("articles", "Articles in the library", [each.get("articles", 0) for each in stock]),
            *(_mix(span, phase, stock) for phase in PHASES),
            *(_target(span, number, stock) for number in range(len(TARGETS))),
        ),
        (
            Table(
                "rejected",
                "Why pages were rejected",
                REASON_COLUMNS,
                tuple(
                    {"reason": reason, "articles": count, "share": share(count, rejected)}
                    for reason, count in reasons
                ),
            ),
            Table("hosts", "Where they came from", HOST_COLUMNS, tuple(store.hosts(span.spans, HOSTS))),
        ),
    )


def _mix(span: Span, phase: str, stock: Sequence[dict[str, int]]) -> Figure:
    values = [share(each.get(phase, 0), each.get("labelled", 0)) for each in stock]
    found = span.figure(f"mix_{phase}", f"Phase {phase}", values, "share", of=stock[-1].get("labelled", 0))
    return span.aimed(found, MIX[phase], within_aim(values[-1], MIX[phase]))


def _target(span: Span, number: int, stock: Sequence[dict[str, int]]) -> Figure:
    target = TARGETS[number]
    values = [share(each.get(f"good {number}", 0), each.get(f"scored {number}", 0)) for each in stock]
    found = span.figure(
        f"target_{target.column}", target.label, values, "share", of=stock[-1].get(f"scored {number}", 0)
    )
    return span.aimed(found, target.aim, reached(values[-1], target.aim))


def classification(store: PeriodLibrary, span: Span, daily_budget: float | None) -> Section:
    """Labels made, how sure they are, what waits for an editor, what models cost."""
    labels, reviews, costs = store.labels(span.spans), store.reviews(span.spans), store.costs(span.spans)
    number = [each["all"] for each in labels]
    engines = {
        name.removeprefix("engine "): count
        for name, count in labels[-1].items()
        if name.startswith("engine ")
    }
    figures = [
        span.figure("labels", "Labels made", number),
        span.shares("sure", "Confidence of 0.8 or more", [each["sure"] for each in labels], number),
        span.shares("doubtful", "Confidence below 0.7", [each["doubtful"] for each in labels], number),
        span.shares("confidence", "Mean confidence", [each["confidence"] for each in labels], number),
        span.figure("reviews_open", "Waiting for an editor", [each["open"] for each in reviews]),
        span.figure("reviews_opened", "Sent to an editor", [each["opened"] for each in reviews]),
        span.figure("reviews_decided", "Decided by an editor", [each["decided"] for each in reviews]),
        span.figure("calls", "Calls of models", [each["calls"] for each in costs]),
        span.figure("failed_calls", "Calls that failed", [each["failed"] for each in costs]),
        span.figure("cost", "Cost", [each["usd"] for each in costs], "usd"),
        span.figure("uncertain", "Cost that is not certain", [each["uncertain"] for each in costs], "usd"),
    ]
    # Without a budget there is no share of it, and 0 would look like one that was kept.
    if daily_budget:
        whole = daily_budget * span.period.days
        # What may have been paid counts as spent, as it does where the budget is kept.
        spent = [share(each["usd"] + each["uncertain"], whole) for each in costs]
        figures.append(span.figure("budget", f"Of the budget of ${whole:.2f}", spent, "share"))
    rows = tuple(
        {"engine": engine, "labels": count, "share": share(count, number[-1])}
        for engine, count in sorted(engines.items())
    )
    return Section(
        "classification",
        "Classification",
        tuple(figures),
        (Table("engines", "By engine", ENGINE_COLUMNS, rows),),
    )


def funnel(mails: MailFunnel, span: Span) -> Section:
    """From the links of mails to articles kept."""
    found = [mails.total(LinkFilter(since=start, until=end)) for start, end in span.windows()]
    return Section("funnel", "Email funnel", funnel_figures(found, span), (losses(found[-1]),))


def funnel_figures(found: Sequence[Funnel], span: Span) -> tuple[Figure, ...]:
    """The stages of the funnel over time."""
    stages: tuple[tuple[str, str, Any], ...] = (
        ("mails", "Mails read", lambda each: each.mails),
        ("found", "Links found", lambda each: each.found),
        ("known", "Known already", lambda each: each.known),
        ("dropped", "Dropped", lambda each: sum(each.dropped.values())),
        ("sent", "Sent on", lambda each: each.sent),
        ("fetched", "Fetched", lambda each: each.fetched),
        ("kept", "Articles kept", lambda each: each.kept),
        ("duplicate", "Duplicates", lambda each: each.duplicate),
        ("rejected", "Rejected", lambda each: sum(each.rejected.values())),
        ("failed", "Failed", lambda each: sum(each.failed.values())),
        ("waiting", "Waiting", lambda each: each.waiting),
    )
    figures = [span.figure(key, label, [count(each) for each in found]) for key, label, count in stages]
    yielded = span.shares(
        "yield", "Kept of found", [each.kept for each in found], [each.found for each in found]
    )
    return (*figures, yielded)


def losses(found: Funnel) -> Table:
    """Each loss with its reason."""
    parts = (("dropped", found.dropped), ("rejected", found.rejected), ("failed", found.failed))
    rows = tuple(
        {"loss": loss, "reason": reason, "links": count}
        for loss, reasons in parts
        # Equals by name, so that a report made again is the same text.
        for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    return Table("losses", "Where links were lost", LOSS_COLUMNS, rows)
