"""Checks as a table: what, how it is, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mingus_lib.view import output
from mingus_lib.view.output import Column, Format, Kind

COLUMNS = (
    Column("check", "Check", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("detail", "What was found"),
    Column("fix", "What to do"),
)


def show_health(seen: Mapping[str, Any], form: Format) -> None:
    """`mingus health`: its documented object, or a line a check; `-q` prints what has failed."""
    if form is Format.JSON:
        output.value(seen)
        return
    show(seen["checks"], form)
    if form is Format.TABLE:
        output.message("Healthy." if seen["healthy"] else "Not healthy.")


def show(found: Sequence[Mapping[str, Any]], form: Format) -> None:
    """A line a check; `-q` prints the names of those that have failed."""
    # Ids are for acting on: what is well needs nothing.
    failed = [row for row in found if row["state"] == "fail"]
    output.rows(failed if form is Format.IDS else found, COLUMNS, form, id_key="check")


def verdict(found: Sequence[Mapping[str, Any]]) -> str:
    """`12 ok, 1 warn, 1 fail.`"""
    counts = Counter(row["state"] for row in found)
    return ", ".join(f"{counts[state]} {state}" for state in ("ok", "warn", "fail") if counts[state]) + "."
