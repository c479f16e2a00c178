"""Days and weeks: their names, their bounds, and what is no day or week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import periods
from mingus_lib.domain.periods import DAILY, WEEKLY, Period
from mingus_lib.errors import UsageError

# A Wednesday; in Auckland it is Thursday already.
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
AUCKLAND = "Pacific/Auckland"
ZONES = st.sampled_from(["UTC", AUCKLAND, "America/Santiago", "Asia/Kathmandu", "America/New_York"])


@pytest.mark.parametrize(
    ("text", "zone", "start"),
    [
        (None, "UTC", date(2026, 11, 24)),
        ("yesterday", "UTC", date(2026, 11, 24)),
        ("yesterday", AUCKLAND, date(2026, 11, 25)),
        ("today", "UTC", date(2026, 11, 25)),
        ("today", AUCKLAND, date(2026, 11, 26)),
        ("2026-11-26", AUCKLAND, date(2026, 11, 26)),
        ("1970-01-01", "UTC", date(1970, 1, 1)),
    ],
)
def test_a_day_by_its_name(text: str | None, zone: str, start: date) -> None:
    assert periods.day(text, NOW, zone) == Period(DAILY, start, zone)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (None, date(2026, 11, 16)),
        ("last", date(2026, 11, 16)),
        ("this", date(2026, 11, 23)),
        ("2026-W48", date(2026, 11, 23)),
        ("2026W48", date(2026, 11, 23)),
        ("2026-11-22", date(2026, 11, 16)),
        ("2026-11-29", date(2026, 11, 23)),
        ("2020-W53", date(2020, 12, 28)),
    ],
)
def test_a_week_by_its_name(text: str | None, start: date) -> None:
    assert periods.week(text, NOW, "UTC") == Period(WEEKLY, start, "UTC")


@pytest.mark.parametrize(
    "text", ["tomorrow", "", "2026-13-01", "20261124", "2026-1-1", "\uff12\uff10\uff12\uff16-11-24", "Today"]
)
def test_what_is_no_day_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=r"name a day such as 2026-11-23, yesterday or today$"):
        periods.day(text, NOW, "UTC")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("next", "name a week such as 2026-W48, a day in it, last or this"),
        ("", "name a week such as"),
        ("2026-W4", "name a week such as"),
        ("2026-W00", "there is no week 2026-W00"),
        ("2026-W54", "there is no week 2026-W54: 2026 has 52 or 53"),
        ("2025-W53", "there is no week 2025-W53"),
        ("2026-W49", "2026-W49 has not begun: the newest there can be is that of 2026-11-25"),
        ("1969-W40", "1969-W40: name a time between 1970 and 9990"),
        # A day within bounds, in a week that begins before them.
        ("1970-01-01", "1970-W01: name a time between 1970 and 9990"),
        ("9999-W01", "9999-W01: name a time between 1970 and 9990"),
    ],
)
def test_what_is_no_week_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        periods.week(text, NOW, "UTC")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-11-26", "2026-11-26 has not begun: the newest there can be is that of 2026-11-25"),
        ("1969-12-31", "between 1970 and 9990"),
        ("9990-01-01", "has not begun"),
        ("9991-01-01", "between 1970 and 9990"),
        ("x" * 100, repr("x" * 40)),
    ],
)
def test_a_day_of_another_time_is_said(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        periods.day(text, NOW, "UTC")
    assert said in str(caught.value)


def test_labels() -> None:
    assert Period(DAILY, date(2026, 3, 9), "UTC").label == "2026-03-09"
    # ISO 8601: the week of a year's first Thursday is its first.
    assert Period(WEEKLY, date(2018, 12, 31), "UTC").label == "2019-W01"


@given(st.sampled_from([DAILY, WEEKLY]), st.dates(date(1980, 1, 1), date(2100, 1, 1)), ZONES)
def test_periods_adjoin(kind: str, start: date, zone: str) -> None:
    trailing = Period(kind, start, zone).with_trailing()
    assert [(start - each.start).days // each.days for each in trailing] == [4, 3, 2, 1, 0]
    instants = periods.cuts(trailing)
    assert len(instants) == 6
    assert [each.bounds() for each in trailing] == list(pairwise(instants))
    for instant, day in zip(instants, (*(each.start for each in trailing), trailing[-1].end), strict=True):
        assert periods.today(instant, zone) == day
        assert periods.today(instant - timedelta(seconds=1), zone) == day - timedelta(1)


@pytest.mark.parametrize(
    ("day", "zone", "begins"),
    [
        (date(2026, 11, 25), "UTC", datetime(2026, 11, 25, tzinfo=UTC)),
        # Thirteen hours ahead.
        (date(2026, 11, 25), AUCKLAND, datetime(2026, 11, 24, 11, tzinfo=UTC)),
        # From 24:00, four hours behind, to 01:00, three hours behind.
        (date(2026, 9, 6), "America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
        # Midnight comes twice, four and five hours behind: the first one counts.
        (date(2026, 11, 1), "America/Havana", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        # From 1:00 back to 0:00 takes nothing from the next day.
        (date(2026, 11, 2), "America/Havana", datetime(2026, 11, 2, 5, tzinfo=UTC)),
    ],
)
def test_a_day_begins_at_the_first_instant_of_its_date(day: date, zone: str, begins: datetime) -> None:
    found = periods.midnight(day, zone)
    assert found == begins
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("zone", "left_out", "change"),
    [
        # From ten hours behind to fourteen ahead; the 31st follows the 29th.
        ("Pacific/Apia", date(2011, 12, 30), datetime(2011, 12, 30, 10, tzinfo=UTC)),
        ("Pacific/Kiritimati", date(1994, 12, 31), datetime(1994, 12, 31, 10, tzinfo=UTC)),
        ("Pacific/Kwajalein", date(1993, 8, 21), datetime(1993, 8, 21, 12, tzinfo=UTC)),
    ],
)
def test_a_day_that_a_zone_left_out_is_empty_and_takes_nothing_from_its_neighbours(
    zone: str, left_out: date, change: datetime
) -> None:
    whole = timedelta(hours=24)
    nothing = Period(DAILY, left_out, zone)
    assert nothing.back(1).bounds() == (change - whole, change)
    assert nothing.bounds() == (change, change)
    assert nothing.back(-1).bounds() == (change, change + whole)


def test_a_day_ends_with_the_next_one_and_a_week_with_the_next_monday() -> None:
    day, week = Period(DAILY, date(2026, 11, 30), "UTC"), Period(WEEKLY, date(2026, 11, 23), "UTC")
    assert (day.days, day.end) == (1, date(2026, 12, 1))
    assert (week.days, week.end) == (7, date(2026, 11, 30))
    assert day.back(2).start == date(2026, 11, 28)
    assert week.back(2).start == date(2026, 11, 9)


def test_the_last_year_is_9990() -> None:
    late = datetime(9995, 1, 1, tzinfo=UTC)
    assert periods.day("9990-12-31", late, "UTC").start == date(9990, 12, 31)
    assert periods.week("9990-12-31", late, "UTC").start == date(9990, 12, 31)
    for ask in (periods.day, periods.week):
        with pytest.raises(UsageError, match="between 1970 and 9990"):
            ask("9991-01-07", late, "UTC")
    with pytest.raises(UsageError, match="9991-W02: name a time between 1970 and 9990"):
        periods.week("9991-W02", late, "UTC")


def test_beyond_the_calendar() -> None:
    with pytest.raises(UsageError, match="0001-01-01 is beyond the calendar"):
        periods.midnight(date.min, AUCKLAND)
