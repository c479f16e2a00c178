"""What follows from events, and what lines of an import mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import reader_lines
from mingus_lib.domain.readers import (
    DEVICES,
    HALF_LIFE_DAYS,
    KINDS,
    RATED,
    READING,
    STRENGTHS,
    Event,
    Progress,
    Reader,
    progress,
    streaks,
)

DAY = date(2026, 3, 10)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def event(kind: str, article: int = 1, *, hours: int = 0, **more: Any) -> Event:
    return Event(f"{kind}{article}{hours}", article, kind, NOON - timedelta(hours=hours), **more)


def test_progress_is_derived() -> None:
    found = progress(
        [
            event("started", 1, hours=50),
            event("finished", 1, hours=49, time_spent_seconds=200),
            event("started", 2, hours=30, time_spent_seconds=20),
            event("bookmarked", 3, hours=20, details={"folder": "Later"}),
            event("bookmarked", 4, hours=20),
            event("unbookmarked", 4, hours=10),
            event("rated", 1, hours=9, rating=2),
            event("rated", 1, hours=8, rating=5),
            event("recommended", 9, hours=1),
        ],
        DAY,
    )
    assert found.finished == (1,)
    assert found.under_way == (2,)
    assert found.bookmarks == {3: "Later"}
    assert found.ratings == {1: 5}
    assert found.reading_seconds == 220
    assert found.events["bookmarked"] == 2
    assert (found.streak_days, found.longest_streak_days) == (3, 3)
    assert found.last_active == NOON - timedelta(hours=8), "what was only shown is no activity"


def test_events_in_any_order_say_the_same() -> None:
    events = [event("bookmarked", 1, hours=hours) for hours in (5, 3)] + [event("unbookmarked", 1, hours=4)]
    assert progress(events, DAY) == progress(events[::-1], DAY)


def test_of_two_words_at_one_instant_the_larger_id_is_the_last() -> None:
    def said(mark: str, kind: str, **more: Any) -> Event:
        return Event(mark, 1, kind, NOON, **more)

    both = [
        said("b", "unbookmarked"),
        said("a", "bookmarked"),
        said("d", "rated", rating=2),
        said("c", "rated", rating=5),
    ]
    assert (progress(both, DAY).bookmarks, progress(both, DAY).ratings) == ({}, {1: 2})
    assert progress([said("b", "bookmarked"), said("a", "unbookmarked")], DAY).bookmarks == {1: "General"}


def test_articles_stand_in_the_order_of_their_first_time_each_once() -> None:
    finished, started = [(7, 1), (3, 5), (7, 9)], [(5, 2), (4, 3), (5, 8), (3, 6)]
    events = [event("finished", article, hours=hours) for article, hours in finished]
    found = progress([*events, *(event("started", article, hours=hours) for article, hours in started)], DAY)
    assert (found.finished, found.under_way) == ((7, 3), (5, 4))
    assert found.events == {"finished": 3, "started": 4}


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_a_reader_does_is_activity(kind: str) -> None:
    found = progress([event(kind)], DAY)
    active = kind not in ("recommended", "unbookmarked")
    assert (found.last_active, found.streak_days) == ((NOON, 1) if active else (None, 0))
    assert found.events == {kind: 1}


def test_nothing_follows_from_nothing() -> None:
    assert progress([], DAY) == Progress()
    assert Progress() == Progress((), (), {}, {}, {}, 0, 0, 0, None)
    assert Reader("ada") == Reader("ada", None, None, None, (), None, 0)
    assert Event("e", 1, "viewed", NOON) == Event("e", 1, "viewed", NOON, *[None] * 7)


def test_a_streak_ends_today_or_yesterday() -> None:
    def days(*numbers: int) -> set[date]:
        return {date(2026, 3, number) for number in numbers}

    assert streaks(days(8, 9, 10), DAY) == (3, 3)
    assert streaks(days(7, 8, 9), DAY) == (3, 3)
    assert streaks(days(6, 7, 8), DAY) == (0, 3)
    assert streaks(days(1, 2, 3, 4, 9, 10), DAY) == (2, 4)
    # A day to come, by a clock that ran ahead, belongs to the longest alone.
    assert streaks(days(10, 11), DAY) == (1, 2)
    assert streaks(set(), DAY) == (0, 0)


def test_the_words_in_the_store_and_in_exports_stay() -> None:
    assert (
        " ".join(KINDS) == "viewed started finished bookmarked unbookmarked rated shared recommended clicked"
    )
    assert " ".join(READING) == "viewed started finished bookmarked rated shared clicked"
    assert DEVICES == ("mobile", "desktop", "tablet")


def test_each_kind_has_its_strength_and_more_is_never_worth_less() -> None:
    assert set(STRENGTHS) == set(KINDS) - {"rated"}
    ranked = sorted(STRENGTHS, key=lambda kind: -STRENGTHS[kind])
    assert ranked[:6] == ["finished", "shared", "bookmarked", "started", "viewed", "clicked"]
    assert [STRENGTHS[kind] for kind in ranked] == [1.0, 0.9, 0.8, 0.4, 0.25, 0.2, 0.0, 0.0]
    assert [RATED[stars] for stars in (1, 2, 3, 4, 5)] == [0.0, 0.1, 0.5, 0.9, 1.0]
    assert HALF_LIFE_DAYS == 180


@given(st.sets(st.integers(0, 40)))
def test_streaks_are_what_a_walk_day_by_day_finds(offsets: set[int]) -> None:
    days = {DAY - timedelta(offset) for offset in offsets}
    runs, run = [0], 0
    for offset in range(41, -1, -1):
        run = run + 1 if offset in offsets else 0
        runs.append(run)
    present = run if 0 in offsets else runs[-2]
    assert streaks(days, DAY) == (present, max(runs))


def test_a_line_of_each_kind() -> None:
    line = {"reader": "ada", "goals": "budgeting; taxes;", "income_range": "$40K-$60K"}
    assert reader_lines.kind_of(line) == "reader"
    assert reader_lines.reader(line).goals == ("budgeting", "taxes")
    scores = {"reader": "ada", "be_score": "60", "do_score": 70, "have_score": "0", "taken_at": "2026-03-01"}
    assert reader_lines.kind_of(scores) == "assessment"
    assert reader_lines.assessment(scores).scores == (60, 70, 0)
    made = reader_lines.event(
        {"event": "rated", "at": "2026-03-01T12:00:00+02:00", "overall": "4", "review": "good", "id": "e1"},
        7,
        "ada",
    )
    assert (made.rating, made.details, made.at.hour) == (4, {"review": "good"}, 10)


def test_an_event_without_an_id_has_always_the_same() -> None:
    line = {"event": "viewed", "at": "1767225600"}
    first, again = (reader_lines.event(line, 7, "ada") for _ in range(2))
    assert first.id == again.id != reader_lines.event(line, 8, "ada").id


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ({"event": "eaten", "at": "2026-03-01"}, "event"),
        ({"event": "viewed", "at": "yesterday"}, "at"),
        ({"event": "viewed", "at": ""}, "at"),
        ({"event": "viewed", "at": "1e99"}, "at"),
        ({"event": "viewed", "at": "9999-12-31T23:59:59-14:00"}, "at"),
        ({"event": "viewed", "at": "2026-03-01", "scroll_depth": 101}, "scroll_depth"),
        ({"event": "viewed", "at": "2026-03-01", "scroll_depth": 10**400}, "scroll_depth"),
        ({"event": "viewed", "at": "2026-03-01", "device": "toaster"}, "device"),
        ({"event": "viewed", "at": "2026-03-01", "found_helpful": "perhaps"}, "found_helpful"),
        ({"event": "viewed", "at": "2026-03-01", "time_spent_seconds": "1.5"}, "time_spent_seconds"),
        ({"event": "rated", "at": "2026-03-01"}, "overall"),
        ({"event": "rated", "at": "2026-03-01", "overall": 6}, "overall"),
        ({"event": "viewed", "at": "2026-03-01", "id": "a\nb"}, "id"),
    ],
)
def test_bad_events_say_which_field(line: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=f"^{word}:"):
        reader_lines.event(line, 1, "ada")


@given(
    st.dictionaries(st.sampled_from(["reader", "id", "kind", "event", "at", "goals", "be_score"]), st.text())
)
def test_no_line_does_anything_but_fail_with_a_reason(line: dict[str, str]) -> None:
    for make in (reader_lines.kind_of, reader_lines.reader, reader_lines.assessment):
        try:
            make(line)
        except ValueError as error:
            assert str(error)
