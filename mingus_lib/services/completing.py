"""Words for the shell's completion: quick, from files alone, and silent about whatever is wrong."""

from __future__ import annotations

from mingus_lib.domain.jobs import JobState
from mingus_lib.errors import MingusError
from mingus_lib.queues import catalog
from mingus_lib.settings import load
from mingus_lib.store.summary import read_job_ids

SHOWN = 40
# A person waits with a finger on the Tab key: rather no words than late ones.
BUSY_SECONDS = 0.2

Words = list[tuple[str, str]]


def queues(beginning: str) -> Words:
    """Queues that begin so, each with a word of help."""
    return [(name, "queue") for name in catalog.QUEUES if name.startswith(beginning)]


def states(beginning: str) -> Words:
    """States of jobs."""
    return [(state.value, "state") for state in JobState if state.value.startswith(beginning)]


def tasks(beginning: str) -> Words:
    """Tasks, each with what it does."""
    return [(task.name, task.summary) for task in catalog.load().values() if task.name.startswith(beginning)]


def breakers(beginning: str) -> Words:
    """Circuit breakers by name: those of what tasks need."""
    return [(name, "breaker") for name in sorted(catalog.dependencies()) if name.startswith(beginning)]


def entries(beginning: str, *, home: str | None = None, config: str | None = None) -> Words:
    """Entries of the timetable's file, each with its task; none of a file with a fault."""
    from mingus_lib.services import timetables

    try:
        found = timetables.read(timetables.locate(load({"home": home}, config=config))).entries
    except MingusError:
        return []
    return [(name, entry.task) for name, entry in found.items() if name.startswith(beginning)]


def keys(beginning: str, *, home: str | None = None, config: str | None = None) -> Words:
    """Valid keys by name, each with its id."""
    from mingus_lib.queues.keyring import KeyRing

    try:
        found = KeyRing(load({"home": home}, config=config).home / "keys.json").keys.values()
    except MingusError:
        return []
    return [(key.name, key.id) for key in found if not key.revoked_at and key.name.startswith(beginning)]


def job_ids(beginning: str, *, home: str | None = None, config: str | None = None) -> Words:
    """Jobs whose ids begin so, each with its state and task; the newest when nothing is typed. Redis is not asked."""
    try:
        path = load({"home": home}, config=config).store_path
        found = read_job_ids(path, beginning, limit=SHOWN, busy_timeout=BUSY_SECONDS)
    except MingusError:
        # A message would be printed into the middle of the line that is being typed.
        return []
    return [(job_id, f"{state} {task}") for job_id, state, task in found]
