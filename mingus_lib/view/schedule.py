"""The timetable as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from mingus_lib.domain.slots import Changes
from mingus_lib.view import output
from mingus_lib.view.output import Column, Format, Kind

ENTRY_COLUMNS = (
    Column("name", "Entry", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("when", "When"),
    Column("timezone", "Zone"),
    Column("next_at", "Next (UTC)", Kind.TIME),
    Column("next_there", "Next (local)"),
    Column("last_state", "Last run", Kind.STATE),
    Column("last_at", "At (UTC)", Kind.TIME),
    Column("lag", "Lag", Kind.AGE),
    Column("seconds", "Took", Kind.AGE),
    Column("missed_in_7_days", "Missed", Kind.NUMBER),
)
NARROW = ("lag", "last_at", "seconds", "missed_in_7_days", "next_there", "when", "timezone")
SLOT_COLUMNS = (
    Column("slot", "UTC", Kind.TIME),
    Column("local", "Local"),
    Column("name", "Entry", Kind.ID),
    Column("task", "Task"),
)
CHECKED_COLUMNS = (
    Column("name", "Entry", Kind.ID),
    Column("line", "Line", Kind.NUMBER),
    Column("task", "Task"),
    Column("queue", "Queue"),
    Column("when", "When"),
    Column("timezone", "Zone"),
    Column("enabled", "Enabled"),
)
SWITCH_COLUMNS = (
    Column("name", "Entry", Kind.ID),
    Column("enabled", "Enabled"),
    Column("changed", "Changed"),
)
EMPTY = "The timetable {} has no entry. docs/timetable.md tells how to write one."


def show_entries(rows: Sequence[Mapping[str, Any]], source: str, form: Format) -> None:
    """The entries; the documented shape of `schedule list --json`."""
    # Documented as the service tells it; the columns below are for eyes and lines.
    if form in (Format.JSON, Format.IDS):
        output.rows(rows, ENTRY_COLUMNS, form, id_key="name")
        return
    output.rows([_entry(row) for row in rows], ENTRY_COLUMNS, form, empty=EMPTY.format(source), drop=NARROW)
    if form is Format.TABLE and rows:
        output.message(f"From {source}")


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    last = row["last"] or {}
    manual = "by hand: " if last.get("manual") else ""
    return {
        **row,
        # A switch outlives changes of the file, and whoever reads the file alone should know of it.
        "state": ("on" if row["enabled"] else "off") + (" (switched)" if row["switched_by_hand"] else ""),
        "next_at": row["next"][0] if row["next"] else None,
        "next_there": _local(row["next_local"][0]) if row["next_local"] else None,
        "last_state": manual + (last.get("state") or last.get("outcome") or "never"),
        "last_at": last.get("slot"),
        "lag": last.get("lag_seconds"),
        "seconds": last.get("seconds"),
    }


def _local(moment: str) -> str:
    # With the offset: when clocks are put back, one hour comes twice.
    return datetime.fromisoformat(moment).strftime("%a %H:%M %Z")


def show_upcoming(found: Sequence[Mapping[str, Any]], form: Format) -> None:
    """Slots to come; the documented shape of `schedule next --json`."""
    rows = found if form is Format.JSON else [{**row, "local": _local(row["local"])} for row in found]
    output.rows(rows, SLOT_COLUMNS, form, id_key="name", empty="No entry is on: mingus schedule list")


def show_checked(rows: Sequence[Mapping[str, Any]], source: str, form: Format) -> None:
    """The entries of a timetable without a fault."""
    output.rows(
        rows, CHECKED_COLUMNS, form, id_key="name", empty=EMPTY.format(source), drop=("timezone", "line")
    )
    if form is Format.TABLE:
        output.message(f"{source} is a good timetable: {len(rows)} entr{'y' if len(rows) == 1 else 'ies'}.")


def show_changes(changes: Changes, source: str, form: Format) -> None:
    """What a timetable changed."""
    if form is Format.JSON:
        output.value({"source": source, **asdict(changes)})
        return
    told = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
    output.lines(f"{word}\t{name}" for word, names in told.items() for name in names)
    if not changes.any:
        output.message(f"Nothing has changed: {changes.unchanged} entries of {source}.")


def show_switched(rows: Sequence[Mapping[str, Any]], form: Format) -> None:
    """Entries that were switched."""
    output.rows(rows, SWITCH_COLUMNS, form, id_key="name")
