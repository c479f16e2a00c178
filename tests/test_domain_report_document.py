"""The shape of a report: what its JSON says, and what follows from a figure."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.report_document import (
    SCHEMA,
    Column,
    Document,
    Figure,
    Section,
    Series,
    Table,
    from_json,
    over_time,
    rounded,
    share,
)

READ = Figure("read", "Read", "count", 12, (None, 4, 6, 8), of=20, aim=10.0, state="ok")
HOSTS = Table(
    "hosts",
    "Hosts",
    (Column("host", "Host"), Column("read", "Read", "count")),
    ({"read": 3, "host": "a.example", "more": "left out"}, {"host": "b.example"}),
)
DAYS = Series("days", "By day", "count", (("2026-03-01", 5.0), ("2026-03-02", None)))
WHOLE = Document(
    "daily",
    "A day",
    "2026-03-02T00:00:00+00:00",
    (Section("use", "Use", (READ,), (HOSTS,), (DAYS,), ("One note.",)), Section("none", "Nothing")),
    {"kind": "day", "start": "2026-03-01"},
    ("Another.",),
)


def test_a_whole_document_as_json() -> None:
    assert SCHEMA == 1
    assert WHOLE.as_json() == {
        "schema": 1,
        "report": "daily",
        "title": "A day",
        "period": {"kind": "day", "start": "2026-03-01"},
        "made_at": "2026-03-02T00:00:00+00:00",
        "notes": ["Another."],
        "sections": [
            {
                "key": "use",
                "title": "Use",
                "figures": [
                    {
                        "key": "read",
                        "label": "Read",
                        "unit": "count",
                        "value": 12,
                        "trailing": [None, 4, 6, 8],
                        "of": 20,
                        "aim": 10.0,
                        "state": "ok",
                        "previous": 8,
                        "change": 4,
                        "trailing_mean": 6.0,
                        "change_from_mean": 6.0,
                    }
                ],
                "tables": [
                    {
                        "key": "hosts",
                        "title": "Hosts",
                        "columns": [
                            {"key": "host", "label": "Host", "unit": "text"},
                            {"key": "read", "label": "Read", "unit": "count"},
                        ],
                        "rows": [{"host": "a.example", "read": 3}, {"host": "b.example", "read": None}],
                    }
                ],
                "series": [
                    {
                        "key": "days",
                        "title": "By day",
                        "unit": "count",
                        "points": [{"at": "2026-03-01", "value": 5.0}, {"at": "2026-03-02", "value": None}],
                    }
                ],
                "notes": ["One note."],
            },
            {"key": "none", "title": "Nothing", "figures": [], "tables": [], "series": [], "notes": []},
        ],
    }
    # A script that reads the rows in order finds the columns' order.
    assert list(WHOLE.as_json()["sections"][0]["tables"][0]["rows"][0]) == ["host", "read"]


def test_what_was_kept_comes_back_whole() -> None:
    found = from_json(json.loads(json.dumps(WHOLE.as_json())))
    assert found.as_json() == WHOLE.as_json()
    assert (found.report, found.title, found.made_at) == ("daily", "A day", "2026-03-02T00:00:00+00:00")
    assert (found.period, found.notes) == (WHOLE.period, WHOLE.notes)
    use, nothing = found.sections
    assert (use.figures, use.series, use.notes, nothing) == (
        (READ,),
        (DAYS,),
        ("One note.",),
        WHOLE.sections[1],
    )
    assert use.tables[0].columns == HOSTS.columns
    bare = Document("article", "An article", "now", ())
    assert (
        from_json(json.loads(json.dumps(bare.as_json())))
        == bare
        == Document("article", "An article", "now", (), period=None, notes=())
    )
    alone = Figure("a", "A", "text", None)
    assert from_json(Document("a", "A", "", (Section("s", "S", (alone,)),)).as_json()).sections[
        0
    ].figures == (alone,)


def test_what_nobody_said_is_nothing() -> None:
    assert Figure("a", "A", "count", 1) == Figure("a", "A", "count", 1, None, None, None, None)
    assert Section("s", "S") == Section("s", "S", (), (), (), ())
    assert Column("c", "C") == Column("c", "C", "text")


@pytest.mark.parametrize("lost", ["report", "title", "made_at", "sections", "period", "notes"])
def test_another_shape_is_refused(lost: str) -> None:
    with pytest.raises(KeyError):
        from_json({key: value for key, value in WHOLE.as_json().items() if key != lost})
    with pytest.raises(TypeError):
        from_json({**WHOLE.as_json(), "sections": 7})


@pytest.mark.parametrize(
    ("value", "trailing", "previous", "change", "mean", "from_mean"),
    [
        (5, (1, 2, 3, 4), 4, 1, 2.5, 2.5),
        (0.5, (None, 0.2, 0.3, 0.4), 0.4, 0.1, 0.3, 0.2),
        (5, (1, None), None, None, 1, 4),
        (0, (0, 0), 0, 0, 0, 0),
        (5, (None, None), None, None, None, None),
        (5, (), None, None, None, None),
        (5, None, None, None, None, None),
        (None, (1, 3), 3, None, 2, None),
        ("words", (1, 3), 3, None, 2, None),
        (1, (0, 0, 1), 1, 0, 0.333333, 0.666667),
    ],
)
def test_what_follows_from_a_figure(
    value: Any, trailing: Any, previous: Any, change: Any, mean: Any, from_mean: Any
) -> None:
    found = Figure("a", "A", "count", value, trailing)
    assert (found.previous, found.change, found.mean, found.change_from_mean) == (
        previous,
        change,
        mean,
        from_mean,
    )


def test_a_figure_over_time_knows_nothing_of_before_the_library() -> None:
    found = over_time("a", "A", "share", (0.0, 0.1234567, None, 1 / 3), known=(False, True, True, True), of=9)
    assert found == Figure("a", "A", "share", 0.333333, (None, 0.123457, None), 9)
    assert over_time("a", "A", "count", (7,), known=(False,)) == Figure("a", "A", "count", None, ())
    with pytest.raises(ValueError):
        over_time("a", "A", "count", (7, 8), known=(True,))


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, None),
        (7, 7),
        (1 / 3, 0.333333),
        (2e-7, 0.0),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
    ],
)
def test_a_number_is_rounded_to_a_millionth(value: float | None, found: float | None) -> None:
    assert rounded(value) == found


def test_a_share_of_nothing_is_none() -> None:
    assert (share(1, 4), share(0, 4), share(3, 0), share(0, 0.0)) == (0.25, 0, None, None)


@given(st.lists(st.none() | st.floats(), min_size=1, max_size=5))
def test_every_figure_can_be_kept_as_strict_json(values: list[float | None]) -> None:
    figure = over_time("a", "A", "count", values, known=[True] * len(values))
    kept = json.loads(
        json.dumps(Document("r", "R", "", (Section("s", "S", (figure,)),)).as_json(), allow_nan=False)
    )
    assert from_json(kept).sections[0].figures == (figure,)
