"""The examples of docs/timetable.md: each is read, and its next slots or its refusal are as stated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from mingus_lib.domain import timetable, timetable_file
from mingus_lib.domain.timetable import Entry, TaskFacts, Timetable
from mingus_lib.domain.timetable_values import READERS
from mingus_lib.errors import UsageError
from mingus_lib.queues import catalog
from tests.test_docs import BLOCK, ROOT

PAGE = ROOT / "docs/timetable.md"
# Each block of toml with the block after it.
EXAMPLES = re.findall(r"^```toml\n(.*?)^```\n\n```text\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)


def read(text: str) -> Timetable:
    tasks = {name: TaskFacts(task.queue, task.hard, task.validate) for name, task in catalog.load().items()}
    return timetable_file.parse(text, tasks, queues=catalog.QUEUES, source="schedules.toml")


def line(entry: Entry, slot: datetime) -> list[str]:
    local = slot.astimezone(ZoneInfo(entry.timezone))
    return [entry.name, slot.strftime("%Y-%m-%dT%H:%MZ"), *local.strftime("%a %H:%M %Z").split()]


def test_every_example_has_its_result() -> None:
    written = [text for language, text in BLOCK.findall(PAGE.read_text("utf-8")) if language == "toml"]
    assert [toml for toml, _ in EXAMPLES] == written
    assert len(written) > 3


@pytest.mark.parametrize(("toml", "shown"), EXAMPLES)
def test_the_slots_are_as_shown(toml: str, shown: str) -> None:
    first, *rest = shown.splitlines()
    if not first.startswith("after "):
        with pytest.raises(UsageError, match=re.escape(first)):
            read(toml)
        return
    entries, start = read(toml).entries, datetime.fromisoformat(first.removeprefix("after "))
    expected: Mapping[str, list[list[str]]] = {name: [] for name in entries}
    for words in map(str.split, rest):
        expected[words[0]].append(words)
    for name, lines in expected.items():
        found = timetable.slots(entries[name], start, timetable.FOREVER, limit=len(lines))
        assert lines and lines == [line(entries[name], slot) for slot in found]


def test_every_key_is_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", PAGE.read_text("utf-8"), re.M)
    assert rows == list(READERS)


def test_the_shipped_timetable_is_good() -> None:
    read((ROOT / "schedules.toml").read_text("utf-8"))
