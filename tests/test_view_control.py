"""What came of an operator's wish, as a table, lines, JSON and ids."""

from __future__ import annotations

import json

import pytest

from mingus_lib.domain.control import Act, Did
from mingus_lib.view import control
from mingus_lib.view.output import Format

ACTS = [
    Act("a1", "ping", "cleanup", Did.REQUEUED),
    Act("b2", "ping", "cleanup", Did.REFUSED, "it \x1b[2J is running"),
]


def test_a_table_tells_every_job_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    control.show_acts(ACTS, Format.TABLE, dry_run=False)
    shown = capsys.readouterr()
    assert "✗ refused" in shown.out
    assert "\x1b[2J" not in shown.out
    assert shown.err == "1 requeued, 1 refused.\n"


def test_many_are_counted_on_a_terminal_and_listed_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    many = [Act(f"job{number}", "ping", "cleanup", Did.CANCELLED) for number in range(1200)]
    control.show_acts(many, Format.TABLE, dry_run=True)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "1,200 cancelled; nothing was done (--dry-run).\n")
    control.show_acts(many, Format.TSV, dry_run=False)
    assert capsys.readouterr().out.count("\n") == 1200


def test_ids_are_those_of_what_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    control.show_acts(ACTS, Format.IDS, dry_run=False)
    shown = capsys.readouterr()
    assert shown.out == "a1\n"
    assert shown.err == "b2: refused: it \\x1b[2J is running\n"


def test_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str]) -> None:
    control.show_acts(ACTS[:1], Format.JSON, dry_run=True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "id": "a1",
            "task": "ping",
            "queue": "cleanup",
            "outcome": "requeued",
            "reason": None,
            "dry_run": True,
        }
    ]


def test_the_way_back_from_a_pause_names_its_queues_alone(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"queue": "cleanup", "paused": True, "changed": True}]
    control.show_pauses(rows, Format.TABLE)
    assert capsys.readouterr().err.endswith("mingus resume cleanup\n")


def test_nothing_chosen_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    control.show_acts([], Format.TSV, dry_run=False)
    assert capsys.readouterr().err == "No job matches.\n"


@pytest.mark.parametrize(
    ("form", "dry_run", "told"), [("table", True, 1), ("table", False, 0), ("tsv", True, 0)]
)
def test_a_dry_run_is_told_on_a_terminal(
    form: str, dry_run: bool, told: int, capsys: pytest.CaptureFixture[str]
) -> None:
    control.tell_dry_run(Format(form), dry_run=dry_run)
    assert capsys.readouterr().err.count("Nothing was done (--dry-run).") == told
