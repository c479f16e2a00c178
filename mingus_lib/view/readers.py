"""Readers: lists, one reader's portrait, what an import did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mingus_lib.domain.readers import Reader
from mingus_lib.view import facts as facts_view
from mingus_lib.view import human, output
from mingus_lib.view.output import Column, Format, Kind

COLUMNS = (
    Column("id", "Id", Kind.ID),
    Column("name", "Name"),
    Column("career_stage", "Stage"),
    Column("income_range", "Income"),
    Column("goals", "Goals"),
    Column("created_at", "Since", Kind.TIME),
)
EMPTY = "No readers here yet. Bring some: mingus readers import FILE"


def listed(reader: Reader) -> dict[str, Any]:
    """What a list tells of a reader; the documented shape of an element of `readers list --json`."""
    told = {name: getattr(reader, name) for name in ("id", "name", "income_range", "career_stage")}
    return {**told, "goals": list(reader.goals), "created_at": reader.created_at}


def show_list(found: Sequence[Reader], form: Format) -> None:
    """Readers, one a row."""
    output.rows(
        [listed(each) for each in found], COLUMNS, form, empty=EMPTY, drop=("created_at", "income_range")
    )


def show_portrait(told: Mapping[str, Any], form: Format) -> None:
    """One reader; the documented shape of `readers show --json`."""
    if form is Format.JSON:
        output.value(told)
        return
    progress = told["progress"]
    facts = {
        **{name: told[name] for name in ("id", "name", "income_range", "career_stage")},
        "goals": ", ".join(told["goals"]),
        "scores": _scores(told["assessment"]),
        "open": ", ".join(f"{phase} {level}" for phase, level in told["levels"].items()),
        "finished": len(progress["finished"]),
        "under way": len(progress["under_way"]),
        "bookmarks": len(progress["bookmarks"]),
        "reading time": human.age(progress["reading_seconds"]),
        "streak": f"{progress['streak_days']} days, longest {progress['longest_streak_days']}",
        "last active": human.moment(progress["last_active"]),
    }
    facts_view.show(
        # A count of 0 tells something; what was never given does not.
        ((name, human.printable(str(value))) for name, value in facts.items() if value not in (None, "")),
        form,
    )


def _scores(assessment: Mapping[str, Any] | None) -> str:
    if assessment is None:
        return "none: Beginner articles only"
    scores = (f"{name[:-6].upper()} {assessment[name]:g}" for name in ("be_score", "do_score", "have_score"))
    return f"{', '.join(scores)} ({human.moment(assessment['taken_at'])})"


def show_import(told: Mapping[str, Any], form: Format, most: int) -> None:
    """What an import did; the documented shape of `readers import --json`."""
    if form is Format.JSON:
        output.value(told)
    else:
        names = ("lines", "readers", "assessments", "events", "duplicates", "bad")
        facts_view.show(((name, str(told[name])) for name in names), form)
    if told["resumed_at"] is not None:
        output.message(f"Went on after line {told['resumed_at']:,}; the counts include what came before.")
    for bad in told["bad_lines"][:most]:
        output.message(f"line {bad['line']:,}: {bad['reason']}")
