"""What `add`, `reprocess` and `enqueue` say when they are done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from mingus_lib.domain.jobs import JobRun
from mingus_lib.domain.models import ItemOutcome
from mingus_lib.view import human, output
from mingus_lib.view.output import Column, Format, Kind

OUTCOME_COLUMNS = (
    Column("outcome", "Outcome", Kind.STATE),
    Column("article_id", "Article", Kind.ID),
    Column("url", "Address"),
    Column("reason", "Reason"),
)
JOB_COLUMNS = (
    Column("id", "Job", Kind.ID),
    Column("state", "State", Kind.STATE),
    Column("task", "Task"),
    Column("result", "Result"),
    Column("reason", "Reason"),
)

# So many elements of a result's list are told; `--json` has all.
FIRST = 5
EMPTY = (None, "")
JOB_KEYS = ("id", "task", "queue", "state", "attempts", "result", "reason")


def show_added(receipt: Mapping[str, Any], form: Format) -> None:
    """The jobs that took the addresses; `receipt` is the documented shape of `add --json`."""
    jobs = receipt["jobs"]
    if form is Format.JSON:
        output.value(receipt)
        return
    output.lines(job["id"] for job in jobs)
    if form is Format.TABLE:
        again = f", {receipt['repeated']} given twice" if receipt["repeated"] else ""
        output.message(
            f"{_count(receipt['addresses'], 'address', 'addresses')} in {_count(len(jobs), 'job')}{again}."
        )
        output.message(f"{_start(receipt)} See: mingus status, mingus job ID")
    # In a log as well: it tells why nothing happens for now.
    elif form is not Format.IDS and (receipt["paused"] or any(job["starts_at"] for job in jobs)):
        output.message(_start(receipt))


def _start(receipt: Mapping[str, Any]) -> str:
    """When the jobs start."""
    later = [job["starts_at"] for job in receipt["jobs"] if job["starts_at"]]
    if receipt["paused"]:
        return "Their queue is paused; they start after: mingus resume --all."
    if not later:
        return "Workers take them now, if some run (mingus up)."
    first, last = human.moment(later[0]), human.moment(later[-1])
    until = f", the last one at {last}" if len(later) > 1 else ""
    who = f"{len(later)} of them start" if len(later) < len(receipt["jobs"]) else "They start"
    return f"The task is limited to so many starts in a time: {who} from {first} UTC{until}."


def show_outcomes(
    receipt: Mapping[str, Any], outcomes: Sequence[ItemOutcome], jobs: Sequence[JobRun], form: Format
) -> None:
    """What became of every address."""
    found = [item.as_json() for item in outcomes]
    if form is Format.JSON:
        states = [{"id": job.id, "state": job.state.value, "reason": job.reason} for job in jobs]
        output.value({**receipt, "outcomes": found, "states": states})
        return
    # What failed has no article, and the ids are those of articles.
    ids = [row for row in found if row["article_id"]] if form is Format.IDS else found
    output.rows(ids, OUTCOME_COLUMNS, form, id_key="article_id")
    if form is Format.TABLE:
        output.message(tally(outcomes))


def tally(outcomes: Sequence[ItemOutcome]) -> str:
    """`3 added, 2 duplicate, 1 failed.`"""
    counts = Counter(item.outcome.value for item in outcomes)
    return (", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) or "nothing") + "."


def show_ids(ids: Sequence[str], form: Format) -> None:
    """The ids of jobs that were enqueued."""
    if form is Format.JSON:
        output.value({"jobs": [{"id": job_id} for job_id in ids]})
        return
    output.lines(ids)
    if form is Format.TABLE:
        many = f"{_count(len(ids), 'job')} enqueued. See: mingus job ID"
        output.message(many if ids else "There is nothing to do: no job was enqueued.")


def show_dry_run(ids: Sequence[int], form: Format) -> None:
    """The articles that a command would take."""
    if form is Format.JSON:
        output.value({"article_ids": list(ids), "dry_run": True})
        return
    output.lines(map(str, ids))
    if form is Format.TABLE:
        output.message(f"{_count(len(ids), 'article')} would be taken; nothing was done.")


def show_jobs(jobs: Sequence[JobRun], form: Format) -> None:
    """How jobs ended; the documented shape of `enqueue --wait --json`."""
    found = [{key: getattr(job, key) for key in JOB_KEYS} for job in jobs]
    if form is Format.JSON:
        output.value({"jobs": found})
        return
    if form is Format.TABLE:
        # Scripts keep the JSON of a result, whole.
        found = [{**each, "result": in_words(each["result"])} for each in found]
    output.rows(found, JOB_COLUMNS, form)


def in_words(result: Any) -> Any:
    """A job's result as `readers 4, lists 4`; of a list the first few. What is neither stays as it is."""
    if isinstance(result, Mapping):
        told = {name.replace("_", " "): in_words(value) for name, value in result.items()}
        # Nought says something; an empty list says no more than its absence.
        return ", ".join(
            f"{name} {output.plain(value)}" for name, value in told.items() if value not in EMPTY
        )
    if not isinstance(result, list):
        return result
    between = "; " if any(isinstance(each, Mapping) for each in result) else " "
    more = f"{between}and {len(result) - FIRST} more" if len(result) > FIRST else ""
    return between.join(output.plain(in_words(each)) for each in result[:FIRST]) + more


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
