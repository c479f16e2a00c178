"""What clean-up did, or would do: how much, why the rest stays, and the bytes that it freed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mingus_lib.view import facts, human, output
from mingus_lib.view.output import Column, Format, Kind

KEPT_COLUMNS = (
    Column("rule", "Kept by", Kind.ID),
    Column("articles", "Articles", Kind.NUMBER),
    Column("why", "Why"),
)
GOING_COLUMNS = (
    Column("id", "Id", Kind.ID),
    Column("added_at", "Arrived", Kind.TIME),
    Column("published_at", "Published"),
    Column("domain", "Host"),
    Column("title", "Title"),
)
PART_COLUMNS = (
    Column("what", "What", Kind.ID),
    Column("removed", "Removed", Kind.NUMBER),
    Column("bytes", "Bytes", Kind.BYTES),
    Column("left", "More left"),
)
TABLE_COLUMNS = (
    Column("table", "Table", Kind.ID),
    Column("rows", "Rows", Kind.NUMBER),
    Column("bytes", "Bytes", Kind.BYTES),
)

SALVAGED_COLUMNS = (
    Column("table", "Table", Kind.ID),
    Column("rows", "Rows", Kind.NUMBER),
    Column("damaged", "Damaged"),
)

FACT_COLUMNS = (
    Column("fact", "What", Kind.ID),
    Column("value", "How it is"),
)


def anything(plan: Mapping[str, Any]) -> bool:
    """Whether there is something to do."""
    return bool(plan["archived"] or plan["pages_deleted"] or plan["articles_deleted"])


def question(plan: Mapping[str, Any]) -> str:
    """What is asked before it is done."""
    parts = {
        "archive {:,} articles": plan["archived"],
        "delete {:,} old pages": plan["pages_deleted"],
        "delete {:,} archived articles for good": plan["articles_deleted"],
    }
    told = ", ".join(words.format(count) for words, count in parts.items() if count)
    return f"{told[:1].upper()}{told[1:]}?"


def show_articles(told: Mapping[str, Any], form: Format) -> None:
    """`cleanup articles`: on a terminal and in lines the rules with their counts, then what would go."""
    if form is Format.JSON:
        output.value(told)
        return
    # A script gets one kind of rows: two tables in one stream cannot be told apart.
    if told["dry_run"] and form is not Format.TABLE:
        output.rows(told["articles"], GOING_COLUMNS, form)
    else:
        output.rows(told["kept"], KEPT_COLUMNS, form, id_key="rule")
    if form is Format.TABLE and told.get("articles"):
        output.rows(told["articles"], GOING_COLUMNS, form, drop=("published_at", "domain"))
    output.message(_sentence(told))


def _sentence(told: Mapping[str, Any]) -> str:
    verb, end = ("would be ", "; nothing was done (--dry-run)") if told["dry_run"] else ("", "")
    kept = told["old"] - told["archived"]
    parts = [f"{told['archived']:,} of {told['old']:,} old articles {verb}archived, {kept:,} kept"]
    if told["pages_deleted"]:
        parts.append(f"{told['pages_deleted']:,} old pages {verb}deleted")
    if told["articles_deleted"]:
        parts.append(f"{told['articles_deleted']:,} archived articles {verb}deleted")
    if told["freed_bytes"]:
        parts.append(f"{human.size(told['freed_bytes'])} {verb}freed")
    return f"{', '.join(parts)}{end}."


def show_cache(told: Mapping[str, Any], form: Format) -> None:
    """`cleanup cache`: a line for each kind."""
    if form is Format.JSON:
        output.value(told)
        return
    output.rows(told["parts"], PART_COLUMNS, form, id_key="what")
    verb, end = ("would be ", "; nothing was done (--dry-run)") if told["dry_run"] else ("", "")
    output.message(f"{told['removed']:,} {verb}deleted, {human.size(told['freed_bytes'])} {verb}freed{end}.")


def show_database(told: Mapping[str, Any], form: Format) -> None:
    """`cleanup database`: what was made, removed and given back."""
    if form is Format.JSON:
        output.value(told)
        return
    backup = told["backup"]
    made = {
        "backup": "none (backup.daily and backup.weekly are 0)" if backup is None else backup["path"],
        "backup_bytes": None if backup is None else backup["size_bytes"],
        # A dry run has None for what only doing it would tell.
        **{name: told[name] for name in told if name not in ("backup", "dry_run") and told[name] is not None},
    }
    rows = [{"fact": name, "value": output.plain(value)} for name, value in made.items()]
    output.rows(rows, FACT_COLUMNS, form, id_key="fact")
    if told["dry_run"]:
        output.message("Nothing was done (--dry-run).")


def show_sizes(told: Mapping[str, Any], form: Format) -> None:
    """`db stats`: the tables, and on a terminal the file."""
    if form is Format.JSON:
        output.value(told)
        return
    output.rows(told["tables"], TABLE_COLUMNS, form, id_key="table")
    sizes = ", ".join(f"{human.size(told[f'{name}_bytes'])} {name}" for name in ("file", "log", "free"))
    output.message(f"{told['path']}: schema {told['schema']}, {sizes}.")


def show_checked(told: Mapping[str, Any], form: Format) -> None:
    """What a check of the store saw; the documented shape of `db check --json`."""
    if form is Format.JSON:
        output.value(told)
        return
    # Scripts compare bytes; words for sizes are for eyes.
    sizes = {"size", "free"} if form is Format.TABLE else set()
    seen = told["facts"].items()
    facts.show([(name, human.size(int(value)) if name in sizes else value) for name, value in seen], form)


def show_restored(told: Mapping[str, Any], form: Format) -> None:
    """`db restore`: where everything is now, and what becomes of jobs."""
    if form is Format.JSON:
        output.value(told)
        return
    output.lines([told["path"]])
    old = f"The old store is kept as {told['kept_aside']}. " if told["kept_aside"] else ""
    output.message(
        f"{old}{told['articles']:,} articles restored. {told['open_jobs']:,} jobs were open in the backup: a worker's "
        "keeper queues those again that Redis does not have."
    )
    if told["waiting_in_redis"]:
        output.message(
            f"{told['waiting_in_redis']:,} jobs wait in Redis; those made after the backup enter the ledger when a "
            "worker takes them. To have none of them: mingus purge"
        )
    if told["redis"] == "of another store":
        output.message("Redis belongs to another store: use another Redis database, or empty this one.")


def show_salvaged(told: Mapping[str, Any], form: Format) -> None:
    """`db salvage`: the rows of each table, and which of them were damaged."""
    if form is Format.JSON:
        output.value(told)
        return
    output.rows(told["tables"], SALVAGED_COLUMNS, form, id_key="table")
    damaged = ", ".join(told["damaged"]) or "no table"
    output.message(
        f"{told['rows']:,} rows are in {told['path']}; damaged: {damaged}. "
        f"Look at it, then: mingus db restore {told['path']}"
    )
