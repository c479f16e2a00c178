"""Which backups stay, and how long things are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.retention import (
    Age,
    ArchivePlan,
    ArticlePolicy,
    CachePolicy,
    Expiring,
    Freed,
    Rule,
    backup_moment,
    backup_name,
    backups_kept,
)

END = datetime(2030, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(1_700_000_000, 1_800_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(MOMENTS)
def test_a_name_tells_its_time(moment: datetime) -> None:
    assert backup_moment(backup_name(moment)) == moment


@pytest.mark.parametrize(
    "name",
    [
        "mingus.db",
        "mingus-20260309T040000Z.db.part",
        "xmingus-20260309T040000Z.db",
        "mingus-20261399T040000Z.db",
    ],
)
def test_other_files_are_no_backups(name: str) -> None:
    assert backup_moment(name) is None


@given(st.sets(MOMENTS, max_size=60), st.integers(0, 9), st.integers(0, 9))
def test_the_last_of_each_day_and_week_stays(moments: set[datetime], daily: int, weekly: int) -> None:
    kept = backups_kept(moments, daily, weekly, END)
    assert kept <= moments
    assert len(kept) <= daily + weekly
    days = sorted({moment.date() for moment in moments}, reverse=True)[:daily]
    assert {max(m for m in moments if m.date() == day) for day in days} <= kept
    weeks = sorted({m.isocalendar()[:2] for m in moments}, reverse=True)[:weekly]
    assert {max(m for m in moments if m.isocalendar()[:2] == week) for week in weeks} <= kept


def test_a_year_of_daily_backups_comes_down_to_nine() -> None:
    there: set[datetime] = set()
    for day in range(365):
        there.add(datetime(2025, 1, 1, 5, tzinfo=UTC) + timedelta(days=day))
        there = backups_kept(there, 7, 4, END)
    # Seven days, and the two Sundays before them; the third one and the running week are among the days.
    assert [f"{moment:%d}" for moment in sorted(there)] == [
        "14",
        "21",
        "25",
        "26",
        "27",
        "28",
        "29",
        "30",
        "31",
    ]


def test_backups_of_a_clock_that_ran_ahead_push_no_other_one_out() -> None:
    now = datetime(2026, 3, 9, 5, tzinfo=UTC)
    ahead = {datetime(2036, 1, day, 5, tzinfo=UTC) for day in range(1, 11)}
    assert backups_kept({now, *ahead}, 2, 1, now) == {now, *ahead}


def test_a_backup_of_this_very_instant_is_not_ahead() -> None:
    now = datetime(2026, 3, 9, 5, tzinfo=UTC)
    assert backups_kept({now, now - timedelta(hours=1)}, 1, 0, now) == {now}
    assert backups_kept({now}, 0, 0, now) == set()


def test_a_name_is_in_utc() -> None:
    there = datetime(2026, 3, 9, 5, tzinfo=timezone(timedelta(hours=2)))
    assert backup_name(there) == "mingus-20260309T030000Z.db"


def test_what_is_old_is_what_goes_and_what_each_rule_keeps() -> None:
    plan = ArchivePlan((4, 7), {Rule.FEATURED: 2, Rule.RATED: 0, Rule.LEVEL_FLOOR: 5})
    assert plan.old == 9


def test_the_names_in_json_stay() -> None:
    assert " ".join(Rule) == "featured keep_mark bookmarked rated recently_read phase_floor level_floor"
    assert " ".join(Age) == "arrival publication"
    assert list(Expiring) == [
        "recommendation_lists",
        "raw_pages",
        "model_answers",
        "mail_bodies",
        "jobs",
        "article_outcomes",
        "follow_ups",
    ]


def test_a_rule_is_told_with_its_numbers() -> None:
    policy = ArticlePolicy(keep_rating=4.5, keep_read_days=31, phase_floor=11, level_floor=12)
    assert {rule: policy.words(rule) for rule in Rule} == {
        Rule.FEATURED: "featured by an editor",
        Rule.KEEP_MARK: "marked by an editor: mingus articles keep",
        Rule.BOOKMARKED: "bookmarked by a reader",
        Rule.RATED: "rated 4.5 or better, on average",
        Rule.RECENTLY_READ: "read within 31 days",
        Rule.PHASE_FLOOR: "among the last 11 of their phase",
        Rule.LEVEL_FLOOR: "among the last 12 of their level",
    }
    assert ArticlePolicy().words(Rule.RATED) == "rated 4 or better, on average"


def test_each_kind_has_its_own_age() -> None:
    policy = CachePolicy(*(timedelta(days=days) for days in range(1, 8)))
    assert [(policy.age(what) or timedelta(0)).days for what in Expiring] == [1, 2, 3, 4, 5, 6, 5]
    assert policy.logs == timedelta(days=7)
    assert CachePolicy(pages=None).age(Expiring.PAGES) is None


def test_what_is_kept_where_nobody_says_otherwise() -> None:
    days = [CachePolicy().age(what) for what in Expiring]
    assert days == [timedelta(days=each) for each in (30, 365, 180, 90, 90, 365, 90)]
    assert CachePolicy().logs == timedelta(days=30)
    assert ArticlePolicy() == ArticlePolicy(
        days_old=90,
        age=Age.ARRIVAL,
        keep_rating=4.0,
        keep_read_days=30,
        phase_floor=20,
        level_floor=20,
        archived_pages_days=30,
        archived_rows_days=None,
    )


def test_a_clean_up_begins_with_nothing_freed() -> None:
    freed = Freed("jobs")
    assert (freed.removed, freed.bytes, freed.left) == (0, 0, False)


def test_a_week_begins_on_monday_and_in_the_year_of_its_thursday() -> None:
    # 29 December ended the week of the 23rd, and 5 January that of the 30th, the first of 2025.
    found = {datetime(2024, 12, day, 5, tzinfo=UTC) for day in (23, 29, 30)} | {
        datetime(2025, 1, 5, 5, tzinfo=UTC)
    }
    assert backups_kept(found, 0, 2, END) == {
        datetime(2024, 12, 29, 5, tzinfo=UTC),
        datetime(2025, 1, 5, 5, tzinfo=UTC),
    }
    assert backups_kept(found, 0, 1, END) == {datetime(2025, 1, 5, 5, tzinfo=UTC)}
