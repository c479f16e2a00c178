"""What follows from events, and what lines of an import mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import reader_lines
from mingus_lib.domain.readers import Event, progress, streaks

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
