"""What the fields of an import's lines mean, and which do not pass."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import reader_lines
from mingus_lib.domain.gate import Assessment
from mingus_lib.domain.reader_lines import PlainEvents, plain_events
from mingus_lib.domain.readers import KINDS, Event, Reader

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = "2026-03-01T12:00:00Z"
SCORES = {"be_score": 60, "do_score": 70, "have_score": 0, "taken_at": AT}
COLUMNS = ("id", "reader", "article", "event", "at")
# What an event may say besides.
MORE = (
    "time_spent_seconds", "scroll_depth", "found_helpful", "device", "source", "overall", "helpfulness", "clarity",
    "actionability", "cultural_relevance", "review", "folder", "notes", "priority", "tags",
)  # fmt: skip
ROW = ("e1", "ada", "7", "viewed", AT)


def event(**more: Any) -> Event:
    return reader_lines.event({"event": "viewed", "at": AT, "id": "e1", **more}, 7, "ada")


def test_other_exports_names_are_known() -> None:
    pairs = {
        "user": "reader",
        "User ID": "reader",
        " reader_id ": "reader",
        "article_id": "article",
        "item": "article",
        "event_type": "event",
        "type": "event",
        "timestamp": "at",
        "display_name": "name",
        "rating": "overall",
        "OVERALL_RATING": "overall",
        "event_id": "id",
        "review_text": "review",
        "scroll depth": "scroll_depth",
        "anything": "anything",
    }
    assert reader_lines.named(list(pairs)) == list(pairs.values())


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"kind": "reader", "event": "viewed"}, "reader"),
        ({"kind": "assessment"}, "assessment"),
        ({"kind": "event"}, "event"),
        ({"kind": "rated"}, "event"),
        ({"kind": "", "event": "viewed", "be_score": 1}, "event"),
        ({"event": "", "be_score": 0}, "assessment"),
        ({"event": None, "be_score": ""}, "reader"),
    ],
)
def test_a_line_is_of_the_kind_that_it_says_or_shows(record: dict[str, Any], kind: str) -> None:
    assert reader_lines.kind_of(record) == kind


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match=r"^kind 'writer' is none of reader, assessment, event$"):
        reader_lines.kind_of({"kind": "writer"})


@pytest.mark.parametrize(
    ("value", "found"),
    [("ada", "ada"), (" ada\t", "ada"), (42, "42"), (0, "0"), ("é" * 200, "é" * 200)],
)
def test_an_id_is_a_text_or_a_whole_number(value: object, found: str) -> None:
    assert reader_lines.identity({"reader": value}) == found
    assert reader_lines.identity({"id": value}, "id") == found


@pytest.mark.parametrize("value", [None, "", "  ", True, False, 1.5, ["ada"], "a\x1bb", "a" * 201])
def test_anything_else_is_no_id(value: object) -> None:
    with pytest.raises(ValueError, match=r"^reader: an id of 1 to 200 printable characters"):
        reader_lines.identity({"reader": value})


def test_a_whole_reader() -> None:
    line = {
        "reader": "ada",
        "id": "9",
        "name": "A" * 200,
        "income_range": "$40K-$60K",
        "career_stage": "Mid-career",
        "goals": ["taxes"],
        "created_at": AT,
    }
    assert reader_lines.reader(line) == Reader(
        "ada", "A" * 200, "$40K-$60K", "Mid-career", ("taxes",), NOON, number=0
    )
    assert reader_lines.reader({"id": "9", "reader": "", "name": "", "created_at": ""}) == Reader("9")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"name": "A" * 201}, "name"),
        ({"name": 7}, "name"),
        ({"income_range": "plenty"}, "income_range"),
        ({"career_stage": "$40K-$60K"}, "career_stage"),
        ({"goals": 7}, "goals"),
        ({"created_at": "then"}, "created_at"),
    ],
)
def test_a_bad_reader_says_which_field(line: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        reader_lines.reader({"reader": "ada", **line})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("debt, taxes", ("debt", "taxes")),
        ("debt, old; taxes;", ("debt, old", "taxes")),
        ([" debt ", "", " ", "taxes", "debt"], ("debt", "taxes")),
        ("a" * 101, ("a" * 100,)),
        ([str(n) for n in range(50)], tuple(str(n) for n in range(50))),
    ],
)
def test_goals_are_short_texts_each_once(value: object, found: tuple[str, ...]) -> None:
    assert reader_lines.topics({"goals": value}, "goals") == found


@pytest.mark.parametrize("value", [7, {"a": 1}, ["debt", 7], ["x"] * 51, "," * 50])
def test_what_is_no_list_of_texts_is_told_by_its_field(value: object) -> None:
    with pytest.raises(ValueError, match=r"^goals: at most 50 texts"):
        reader_lines.reader({"id": "ada", "goals": value})
    with pytest.raises(ValueError, match=r"^tags: at most 50 texts"):
        event(event="bookmarked", tags=value)


def test_an_assessment_counts_unless_it_says_otherwise() -> None:
    assert reader_lines.assessment(SCORES) == Assessment(60, 70, 0, NOON)
    edges = {"be_score": "0", "do_score": 100, "have_score": "99.5", "taken_at": AT, "is_valid": "no"}
    assert reader_lines.assessment(edges) == Assessment(0, 100, 99.5, NOON, is_valid=False)


@pytest.mark.parametrize("score", [None, "", "many", "nan", "inf", -0.1, 100.1, True, [1], 10**400])
@pytest.mark.parametrize("field", ["be_score", "do_score", "have_score"])
def test_a_score_is_a_number_from_0_to_100(field: str, score: object) -> None:
    with pytest.raises(ValueError, match=f"^{field}: .* is no number from 0 to 100$"):
        reader_lines.assessment({**SCORES, field: score})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((yes, True) for yes in ("true", "YES", "1", 1, True)),
        *((no, False) for no in ("false", "No", "0", 0, False)),
        (None, None),
        ("", None),
    ],
)
def test_yes_and_no_in_every_spelling(value: object, found: bool | None) -> None:
    assert event(found_helpful=value).found_helpful is found


def test_an_event_with_all_that_it_may_say() -> None:
    found = event(
        time_spent_seconds="604800", scroll_depth=100, found_helpful="no", device="tablet", source="m" * 200
    )
    assert found == Event("e1", 7, "viewed", NOON, 604_800, 100, False, "tablet", "m" * 200)
    assert event(time_spent_seconds=0, scroll_depth="0.0", device="", source="") == Event(
        "e1", 7, "viewed", NOON, 0, 0
    )
    assert event(kind="event") == event() == Event("e1", 7, "viewed", NOON)
    assert event(event=" Viewed", kind="Event") == event()
    assert reader_lines.kind_of({"kind": "Finished"}) == reader_lines.kind_of({"kind": "EVENT"}) == "event"
    assert reader_lines.event({"kind": "Shared", "at": AT, "id": 5}, 7, "ada") == Event(
        "5", 7, "shared", NOON
    )


def test_a_rating_tells_its_parts() -> None:
    said = {
        "helpfulness": 1,
        "clarity": "5",
        "actionability": 2,
        "cultural_relevance": 3,
        "review": "r" * 10_000,
    }
    found = event(event="rated", overall="4", folder="left out", **said)
    assert (found.rating, found.details) == (4, {**said, "clarity": 5})
    assert [event(event="rated", overall=stars).rating for stars in (1, 5)] == [1, 5]
    assert event(event="rated", overall=3, clarity="", review="").details is None
    assert event(overall=3, review="of no rating") == event()


def test_a_bookmark_tells_its_place() -> None:
    said = {"folder": "f" * 200, "notes": "n" * 10_000, "priority": 5}
    found = event(event="bookmarked", tags="debt;taxes", overall=2, **said)
    assert (found.rating, found.details) == (None, {**said, "tags": ["debt", "taxes"]})
    assert event(event="bookmarked", priority=1, tags="").details == {"priority": 1}
    assert event(event="bookmarked", folder="").details is None


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("viewed", "time_spent_seconds", 604_801),
        ("viewed", "time_spent_seconds", -1),
        ("viewed", "scroll_depth", False),
        ("viewed", "source", "m" * 201),
        ("rated", "overall", None),
        ("rated", "overall", 0),
        ("rated", "overall", 4.5),
        ("rated", "clarity", 0),
        ("rated", "clarity", 6),
        ("rated", "review", "r" * 10_001),
        ("bookmarked", "folder", "f" * 201),
        ("bookmarked", "notes", "n" * 10_001),
        ("bookmarked", "priority", 0),
        ("bookmarked", "priority", 6),
    ],
)
def test_what_is_beyond_its_bound_is_told_by_its_field(kind: str, field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        event(event=kind, **{"overall": 3, field: value})


def test_what_was_written_is_shown() -> None:
    for record, says in (
        ({"event": "eaten"}, f"event: 'eaten' is none of {', '.join(KINDS)}"),
        ({"event": ""}, f"event: nothing is none of {', '.join(KINDS)}"),
        ({"device": "toaster"}, "device: 'toaster' is none of mobile, desktop, tablet"),
        ({"found_helpful": "perhaps"}, "found_helpful: 'perhaps' is neither yes nor no"),
        ({"scroll_depth": "1.5"}, "scroll_depth: '1.5' is no whole number"),
    ):
        with pytest.raises(ValueError) as caught:
            event(**record)
        assert str(caught.value) == says


def test_a_rating_with_nothing_besides_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^overall: a rating needs 1 to 5$"):
        event(event="rated")


def test_a_made_id_depends_on_each_of_its_parts() -> None:
    line = {"event": "viewed", "at": AT, "id": ""}
    made = {
        reader_lines.event({**line, **more}, article, reader).id
        for more in ({}, {"event": "shared"}, {"at": "2026-03-01T12:00:01Z"})
        for article in (7, 77)
        for reader in ("ada", "bo")
    }
    assert len(made) == 12
    assert all(len(each) == 19 and each.startswith("~") for each in made)
    # An id that was made once must be made again for the same line.
    assert reader_lines.event(line, 7, "ada").id == "~8b9c88bdceb401b528"


@pytest.mark.parametrize(
    "value",
    [
        AT,
        "2026-03-01T12:00:00",
        "2026-03-01 14:00+02:00",
        "2026-03-01T12:00:00+00:00",
        1772366400,
        1772366400.0,
        "1772366400",
        "1772366400.0",
    ],
)
def test_a_time_in_every_form_is_utc(value: object) -> None:
    found = reader_lines.moment({"at": value}, "at")
    assert (found, found.tzinfo) == (NOON, UTC)


@pytest.fixture
def own_zone() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch
    time.tzset()


def test_the_process_s_own_zone_plays_no_part(own_zone: pytest.MonkeyPatch) -> None:
    own_zone.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    for value in (1772366400, "2026-03-01T12:00:00", AT):
        assert reader_lines.moment({"at": value}, "at") == NOON


def test_digits_alone_are_seconds_and_no_date() -> None:
    assert reader_lines.moment({"at": "100000000"}, "at") == datetime(1973, 3, 3, 9, 46, 40, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        None, "", "noon", True, [1], "1.2.3", 1e20, float("nan"), "2026-02-30",
        # A date without hyphens, and a day as spreadsheets count them.
        "20260301", 20260301, "46082", 46082, "45000.5", 99_999_999, -1,
    ],
)  # fmt: skip
def test_what_is_no_time_is_shown_with_its_field(value: object) -> None:
    with pytest.raises(ValueError, match=r"^taken_at: .* is no time; write it as 2026-03-01T12:00:00Z$"):
        reader_lines.moment({"taken_at": value}, "taken_at")


def test_what_is_shown_is_cut_and_nothing_is_called_so() -> None:
    with pytest.raises(ValueError, match=r"^at: 'x{59} is no time"):
        reader_lines.moment({"at": "x" * 1000}, "at")
    with pytest.raises(ValueError, match=r"^at: nothing is no time"):
        reader_lines.moment({}, "at")


def test_plain_events_are_taken_as_columns() -> None:
    rows = [ROW, ("e" * 200, "bo", 8, "shared", "2028-02-29T23:59:59Z")]
    expected = PlainEvents(
        ids=("e1", "e" * 200),
        readers=("ada", "bo"),
        articles=("7", 8),
        kinds=["viewed", "shared"],
        times=["2026-03-01T12:00:00+00:00", "2028-02-29T23:59:59+00:00"],
    )
    assert plain_events(COLUMNS, rows) == expected
    assert plain_events((*COLUMNS, "unheard"), [(*row, 1) for row in rows]) == expected
    for kind in (None, "", "event"):
        assert plain_events((*COLUMNS, "kind"), [(*row, kind) for row in rows]) == expected
    # Columns may stand in any order.
    assert plain_events(COLUMNS[::-1], [row[::-1] for row in rows]) == expected


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("id", value) for value in (None, 7, "", " e", "e\n", "e" * 201, "a\x1bb")),
        *(("reader", value) for value in (None, 7)),
        *(("article", value) for value in (None, 7.0, True)),
        *(("event", value) for value in (None, "rated", "eaten", "Viewed")),
        ("at", None),
        ("at", "2026-03-01T12:00:00+00:00"),
        ("at", "2026-02-30T12:00:00Z"),
        *(("at", AT[:place] + mark + AT[place + 1 :]) for place, mark in enumerate("xxxx xx xx xx xx xx ")),
    ],
)
def test_one_line_of_another_kind_sends_all_the_careful_way(column: str, value: object) -> None:
    odd = tuple(value if name == column else cell for name, cell in zip(COLUMNS, ROW, strict=True))
    assert plain_events(COLUMNS, [ROW, odd]) is None
    assert plain_events(COLUMNS, [odd]) is None


def test_columns_that_lack_or_say_more_go_the_careful_way() -> None:
    for place in range(len(COLUMNS)):
        names, cells = (each[:place] + each[place + 1 :] for each in (COLUMNS, ROW))
        assert plain_events(names, [cells]) is None
    for more in MORE:
        assert plain_events((*COLUMNS, more), [(*ROW, "")]) is None
    assert plain_events((*COLUMNS, "kind"), [(*ROW, "viewed")]) is None


@given(st.datetimes(NOON.replace(1000, tzinfo=None), NOON.replace(9998, tzinfo=None)), st.sampled_from(KINDS))
def test_the_columns_say_what_the_careful_way_says(at: datetime, kind: str) -> None:
    text = f"{at.replace(microsecond=0).isoformat()}Z"
    found = plain_events(COLUMNS, [("e1", "ada", 7, kind, text)])
    if kind == "rated":
        assert found is None
    else:
        assert found
        careful = event(event=kind, at=text)
        assert (found.ids[0], found.kinds[0]) == (careful.id, careful.kind)
        assert datetime.fromisoformat(found.times[0]) - careful.at == timedelta(0)


def test_an_id_with_a_soft_hyphen_looks_like_another() -> None:
    with pytest.raises(ValueError, match="reader: an id of"):
        reader_lines.identity({"reader": "ja\u00adne"})
