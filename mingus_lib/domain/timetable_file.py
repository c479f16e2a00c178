"""schedules.toml, read and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mingus_lib.domain.timetable import TaskFacts, Timetable


def parse(text: str, known: Mapping[str, TaskFacts], *, queues: Sequence[str], source: str) -> Timetable:
    """The timetable that the text describes; an empty text is an empty one.

    `known` are the tasks by name, `queues` the names of all queues, `source` the file's name for messages.
    Raises UsageError, `source:line: entry 'x': what is wrong`, for the first fault; nothing is taken from a
    file that has one.
    """
    raise NotImplementedError
