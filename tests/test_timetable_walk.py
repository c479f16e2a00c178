"""The whole walk: every minute of 2020-2035, and every change of the clocks in every zone. `make timetable-walk`."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from mingus_lib.domain import timetable
from mingus_lib.domain.timetable_values import NO_ZONES
from tests import clock_walk
from tests.clock_walk import ZONES
from tests.test_domain_timetable import assert_week_is_right, cron

pytestmark = pytest.mark.skipif(
    not os.environ.get("MINGUS_TEST_WALK"), reason="minutes of work: make timetable-walk"
)
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2036, 1, 1, tzinfo=UTC)
# Each expression beside what it means for a wall clock.
MEANINGS = {
    "* * * * *": lambda wall: True,
    "*/7 1-3 * * *": lambda wall: wall.minute % 7 == 0 and 1 <= wall.hour <= 3,
    "30 2 * * *": lambda wall: (wall.hour, wall.minute) == (2, 30),
    "0 0 L * *": lambda wall: (wall.hour, wall.minute) == (0, 0) and (wall + timedelta(days=1)).day == 1,
    "15 0,12 29 2 SUN": lambda wall: (
        wall.minute == 15
        and wall.hour in (0, 12)
        and wall.month == 2
        and (wall.day == 29 or wall.isoweekday() == 7)
    ),
}


@pytest.mark.parametrize("zone", ZONES)
def test_every_minute_of_sixteen_years(zone: str) -> None:
    found = {text: timetable.slots(cron(text, zone), START, END) for text in MEANINGS}
    for at, walls in clock_walk.new_walls(ZoneInfo(zone), START, END):
        for text, meaning in MEANINGS.items():
            if any(map(meaning, walls)):
                assert next(found[text], None) == at, text
    assert [next(rest, None) for rest in found.values()] == [None] * len(found)


def test_every_change_of_every_zone() -> None:
    changes = {
        zone: clock_walk.transitions(ZoneInfo(zone))
        for zone in sorted(available_timezones())
        if not NO_ZONES.fullmatch(zone)
    }
    # Many names share their rules: each set of rules is walked once.
    once = {(tuple(found), clock_walk.offset(START, ZoneInfo(zone))): zone for zone, found in changes.items()}
    assert len(once) > 50
    for (found, _), zone in once.items():
        for change in found:
            assert_week_is_right(zone, change)
