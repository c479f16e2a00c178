"""What rises and falls: phases, hosts and topics, week by week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from mingus_lib.domain import periods, trends
from mingus_lib.domain.report_document import Column, Document, Figure, Section, Series, Table, rounded, share
from mingus_lib.domain.trends import FALSE_SHARE, LEAST_READINGS, LEAST_WEEKS, Trend
from mingus_lib.store import reading_trends
from mingus_lib.store.database import Store

WEEKS = 12
MOST = 15
KINDS = {"phase": "Phases", "topic": "Topics", "host": "Hosts"}
COLUMNS = (
    Column("name", "Name"),
    Column("trend", "Trend", "state"),
    Column("first", "Share at first", "share"),
    Column("last", "Share at last", "share"),
    Column("slope", "A week", "share"),
    Column("q", "q", "score"),
    Column("readings", "Readings", "count"),
    Column("weeks", "Week by week", "spark"),
)
TEST = (
    "Mann-Kendall test on each one's share of all readings of a week (Mann 1945, Kendall 1975), Sen's slope (1968); "
    f"rising or falling where the Benjamini-Hochberg q (1995) is at most {FALSE_SHARE}. "
    f"Below {LEAST_READINGS} readings or {LEAST_WEEKS} weeks nothing is called a trend."
)


def report(store: Store, now: datetime, zone: str, weeks: int = WEEKS) -> Document:
    """The trends of the last complete weeks."""
    today = periods.today(now, zone)
    # The week that still goes on would look like a fall.
    end = today - timedelta(today.weekday())
    covered = {"start": str(end - timedelta(7 * weeks)), "end": str(end), "weeks": weeks, "zone": zone}
    title = f"Trends over {weeks} weeks to {end - timedelta(1)}"
    sections = (section(store, end, zone, weeks),)
    return Document("trends", title, now.astimezone(UTC).isoformat(), sections, covered)


def section(store: Store, end: date, zone: str, weeks: int = WEEKS) -> Section:
    """The trends of the weeks before that Monday."""
    mondays = [end - timedelta(7 * back) for back in range(weeks, 0, -1)]
    instants = [periods.midnight(day, zone) for day in (*mondays, end)]
    everything, series = reading_trends.readings(store, instants)
    found = trends.judged(everything, series)
    counts = {
        word: sum(each.word == word for each in found) for word in ("rising", "falling", "steady", "too few")
    }
    return Section(
        "trends",
        "Trends",
        tuple(
            Figure(word.replace(" ", "_"), word.capitalize(), "count", count)
            for word, count in counts.items()
        ),
        tuple(
            Table(
                kind, title, COLUMNS, _rows([each for each in found if each.kind == kind], series, everything)
            )
            for kind, title in KINDS.items()
        ),
        (
            Series(
                "readings_by_week",
                "Readings by week",
                "count",
                tuple(zip(map(str, mondays), everything, strict=True)),
            ),
        ),
        (TEST,),
    )


def _rows(found: list[Trend], series: Any, everything: list[int]) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "name": each.name,
            "trend": each.word,
            "first": rounded(each.first),
            "last": rounded(each.last),
            "slope": rounded(each.slope),
            "q": rounded(each.q),
            "readings": each.readings,
            "weeks": [
                rounded(share(number, whole))
                for number, whole in zip(series[each.kind, each.name], everything, strict=True)
            ],
        }
        for each in found[:MOST]
    )
