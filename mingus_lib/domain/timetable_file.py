"""schedules.toml, read and checked as a whole. Pure: text in, entries out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from mingus_lib.domain import tomltext
from mingus_lib.domain.timetable import Entry, TaskFacts, Timetable, slots
from mingus_lib.domain.timetable_values import LONGEST_EVERY, READERS, spoken
from mingus_lib.domain.words import nearest
from mingus_lib.errors import UsageError

LARGEST = 1024 * 1024
LONGEST_NAME = 100


class _Fault(Exception):
    """What is wrong with an entry, and the key that says so ("" for the entry as a whole)."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def parse(text: str, known: Mapping[str, TaskFacts], *, queues: Sequence[str], source: str) -> Timetable:
    """The timetable that the text describes; an empty text is an empty one.

    `known` are the tasks by name, `queues` the names of all queues, `source` the file's name for messages.
    Raises UsageError, `source:line: entry 'x': what is wrong`, for the first fault; nothing is taken from a
    file that has one.
    """
    # Before it is parsed: the lines of keys are found by parsing each statement again.
    if len(text) > LARGEST:
        raise UsageError(f"{source}: larger than {LARGEST // 1024} KiB; that is no timetable")
    tables, lines = tomltext.read(text, source)
    entries: dict[str, Entry] = {}
    begins: dict[str, int] = {}
    for key, line in lines.items():
        begins.setdefault(key[0], line)
    for name, table in tables.items():
        try:
            entries[name] = _checked(_entry(name, table, begins[name]), known, queues)
        except _Fault as fault:
            under = (line for key, line in lines.items() if key[:2] == (name, fault.key))
            line = next(under, begins[name])
            raise UsageError(f"{source}:{line}: entry {_brief(name)}: {fault}") from fault
    return Timetable(entries, source)


def _entry(name: str, table: object, line: int) -> Entry:
    """The entry with each value read by itself."""
    if not isinstance(table, dict):
        raise _Fault("", "not a table; an entry begins with its name in a line like [daily-report]")
    # A name with - first could not be given to a command, which would take it for an option.
    if not name.isprintable() or name != name.strip() or not 0 < len(name) <= LONGEST_NAME or name[0] == "-":
        raise _Fault("", f"a name is 1 to {LONGEST_NAME} printable characters, not a space or - first")
    return Entry(name=name, line=line, **{key: _value(key, raw) for key, raw in table.items()})


def _value(key: str, raw: Any) -> Any:
    if key not in READERS:
        raise _Fault(
            key, f"unknown key {_brief(key)}{nearest(key, READERS)}; the keys are {', '.join(READERS)}"
        )
    try:
        return READERS[key](raw)
    except ValueError as error:
        raise _Fault(key, f"{key} = {_brief(raw)}: {error}") from error


def _checked(entry: Entry, known: Mapping[str, TaskFacts], queues: Sequence[str]) -> Entry:
    """The entry with its queue, when its values go together and with its task."""
    facts = known.get(entry.task)
    if facts is None:
        what = (
            f"no task named {_brief(entry.task)}{nearest(entry.task, known)}"
            if entry.task
            else "says no task"
        )
        raise _Fault("task", f"{what}; `mingus tasks` lists them")
    if (entry.cron is None) == (entry.every is None):
        raise _Fault(
            "every", "has both cron and every; keep one" if entry.cron else "says neither cron nor every"
        )
    if entry.jitter and entry.jitter > (shortest := _shortest(entry)):
        raise _Fault(
            "jitter", f"jitter is longer than the shortest time between two slots, {spoken(shortest)}"
        )
    if entry.timeout and entry.timeout >= facts.hard:
        raise _Fault("timeout", f"timeout must be less than {facts.hard} s, when {entry.task} is killed")
    try:
        facts.check(entry.args)
    except UsageError as error:
        raise _Fault("args", str(error)) from error
    return replace(entry, queue=_queue(entry, facts, queues))


def _queue(entry: Entry, facts: TaskFacts, queues: Sequence[str]) -> str:
    queue = entry.queue or facts.queue
    if queue is None:
        raise _Fault("queue", f"{entry.task} runs on any queue; name one: {', '.join(queues)}")
    if queue not in queues:
        raise _Fault(
            "queue", f"no queue named {_brief(queue)}{nearest(queue, queues)}; they are {', '.join(queues)}"
        )
    if facts.queue not in (None, queue):
        raise _Fault("queue", f"{entry.task} runs on {facts.queue} alone; leave queue out")
    return queue


def _shortest(entry: Entry) -> timedelta:
    """The shortest time between two slots of a year, or of the most that a day can have; in UTC."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    # In UTC: a change of the clock would make one night shorter than all others.
    year = slots(replace(entry, timezone="UTC"), start, start + LONGEST_EVERY, limit=24 * 60 + 1)
    return entry.every or min((later - slot for slot, later in pairwise(year)), default=LONGEST_EVERY)


def _brief(raw: object) -> str:
    """A value as an error may show it: one short line."""
    try:
        shown = repr(raw)
    except (ValueError, RecursionError):  # a number of thousands of digits, tables in tables in tables
        shown = "..."
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
