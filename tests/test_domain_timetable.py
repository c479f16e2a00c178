"""Slots against a walk over every minute; what is due; ids. The whole walk is tests/test_timetable_walk.py."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mingus_lib.domain import crontimes, timetable
from mingus_lib.domain.timetable import CatchUp, Due, Entry, Overlap, Skipped, due, jittered, next_slot
from tests import clock_walk
from tests.clock_walk import WEEK, ZONES, Drawn

MICROSECOND = timedelta(microseconds=1)
whole_minutes = st.integers(0, 16 * 365 * 1440).map(
    lambda n: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
)
instants = whole_minutes.flatmap(lambda at: st.timedeltas(timedelta(0), timedelta(hours=1)).map(at.__add__))
zones = st.sampled_from(ZONES)
spans = st.integers(60, 366 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def previous_slot(entry: Entry, at: datetime) -> datetime | None:
    return next(timetable.slots_back(entry, at), None)


def cron(text: str, zone: str = "UTC") -> Entry:
    return Entry("x", cron=text, timezone=zone)


def listed(entry: Entry, after: datetime, until: datetime) -> list[datetime]:
    return list(timetable.slots(entry, after, until))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    """Entries by cron and by `every` whose next slot is not far."""
    if draw(st.booleans()):
        return Entry("x", every=draw(spans))
    return cron(draw(clock_walk.expressions(often=True)).text, draw(zones))


class TestAgainstTheWalk:
    @given(clock_walk.expressions(), zones, whole_minutes)
    @settings(max_examples=40, deadline=None)
    def test_any_week(self, drawn: Drawn, zone: str, after: datetime) -> None:
        expected = clock_walk.slots(drawn, ZoneInfo(zone), after, after + WEEK)
        assert listed(cron(drawn.text, zone), after, after + WEEK) == expected

    @given(clock_walk.expressions(often=True), zones, st.data())
    @settings(max_examples=40, deadline=None)
    def test_any_expression_around_a_change_of_the_clocks(
        self, drawn: Drawn, zone: str, data: st.DataObject
    ) -> None:
        changes = clock_walk.transitions(ZoneInfo(zone))
        assume(changes)
        after = data.draw(st.sampled_from(changes)) - timedelta(days=1)
        until = after + timedelta(days=2)
        expected = clock_walk.slots(drawn, ZoneInfo(zone), after, until)
        assert listed(cron(drawn.text, zone), after, until) == expected

    @pytest.mark.parametrize("zone", ZONES)
    def test_the_week_around_every_change(self, zone: str) -> None:
        for change in clock_walk.transitions(ZoneInfo(zone)):
            assert_week_is_right(zone, change)

    def test_the_day_that_samoa_skipped(self) -> None:
        assert_week_is_right("Pacific/Apia", at("2011-12-30T10:00Z"))


def assert_week_is_right(zone: str, change: datetime) -> None:
    """Once an hour, and once a day within what the change skips or repeats."""
    before, after = (
        (change + shift).astimezone(ZoneInfo(zone)) for shift in (-clock_walk.MINUTE, timedelta(0))
    )
    within = min(before.replace(tzinfo=None), after.replace(tzinfo=None)) + timedelta(minutes=7)
    start = change - WEEK / 2
    daily, hourly = f"{within.minute} {within.hour} * * *", "30 * * * *"
    expected: dict[str, list[datetime]] = {daily: [], hourly: []}
    for instant, walls in clock_walk.new_walls(ZoneInfo(zone), start, start + WEEK):
        if any(wall.minute == 30 for wall in walls):
            expected[hourly].append(instant)
        if any(wall.time() == within.time() for wall in walls):
            expected[daily].append(instant)
    for text, walked in expected.items():
        assert listed(cron(text, zone), start, start + WEEK) == walked, (text, zone, change)


@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        # The clocks go from 02:00 EST to 03:00 EDT at 07:00 UTC.
        ("30 2 * * *", "America/New_York", "2026-03-08", ["07:00"]),
        ("* 2 * * *", "America/New_York", "2026-03-08", ["07:00"]),
        ("*/30 2,3 * * *", "America/New_York", "2026-03-08", ["07:00", "07:30"]),
        # And back from 02:00 EDT to 01:00 EST at 06:00 UTC.
        ("30 1 * * *", "America/New_York", "2026-11-01", ["05:30"]),
        ("0 1,2 * * *", "America/New_York", "2026-11-01", ["05:00", "07:00"]),
        # Half an hour back at 15:00 UTC: 01:30 to 02:00 come twice.
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04", ["14:45"]),
        ("0 0 29 2 *", "UTC", "2028-02-29", ["00:00"]),
        ("0 0 L * *", "UTC", "2027-02-28", ["00:00"]),
        ("0 0 * * FRIL", "UTC", "2026-11-27", ["00:00"]),
        ("0 0 * * FRIL", "UTC", "2026-11-20", []),
        ("0 0 * * sunl,3L", "UTC", "2026-11-29", ["00:00"]),
        ("0 12 * * 7", "Asia/Kolkata", "2026-11-29", ["06:30"]),
    ],
)
def test_a_day_of_slots(text: str, zone: str, day: str, expected: list[str]) -> None:
    start = at(f"{day}T00:00Z")
    found = listed(cron(text, zone), start - MICROSECOND, start + timedelta(days=1) - MICROSECOND)
    assert found == [at(f"{day}T{clock}Z") for clock in expected]


def test_both_days_restricted_means_either_and_a_star_restricts_nothing() -> None:
    november = (at("2026-10-31T23:59Z"), at("2026-11-30T23:59Z"))
    assert [slot.day for slot in listed(cron("0 0 13 * 5"), *november)] == [6, 13, 20, 27]
    assert [slot.day for slot in listed(cron("0 0 1,10 * 5"), *november)] == [1, 6, 10, 13, 20, 27]
    assert [slot.day for slot in listed(cron("0 0 */2 * 5"), *november)] == [13, 27]


def test_rare_dates() -> None:
    assert next_slot(cron("0 0 */28 2 1"), at("2026-02-03T00:00Z")) == at("2027-02-01T00:00Z")
    assert next_slot(cron("0 0 29 2 *"), at("2096-03-01T00:00Z")) == at("2104-02-29T00:00Z")
    assert next_slot(cron("0 0 * 2 MON#5"), at("2073-01-01T00:00Z")) == at("2112-02-29T00:00Z")
    assert previous_slot(cron("0 0 * 2 MON#5"), at("2112-02-28T00:00Z")) == at("2072-02-29T00:00Z")
    # No month has its 21st on the last Monday and a first of the month too.
    assert next_slot(cron("0 0 */20 * 1L"), at("2026-01-01T00:00Z")) is None
    assert previous_slot(cron("0 0 */20 * 1L"), at("2026-01-01T00:00Z")) is None


class TestSlots:
    @given(entries(), instants, st.timedeltas(timedelta(0), WEEK), st.timedeltas(timedelta(0), WEEK))
    @settings(max_examples=60, deadline=None)
    def test_a_span_is_the_sum_of_its_parts(
        self, entry: Entry, after: datetime, first: timedelta, second: timedelta
    ) -> None:
        middle, until = after + first, after + first + second
        whole = listed(entry, after, until)
        assert whole == listed(entry, after, middle) + listed(entry, middle, until)
        assert all(earlier < later for earlier, later in pairwise([after, *whole]))
        assert [slot for slot in whole if slot > until or slot.tzinfo is not UTC] == []
        assert list(timetable.slots(entry, after, until, limit=3)) == whole[:3]

    @given(entries(), instants)
    @settings(max_examples=150, deadline=None)
    def test_back_is_the_way_forth(self, entry: Entry, instant: datetime) -> None:
        following, preceding = next_slot(entry, instant), previous_slot(entry, instant)
        assert following and preceding and preceding <= instant < following
        assert next_slot(entry, preceding) == following
        assert previous_slot(entry, following) == following
        assert previous_slot(entry, following - MICROSECOND) == preceding

    @pytest.mark.parametrize("zone", ["America/New_York", "Antarctica/Troll", "Australia/Lord_Howe"])
    @pytest.mark.parametrize("text", ["*/5 * * * *", "10 1,2 * * *"])
    def test_back_within_gaps_and_folds(self, zone: str, text: str) -> None:
        for change in clock_walk.transitions(ZoneInfo(zone), 2026, 2026):
            start, end = change - timedelta(hours=30), change + timedelta(hours=5)
            found = listed(cron(text, zone), start, end)
            for minute in range(0, 7 * 60, 7):
                instant = end - timedelta(minutes=minute)
                assert previous_slot(cron(text, zone), instant) == [s for s in found if s <= instant][-1]

    @given(spans, instants)
    @settings(deadline=None)
    def test_every_counts_from_1970(self, every: timedelta, after: datetime) -> None:
        slot = next_slot(Entry("x", every=every), after)
        assert slot and slot - after <= every
        assert (slot - datetime(1970, 1, 1, tzinfo=UTC)) % every == timedelta(0)

    def test_back_through_every_the_newest_comes_first(self) -> None:
        found = timetable.slots_back(Entry("x", every=timedelta(hours=7)), at("1970-01-02T00:00Z"))
        assert list(islice(found, 5)) == [
            at(f"{day}T{hour}:00Z")
            for day, hour in (
                ("1970-01-01", "21"),
                ("1970-01-01", "14"),
                ("1970-01-01", "07"),
                ("1970-01-01", "00"),
                # What is before 1970 goes on in the same step.
                ("1969-12-31", "17"),
            )
        ]

    @pytest.mark.parametrize("local", ["America/New_York", "Asia/Kolkata", "UTC"])
    def test_the_process_s_own_zone_plays_no_part(self, local: str, own_zone: pytest.MonkeyPatch) -> None:
        own_zone.setenv("TZ", local)
        time.tzset()
        assert next_slot(cron("0 2 * * *"), at("2026-11-25T00:00Z")) == at("2026-11-25T02:00Z")
        assert next_slot(cron("0 2 * * *", "Asia/Tokyo"), at("2026-11-25T00:00Z")) == at("2026-11-25T17:00Z")

    def test_an_instant_needs_its_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            next_slot(cron("* * * * *"), at("2026-01-01T00:00Z").replace(tzinfo=None))


@pytest.fixture
def own_zone() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    time.tzset()


class TestFaults:
    @given(st.text("0123456789*/,-LW# @JANMONdaily", max_size=30))
    @settings(max_examples=400, deadline=None)
    def test_an_expression_is_refused_or_has_slots(self, text: str) -> None:
        if crontimes.fault(text) is None:
            assert next_slot(cron(text), at("2026-01-01T00:00Z"))

    @given(clock_walk.expressions(often=True))
    @settings(deadline=None)
    def test_a_good_one_is_taken(self, drawn: Drawn) -> None:
        assert crontimes.fault(drawn.text) is None

    @pytest.mark.parametrize("alias", crontimes.ALIASES)
    def test_an_alias_is_what_it_stands_for(self, alias: str) -> None:
        start = at("2026-01-01T00:00Z")
        plain = cron(crontimes.ALIASES[alias])
        assert next_slot(cron(alias.title()), start) == next_slot(plain, start)
        assert crontimes.fault(alias) is None

    @pytest.mark.parametrize(
        "text",
        [
            "*/59 */23 * * *",
            "0 0 */31 * *",
            "0 0 1 */12 *",
            "0 0 * * */7",
            "0 0 * JAN-MAR/2 *",
            "0 0 * JUL-DEC/2 *",
            "0 0 * * FRI#2,MONL",
            "0 0 LW * *",
            "0 0 * * 1-5/2",
            "0 1-11/2 * * *",
            "0 0 1 1 *" + " " * 191,
        ],
    )
    def test_the_largest_steps_and_the_special_days_are_taken(self, text: str) -> None:
        assert crontimes.fault(text) is None

    @pytest.mark.parametrize(
        ("text", "part"),
        [
            ("0 0 1 1 *" + " " * 192, "longer than 200 characters"),
            ("", "0 fields instead of 5"),
            ("0 0 2 * * *", "6 fields instead of 5"),
            ("@dayly", 'did you mean "@daily"'),
            ("@reboot", "no such form"),
            ("60 * * * *", "minute '60'"),
            ("0 24 * * *", "hour '24'"),
            ("0 0 0 * *", "day-of-month '0'"),
            ("0 0 * JANUARY *", "month 'JANUARY'"),
            ("0 0 * * 8", "day-of-week '8'"),
            ("0 0 * * FRI-MON", "day-of-week 'FRI-MON'"),
            ("*/0 * * * *", "minute '*/0'"),
            ("*/60 * * * *", "steps go up to 59"),
            ("0 */24 * * *", "steps go up to 23"),
            ("0 0 */32 * *", "steps go up to 31"),
            ("0 0 1 */13 *", "steps go up to 12"),
            ("0 0 * * */8", "steps go up to 7"),
            ("0 0 L/2 * *", "day-of-month 'L/2'"),
            ("0 0 * * FRI#1/2", "day-of-week 'FRI#1/2'"),
            ("0 7-07/2 * * *", "hour '7-07/2'"),
            ("0 0 * * fri-5/2", "day-of-week 'fri-5/2'"),
            ("0 0 * * L", "day-of-week 'L'"),
            ("0 0 * * FRIL/2", "day-of-week 'FRIL/2'"),
            ("0 0 * * MON-FRIL", "day-of-week 'MON-FRIL'"),
            ("0 0 FRIL * *", "day-of-month 'FRIL'"),
            ("0 0 15W * *", "day-of-month '15W'"),
            ("? * * * *", "minute '?'"),
            ("٣ * * * *", "minute '٣'"),
            ("0 0 30 2 *", "no such date"),
            ("0 0 */20 * 1L", "no such date"),
            ("9" * 5000 + " * * * *", "longer than"),
        ],
    )
    def test_what_is_wrong_is_said(self, text: str, part: str) -> None:
        fault = crontimes.fault(text)
        assert fault and part in fault


class TestDue:
    hourly = Entry("hourly", cron="0 * * * *")
    since = at("2026-11-25T10:00Z")

    def due(self, catch_up: CatchUp, now: str) -> Due:
        return due(replace(self.hourly, catch_up=catch_up), self.since, at(now))

    @pytest.mark.parametrize("catch_up", CatchUp)
    def test_a_slot_on_time_runs(self, catch_up: CatchUp) -> None:
        assert self.due(catch_up, "2026-11-25T10:59:59Z") == Due()
        for now in ("2026-11-25T11:00Z", "2026-11-25T11:01Z"):
            assert self.due(catch_up, now) == Due(on_time=(at("2026-11-25T11:00Z"),))

    def test_none_runs_nothing_that_was_missed(self) -> None:
        found = self.due(CatchUp.NONE, "2026-11-25T13:30Z")
        assert found == Due(skipped=Skipped(3, at("2026-11-25T11:00Z"), at("2026-11-25T13:00Z")))
        assert found.decided == at("2026-11-25T13:00Z")

    def test_last_runs_the_newest(self) -> None:
        found = self.due(CatchUp.LAST, "2026-11-25T13:30Z")
        assert found.run == found.caught_up == (at("2026-11-25T13:00Z"),)
        assert found.skipped == Skipped(2, at("2026-11-25T11:00Z"), at("2026-11-25T12:00Z"))
        assert found.decided == at("2026-11-25T13:00Z")

    def test_last_has_nothing_to_catch_up_when_a_slot_is_on_time(self) -> None:
        found = self.due(CatchUp.LAST, "2026-11-25T13:00:30Z")
        assert (found.caught_up, found.on_time) == ((), (at("2026-11-25T13:00Z"),))
        assert found.skipped and found.skipped.count == 2

    def test_all_runs_each(self) -> None:
        found = self.due(CatchUp.ALL, "2026-11-25T13:00:30Z")
        assert [slot.hour for slot in found.caught_up] == [11, 12]
        assert found.on_time == (at("2026-11-25T13:00Z"),)
        assert found.skipped is None

    def test_all_has_its_bound(self) -> None:
        found = self.due(CatchUp.ALL, "2026-11-30T10:30Z")
        assert len(found.caught_up) == 100 and found.caught_up[-1] == at("2026-11-30T10:00Z")
        assert found.skipped == Skipped(20, at("2026-11-25T11:00Z"), at("2026-11-26T06:00Z"))

    def test_not_all_of_a_long_downtime_is_counted(self) -> None:
        found = self.due(CatchUp.LAST, "2036-11-25T10:30Z")
        assert found.run == (at("2036-11-25T10:00Z"),)
        assert found.skipped and found.skipped.more and found.skipped.count == 999

    def test_every_makes_up_for_the_same(self) -> None:
        entry = Entry("x", every=timedelta(minutes=20), catch_up=CatchUp.ALL)
        found = due(entry, self.since, at("2026-11-25T11:00:30Z"))
        assert [slot.minute for slot in found.run] == [20, 40, 0]
        assert (len(found.on_time), found.skipped) == (1, None)

    def test_grace_is_counted_from_the_jittered_time(self) -> None:
        entry = replace(self.hourly, catch_up=CatchUp.NONE, jitter=timedelta(minutes=30))
        slot = at("2026-11-25T11:00Z")
        begun = jittered(entry, slot)
        assert begun > slot + timedelta(minutes=1)
        assert due(entry, self.since, begun - MICROSECOND) == Due()
        for late in (timedelta(0), timedelta(minutes=1)):
            assert due(entry, self.since, begun + late).on_time == (slot,)
        assert due(entry, self.since, begun + timedelta(minutes=1) + MICROSECOND) == Due(
            skipped=Skipped(1, slot, slot)
        )
        assert due(entry, self.since, begun + MICROSECOND, grace=timedelta(0)).on_time == ()

    def test_what_is_decided_is_the_last_that_runs_or_else_the_last_that_does_not(self) -> None:
        first, second = at("2026-11-25T11:00Z"), at("2026-11-25T12:00Z")
        skipped = Skipped(1, first, first)
        assert Due().decided is None
        assert Due(skipped=skipped).decided == first
        assert Due(on_time=(second,), skipped=skipped).decided == second
        assert Due(on_time=(second,), caught_up=(first,)).run == (first, second)

    @pytest.mark.parametrize("catch_up", CatchUp)
    def test_a_clock_set_back_brings_nothing_back(self, catch_up: CatchUp) -> None:
        assert self.due(catch_up, "2026-11-25T09:00:10Z") == Due()

    @given(
        entries(),
        st.sampled_from(CatchUp),
        instants,
        st.lists(st.timedeltas(-timedelta(hours=2), timedelta(hours=6)), max_size=8),
    )
    @settings(max_examples=100, deadline=None)
    def test_each_slot_is_decided_once_whatever_the_clock_does(
        self, entry: Entry, catch_up: CatchUp, start: datetime, steps: list[timedelta]
    ) -> None:
        entry = replace(entry, catch_up=catch_up, jitter=timedelta(seconds=59))
        since, now, decided = start, start, 0
        for step in steps:
            now += step
            found = due(entry, since, now)
            decided += len(found.run) + (found.skipped.count if found.skipped else 0)
            assert all(since < slot and jittered(entry, slot) <= now for slot in found.run)
            since = found.decided or since
        assert decided == len(listed(entry, start, since))
        left = next_slot(entry, since)
        assert left and jittered(entry, left) > now


class TestJitter:
    @given(st.text(max_size=20), spans, instants)
    @settings(deadline=None)
    def test_it_is_a_share_that_stays(self, name: str, jitter: timedelta, slot: datetime) -> None:
        entry = Entry(name, jitter=jitter)
        late = jittered(entry, slot) - slot
        assert timedelta(0) <= late < jitter
        assert jittered(replace(entry, task="other"), slot.astimezone(ZoneInfo("Asia/Tokyo"))) - slot == late

    def test_it_spreads_entries_and_slots(self) -> None:
        slot, jitter = at("2026-11-25T02:00Z"), timedelta(hours=1)
        by_name = {jittered(Entry(f"e{n}", jitter=jitter), slot) for n in range(100)}
        by_slot = {jittered(Entry("e", jitter=jitter), slot + n * jitter) - n * jitter for n in range(100)}
        for found in (by_name, by_slot):
            minutes = [(when - slot) // timedelta(minutes=1) for when in found]
            assert len(found) > 90 and min(minutes) < 10 and max(minutes) > 50

    def test_no_jitter_is_none(self) -> None:
        assert jittered(Entry("x"), at("2026-11-25T02:00Z")) == at("2026-11-25T02:00Z")


def test_the_words_and_defaults_of_an_entry_stay() -> None:
    assert (" ".join(CatchUp), " ".join(Overlap)) == ("none last all", "skip allow")
    assert Entry("x") == Entry(
        "x", "", {}, None, None, "UTC", None, True, CatchUp.LAST, Overlap.SKIP, timedelta(0), None, "", 0
    )
    assert not Skipped(1, at("2026-11-25T11:00Z"), at("2026-11-25T11:00Z")).more


class TestIds:
    slot = at("2026-11-25T02:00Z")

    def test_a_name_of_sixty_plain_characters_stays_as_it_is(self) -> None:
        for name in ("a" * 60, "A_z-09", "x-0123456789a", "x-012345678", "x_0123456789"):
            assert timetable.slot_job_id(name, self.slot) == f"cron-{name}-20261125T020000Z"
        long = timetable.slot_job_id("a" * 61, self.slot)
        assert re.fullmatch(rf"cron-{'a' * 49}-[0-9a-f]{{10}}-20261125T020000Z", long)
        # It looks like a digest, and gets one of its own.
        assert timetable.slot_job_id("x-0123456789", self.slot).startswith("cron-x-0123456789-")
        assert timetable.slot_job_id("x-0123456789", self.slot) != "cron-x-0123456789-20261125T020000Z"

    def test_it_can_be_read(self) -> None:
        tokyo = self.slot.astimezone(ZoneInfo("Asia/Tokyo"))
        assert timetable.slot_job_id("daily-report", self.slot) == "cron-daily-report-20261125T020000Z"
        assert timetable.slot_job_id("daily-report", tokyo) == "cron-daily-report-20261125T020000Z"
        assert re.fullmatch(
            r"cron-d-ner-[0-9a-f]{10}-20261125T020000Z", timetable.slot_job_id("dîner", self.slot)
        )

    @given(st.text(max_size=200))
    @settings(deadline=None)
    def test_rq_takes_it(self, name: str) -> None:
        found = timetable.slot_job_id(name, self.slot)
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", found)

    @given(st.text("aé-_ ", max_size=70), st.text("aé-_ ", max_size=70))
    @settings(deadline=None)
    def test_two_names_never_share_one(self, one: str, other: str) -> None:
        assume(one != other)
        first = timetable.slot_job_id(one, self.slot)
        assert first != timetable.slot_job_id(other, self.slot)
        # Nor can a name be chosen so that it looks like another's.
        disguise = first.removeprefix("cron-").removesuffix("-20261125T020000Z")
        assert disguise == one or timetable.slot_job_id(disguise, self.slot) != first
