"""Reports that have figures of their own, as documents: quality, costs, recommendations, the funnel, one article."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mingus_lib.domain.funnel import Funnel
from mingus_lib.domain.report_document import Column, Document, Figure, Section, Series, Table
from mingus_lib.services.report_library import losses

Found = Mapping[str, Any]

NAMED_SHARES = (
    Column("name", "Name"),
    Column("share", "Of what was shown", "share"),
    Column("click_through", "Click-through", "share"),
)
GROUPS = {"by_phase": "By phase", "by_difficulty": "By difficulty", "by_history": "By what a reader had read before",
          "by_host": "By host"}  # fmt: skip
SUMS = (
    Column("calls", "Calls", "count"),
    Column("answered", "Answered", "count"),
    Column("failed", "Failed", "count"),
    Column("unknown", "Unknown", "count"),
    Column("tokens_in", "Tokens in", "count"),
    Column("tokens_cached", "Cached", "count"),
    Column("tokens_out", "Tokens out", "count"),
    Column("cost_usd", "Cost", "usd"),
    Column("uncertain_usd", "Uncertain", "usd"),
)
BATCHES = (
    Column("id", "Batch", "id"),
    Column("state", "State"),
    Column("model", "Model"),
    Column("created_at", "Made"),
    Column("articles", "Articles", "count"),
    Column("waiting", "Waiting", "count"),
    Column("reason", "Reason"),
)
ARTICLE = (
    ("score", "Performance score", "score"),
    ("views", "Views", "count"),
    ("readers", "Unique readers", "count"),
    ("starts", "Starts", "count"),
    ("finishes", "Finishes", "count"),
    ("finishers", "Readers who finished", "count"),
    ("completion_rate", "Completion rate", "share"),
    ("median_seconds", "Time, median", "seconds"),
    ("mean_seconds", "Time, mean", "seconds"),
    ("median_scroll_depth", "Scroll depth, median %", "score"),
    ("mean_scroll_depth", "Scroll depth, mean %", "score"),
    ("bookmarks", "Bookmarks", "count"),
    ("keepers", "Bookmarks that stand", "count"),
    ("shares", "Shares", "count"),
    ("raters", "Readers who rated", "count"),
    ("rating", "Rating, mean", "score"),
    ("bayesian_rating", "Rating, Bayesian mean", "score"),
    ("helpful_share", "Found helpful", "share"),
    ("shown", "Readers it was recommended to", "count"),
    ("click_through", "Click-through", "share"),
)
SPLIT = (
    Column("name", "Name"),
    Column("readers", "Readers", "count"),
    Column("finishers", "Finished", "count"),
)


def _document(
    report: str, title: str, now: datetime, section: Section, covered: Found | None = None
) -> Document:
    return Document(report, title, now.astimezone(UTC).isoformat(), (section,), covered)


def quality(found: Found, now: datetime) -> Document:
    """The library by its targets."""
    counts = (
        ("articles", "Articles"), ("labelled", "Labelled"), ("unlabelled", "Not labelled"),
        ("waiting_for_review", "Waiting for an editor"), ("by_editors", "Decided by editors"),
    )  # fmt: skip
    figures = [Figure(key, label, "count", found[key]) for key, label in counts]
    figures += [
        Figure(
            each["target"],
            each["target"],
            "share",
            each["share"],
            None,
            each["scored"],
            each["aim"],
            each["state"],
        )
        for each in found["targets"]
    ]
    figures += [
        Figure(f"mix_{each['phase']}", f"Phase {each['phase']}", "share", each["share"], None, found["labelled"],
               each["aim"], each["state"])
        for each in found["mix"]
    ]  # fmt: skip
    tables = tuple(
        Table(key, title, (Column("name", title), Column("articles", "Articles", "count")),
              tuple({"name": name, "articles": count} for name, count in found[key].items()))
        for key, title in (("levels", "Difficulty"), ("engines", "Engine"))
    )  # fmt: skip
    return _document(
        "quality", "Quality of the library", now, Section("quality", "Quality", tuple(figures), tables)
    )


def costs(found: Found, days: int, now: datetime) -> Document:
    """What models cost, by model and day, and the budgets."""
    totals = found["totals"]
    figures = [Figure(column.key, column.label, column.unit, totals[column.key]) for column in SUMS]
    for name, label in (("today", "today"), ("month", "this month")):
        figures.append(Figure(f"spent_{name}", f"Spent {label}", "usd", found[name]["spent_usd"]))
        figures.append(Figure(f"budget_{name}", f"Budget used {label}", "share", found[name]["share"]))
    tables = (
        Table("by_model", "By model", (Column("model", "Model"), *SUMS), tuple(found["by_model"])),
        Table("by_day", "By day", (Column("day", "Day"), *SUMS), tuple(found["by_day"])),
        Table("batches", "Batches", BATCHES, tuple(found["batches"])),
    )
    # The table begins with the newest day, a chart ends with it.
    points = tuple((row["day"], row["cost_usd"]) for row in reversed(found["by_day"]))
    section = Section(
        "costs",
        "Costs",
        tuple(figures),
        tables,
        (Series("cost_by_day", "Cost by day", "usd", points),),
        (_priced(found["prices"]),),
    )
    return _document("costs", f"Costs of models, {days} days", now, section, {"days": days})


def _priced(listed: Found) -> str:
    age = "" if listed["age_days"] is None else f", {listed['age_days']:,} days ago"
    return (
        f"By the prices in {listed['file']} of {listed['date']}{age}: not the provider's bill. "
        "Another list: MINGUS_AI_PRICES, or prices under [ai] in mingus.toml."
    )


def recommendations(found: Found, now: datetime) -> Document:
    """What became of the lists."""
    named = (
        ("shown", "Shown", "count"), ("clicked", "Opened afterwards", "count"),
        ("click_through", "Click-through", "share"),
        ("readers", "Readers shown something", "count"), ("coverage", "Of the library shown", "share"),
        ("novelty", "Novelty, bits", "score"), ("diversity", "Hosts in a list", "score"),
        ("concentration", "Concentration (Gini)", "score"),
    )  # fmt: skip
    figures = tuple(Figure(key, label, unit, found[key]) for key, label, unit in named)
    tables = [Table(key, title, NAMED_SHARES, tuple(found[key])) for key, title in GROUPS.items()]
    names = sorted({name for each in found["evaluations"] for name in each if name != "at"})
    columns = (Column("at", "Measured"), *(Column(name, name, "score") for name in names))
    tables.append(Table("evaluations", "Evaluations", columns, tuple(found["evaluations"])))
    section = Section("recommendations", "Recommendations", figures, tuple(tables))
    return _document(
        "recommendations", f"Recommendations, {found['days']} days", now, section, {"days": found["days"]}
    )


def funnel(
    whole: Funnel, by_sender: Mapping[str, Funnel], days: Sequence[tuple[str, Funnel]], now: datetime
) -> Document:
    """The funnel of mail over some days: the whole, of each sender, and day by day."""
    stages = (
        ("mails", "Mails read"), ("found", "Links found"), ("unwrapped", "Unwrapped"), ("known", "Known already"),
        ("sent", "Sent on"), ("fetched", "Fetched"), ("kept", "Articles kept"), ("duplicate", "Duplicates"),
        ("waiting", "Waiting"),
    )  # fmt: skip
    figures = [Figure(key, label, "count", getattr(whole, key)) for key, label in stages]
    lost = ("dropped", "rejected", "failed")
    figures += [Figure(key, key.capitalize(), "count", sum(getattr(whole, key).values())) for key in lost]
    share = round(whole.kept / whole.found, 6) if whole.found else None
    figures.append(Figure("yield", "Kept of found", "share", share, of=whole.found))
    names = ("mails", "found", "sent", "kept")
    columns = (Column("sender", "Sender"), *(Column(name, name.capitalize(), "count") for name in names))
    senders = tuple(
        {"sender": sender or None, **{name: getattr(each, name) for name in names}}
        for sender, each in by_sender.items()
    )
    section = Section(
        "funnel",
        "Email funnel",
        tuple(figures),
        # Senders come with the largest first.
        (losses(whole), Table("senders", "By sender", columns, senders[:20])),
        (Series("kept_by_day", "Articles kept, by day of reading (UTC)", "count",
                tuple((day, each.kept) for day, each in days)),),
    )  # fmt: skip
    return _document("funnel", f"Email funnel, {len(days)} days", now, section, {"days": len(days)})


def article(found: Found, about: Found, now: datetime, zone: str) -> Document:
    """Every figure of one article."""
    figures = tuple(Figure(key, label, unit, found[key]) for key, label, unit in ARTICLE)
    tables = tuple(
        Table(key, title, SPLIT, tuple(found[key]))
        for key, title in (("by_device", "By device"), ("by_source", "By source"))
    )
    days = found["by_day"]
    series = (
        Series(
            "readers_by_day", "Readers by day", "count", tuple((day["day"], day["readers"]) for day in days)
        ),
        Series(
            "finishers_by_day",
            "Finished by day",
            "count",
            tuple((day["day"], day["finishers"]) for day in days),
        ),
    )
    notes = (
        (f"The last reading was at {found['last_read_at'][:16]}Z.",)
        if found["last_read_at"]
        else ("Nobody read it yet.",)
    )
    section = Section("article", about["title"] or f"Article {about['id']}", figures, tables, series, notes)
    return _document(
        "article", f"Article {about['id']}: {about['title']}", now, section, {**about, "zone": zone}
    )
