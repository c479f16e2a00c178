"""The parts of a periodic report on readers, their reading and their recommendations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from mingus_lib.domain import article_figures, periods
from mingus_lib.domain.gate import DIFFICULTIES, PHASES, GatePolicy
from mingus_lib.domain.report_document import Column, Figure, Section, Series, Table, rounded, share
from mingus_lib.services.report_span import Span
from mingus_lib.store.period_reading import PeriodReading

BEST = 10
CHART_DAYS = 28
RANKED = f"Ranked by the score of docs/reports.md, from {article_figures.LEAST_READERS} readers on."
ARTICLE_COLUMNS = (
    Column("title", "Article"),
    Column("id", "Id", "id"),
    Column("host", "Host"),
    Column("phase", "Phase"),
    Column("readers", "Readers", "count"),
    Column("completion_rate", "Finished", "share"),
    Column("mean_seconds", "Mean time", "seconds"),
    Column("rating", "Rating", "score"),
    Column("score", "Score", "score"),
)
LEVEL_COLUMNS = (Column("phase", "Phase"), *(Column(level, level, "count") for level in DIFFICULTIES))


def readers(store: PeriodReading, span: Span, policy: GatePolicy) -> Section:
    """Who was there: in the day, the week and the month; new and returning; what is open to them."""
    calendar = _Calendar(store, span)
    active = calendar.active(span.period.days)
    new = store.newcomers(span.spans)
    levels = [Counter(store.levels(start, end, policy)) for start, end in span.windows()]
    word = "day" if span.period.days == 1 else "week"
    return Section(
        "readers",
        "Readers",
        (
            span.figure("active", f"Active in the {word}", active),
            span.figure("active_7", "Active in 7 days", calendar.active(7)),
            span.figure("active_30", "Active in 30 days", calendar.active(30)),
            span.figure("new", "New", new),
            span.figure(
                "returning", "Returning", [all_ - fresh for all_, fresh in zip(active, new, strict=True)]
            ),
            span.figure("registered", "Registered", store.registered(span.spans)),
            *(
                span.figure(
                    f"level_{level}", f"Highest level {level}", [_highest(each, place) for each in levels]
                )
                for place, level in enumerate(DIFFICULTIES)
            ),
        ),
        (Table("levels", "Active readers by level", LEVEL_COLUMNS, _by_phase(levels[-1])),),
        (calendar.series(),),
    )


class _Calendar:
    """Each reader's days as bits of a number, the newest day the lowest: any window is one comparison."""

    def __init__(self, store: PeriodReading, span: Span) -> None:
        self._span = span
        # As far back as the thirty days that end with the oldest period.
        reach = span.period.days * (len(span.periods) - 1) + 30
        self._days = [span.period.end - timedelta(back) for back in range(1, reach + 1)]
        self._counts: list[int] = []
        self._masks: dict[int, int] = {}
        for place, day in enumerate(self._days):
            zone = span.period.zone
            # From midnight to midnight of the zone: where clocks change, a day has 23 or 25 hours.
            found = store.readers_between(
                periods.midnight(day, zone), periods.midnight(day + timedelta(1), zone)
            )
            self._counts.append(len(found))
            for reader in found:
                self._masks[reader] = self._masks.get(reader, 0) | 1 << place

    def active(self, days: int) -> list[int]:
        """How many readers did something in so many days up to the end of each period, oldest first."""
        steps = [back * self._span.period.days for back in reversed(range(len(self._span.periods)))]
        windows = [((1 << days) - 1) << step for step in steps]
        return [sum(1 for mask in self._masks.values() if mask & window) for window in windows]

    def series(self) -> Series:
        """Active readers day by day."""
        # Not strict: there are more counts than days of the chart.
        points = zip(map(str, self._days[:CHART_DAYS]), self._counts, strict=False)
        title = f"Active readers, the last {CHART_DAYS} days"
        return Series("active_by_day", title, "count", tuple(reversed(list(points))))


def _highest(levels: Counter[tuple[int, int, int]], place: int) -> int:
    return sum(count for level, count in levels.items() if max(level) == place)


def _by_phase(levels: Counter[tuple[int, int, int]]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "phase": phase,
            **{
                level: sum(count for each, count in levels.items() if each[place] == number)
                for number, level in enumerate(DIFFICULTIES)
            },
        }
        for place, phase in enumerate(PHASES)
    )


def reading(store: PeriodReading, span: Span, policy: GatePolicy) -> Section:
    """What was read: openings, finishes, times, ratings; the best and the worst; levels unlocked."""
    sums, articles = store.readings(span.spans, article_figures.LEAST_READERS)
    unlocks = store.unlocks(span.spans, policy)
    ranked = _ranked(articles, sums[-1])
    titles = store.titles([row["article"] for row in (*ranked[:BEST], *ranked[-BEST:])])

    def counted(key: str, label: str) -> Figure:
        return span.figure(key, label, [each[key] for each in sums])

    def part(key: str, label: str, above: str, below: str, unit: str) -> Figure:
        return span.shares(key, label, [each[above] for each in sums], [each[below] for each in sums], unit)

    return Section(
        "reading",
        "Reading",
        (
            span.figure("readings", "Readings", [each["readers"] for each in sums]),
            span.figure("articles_read", "Articles read", [each["articles"] for each in sums]),
            counted("views", "Views"),
            counted("starts", "Starts"),
            counted("finishers", "Readings finished"),
            part("completion", "Completion", "finishers", "readers", "share"),
            part("mean_seconds", "Mean time of a reading", "seconds", "timed", "seconds"),
            part("mean_depth", "Mean scroll depth, %", "depth", "scrolled", "score"),
            counted("bookmarks", "Bookmarks"),
            counted("shares", "Shares"),
            counted("raters", "Ratings"),
            part("rating", "Mean rating", "stars", "raters", "score"),
            part("helpful", "Found helpful", "helped", "told", "share"),
            span.figure("unlocks", "Gate unlocks", [sum(each.values()) for each in unlocks]),
        ),
        (
            Table("top", "Best articles", ARTICLE_COLUMNS, _shown(ranked[:BEST], titles)),
            Table(
                # From the end, but none that is among the best.
                "bottom",
                "Weakest articles",
                ARTICLE_COLUMNS,
                _shown(ranked[: BEST - 1 : -1][:BEST], titles),
            ),
            Table("unlocks", "Levels unlocked", LEVEL_COLUMNS, _unlocked(unlocks[-1])),
        ),
        # Under no table it would explain nothing.
        notes=(RANKED,) if ranked else (),
    )


def _ranked(articles: Sequence[Mapping[str, Any]], whole: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By the score within the period, the best first; of equals the one with more readers."""
    scored = [{**row, "score": article_figures.score(row, whole)} for row in articles]
    # By the id at last, so that equals stand in the same order whenever the report is made.
    return sorted(scored, key=lambda row: (-(row["score"] or 0), -row["readers"], row["article"]))


def _shown(
    rows: Sequence[Mapping[str, Any]], titles: Mapping[int, Mapping[str, Any]]
) -> tuple[dict[str, Any], ...]:
    nobody = {"title": "", "domain": None, "primary_phase": None, "gone": True}
    return tuple(
        {
            "id": row["article"],
            "title": ((found := titles.get(row["article"], nobody))["title"] or f"Article {row['article']}")
            + (" (no longer in the library)" if found["gone"] else ""),
            "host": found["domain"],
            "phase": found["primary_phase"],
            "readers": row["readers"],
            "completion_rate": rounded(share(row["finishers"], row["readers"])),
            "mean_seconds": rounded(share(row["seconds"], row["timed"])),
            "rating": rounded(share(row["stars"], row["raters"])),
            "score": row["score"],
        }
        for row in rows
    )


def _unlocked(found: Mapping[tuple[str, str], int]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"phase": phase, **{level: found.get((phase, level), 0) for level in DIFFICULTIES}}
        for phase in PHASES
    )


def recommendations(
    store: PeriodReading, span: Span, published: int, evaluation: tuple[str, Mapping[str, Any]] | None
) -> Section:
    """What became of the lists, and how good the recommender was when it was last measured."""
    found = [store.showings(start, end) for start, end in span.windows()]
    figures = [
        span.figure("shown", "Recommendations shown", [each["shown"] for each in found]),
        span.figure("answered", "Opened afterwards", [each["answered"] for each in found]),
        span.shares(
            "click_through",
            "Click-through",
            [each["answered"] for each in found],
            [each["shown"] for each in found],
        ),
        span.figure("shown_readers", "Readers shown something", [each["readers"] for each in found]),
        span.shares(
            "coverage", "Of the library shown", [each["articles"] for each in found], [published] * len(found)
        ),
    ]
    notes = ["The recommender was never measured: mingus evaluate recommendations"]
    if evaluation is not None:
        at, measured = evaluation
        ours = {
            name: value for name, value in measured["mingus"].items() if name.startswith(("ndcg", "coverage"))
        }
        figures += [
            Figure(f"evaluation_{name}", f"Latest {name}", "score", rounded(value))
            for name, value in ours.items()
        ]
        notes = [f"The recommender was last measured at {at[:16]}Z."]
    return Section("recommendations", "Recommendations", tuple(figures), notes=tuple(notes))
