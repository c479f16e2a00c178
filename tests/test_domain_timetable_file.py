"""schedules.toml: taken as a whole or refused, with file, line and the nearest name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain.timetable import CatchUp, Entry, Overlap, TaskFacts, Timetable
from mingus_lib.domain.timetable_file import LARGEST, parse
from mingus_lib.domain.timetable_values import READERS
from mingus_lib.errors import UsageError

QUEUES = ("recommendations", "cleanup")


def takes_a_limit(args: Mapping[str, Any]) -> None:
    if args.keys() - {"limit", "at"}:
        raise UsageError("recommend: unknown argument; allowed: limit")


KNOWN = {
    "recommend": TaskFacts("recommendations", 600, takes_a_limit),
    "ping": TaskFacts(None, 60, takes_a_limit),
}
GOOD = '[daily]\ntask = "recommend"\ncron = "0 2 * * *"\n'


def read(text: str) -> Timetable:
    return parse(text, KNOWN, queues=QUEUES, source="s.toml")


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(text)
    message = str(caught.value)
    assert message.isprintable() and len(message) < 300
    return message


def test_an_entry_with_everything() -> None:
    text = """
# The night's work.
[daily]
task = "recommend"
args = { limit = 20 }
cron = "0 2 * * MON-FRI"
timezone = "America/New_York"
queue = "recommendations"
enabled = false
catch_up = "all"
overlap = "allow"
jitter = "10m"
timeout = "5m"
description = "Before people wake."
"""
    assert read(text).entries == {
        "daily": Entry(
            name="daily",
            task="recommend",
            args={"limit": 20},
            cron="0 2 * * MON-FRI",
            timezone="America/New_York",
            queue="recommendations",
            enabled=False,
            catch_up=CatchUp.ALL,
            overlap=Overlap.ALLOW,
            jitter=timedelta(minutes=10),
            timeout=300,
            description="Before people wake.",
            line=3,
        )
    }


def test_a_description_may_have_emoji_and_hard_spaces() -> None:
    (entry,) = read(f'{GOOD}description = "At\u00a0night \U0001f469\u200d\U0001f4bb"').entries.values()
    assert entry.description == "At\u00a0night \U0001f469\u200d\U0001f4bb"


def test_what_is_left_out() -> None:
    text = '[a]\ntask = "recommend"\nevery = "6h"\n["b c"]\ntask="ping"\nqueue="cleanup"\ncron="@daily"\n'
    table = read(text)
    assert table.source == "s.toml"
    first, second = table.entries.values()
    assert first == Entry("a", "recommend", every=timedelta(hours=6), queue="recommendations", line=1)
    assert second == Entry("b c", "ping", cron="@daily", queue="cleanup", line=4)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing yet\n"])
def test_an_empty_file_is_an_empty_timetable(text: str) -> None:
    assert read(text).entries == {}


@pytest.mark.parametrize(
    ("written", "every"),
    [('"90s"', 90), ("300", 300), ('"1h30m"', 5400), ('"1 h 30 m"', 5400), ('"366d"', 366 * 86_400)],
)
def test_every(written: str, every: int) -> None:
    entry = read(f'[a]\ntask = "recommend"\nevery = {written}\n').entries["a"]
    assert entry.every == timedelta(seconds=every)


@pytest.mark.parametrize("jitter", ['"24h"', "86400", "0"])
def test_jitter_may_be_as_long_as_the_interval(jitter: str) -> None:
    assert read(f"{GOOD}jitter = {jitter}\n").entries["daily"].jitter in (timedelta(0), timedelta(days=1))


@pytest.mark.parametrize(
    ("cron", "longest"),
    [("*/5 * * * *", "5m"), ("0,50 3 * * *", "50m"), ("0 0 * * 1,2", "1d"), ("@yearly", "366d")],
)
def test_jitter_is_not_longer_than_the_shortest_interval(cron: str, longest: str) -> None:
    entry = f'[a]\ntask = "recommend"\ncron = "{cron}"\n'
    assert read(f'{entry}jitter = "{longest}"\n').entries
    if longest != "366d":
        assert f"two slots, {longest}" in refusal(f'{entry}jitter = "{longest}1s"\n')


BAD = [
    # The file.
    ("[", 1, "not valid TOML"),
    (GOOD + "x = ", 4, "not valid TOML"),
    (GOOD + 'task = "ping"', 4, "not valid TOML: Cannot overwrite a value"),
    (GOOD + "\n" + GOOD, 5, "[daily] is there twice, the first time in line 1"),
    (
        GOOD + "[daily.args]\nlimit = 1\n[daily.args]",
        6,
        "[daily.args] is there twice, the first time in line 4",
    ),
    ('["a\\nb"]\n["a\\nb"]', 2, "[a\\nb] is there twice"),
    ('task = "recommend"', 1, "entry 'task': not a table"),
    ("[[daily]]\ntask = 'recommend'", 1, "entry 'daily': not a table"),
    ("[-x]", 1, "entry '-x': a name is"),
    ('[""]', 1, "entry '': a name is"),
    ('[" x"]', 1, "entry ' x': a name is"),
    ('["a\\nb"]', 1, "entry 'a\\nb': a name is"),
    (f"[{'x' * 101}]", 1, "a name is"),
    # Keys and their values.
    (GOOD + "timezon = 'UTC'", 4, "unknown key 'timezon', did you mean \"timezone\"?"),
    (GOOD + "limit = 20", 4, "unknown key 'limit'; the keys are task, args"),
    (GOOD + "args.limi = 20", 4, "entry 'daily': recommend: unknown argument"),
    (GOOD + "[daily.args]\n\nlimi = 20", 4, "entry 'daily': recommend: unknown argument"),
    (GOOD + "args = [1]", 4, "must be a table"),
    (GOOD + "args.at = 2026-01-01", 4, "write dates and times in quotes"),
    (GOOD + "args.at = nan", 4, "only what JSON has"),
    (GOOD + "args.at = 9223372036854775808", 4, "only what JSON has"),
    (GOOD + f"args.at = {'[' * 30}{']' * 30}", 4, "at most 20 deep"),
    (GOOD + "enabled = 'yes'", 4, "must be true or false"),
    (GOOD + "enabled = 1", 4, "must be true or false"),
    (GOOD + "catch_up = 'lst'", 4, 'must be none, last or all, did you mean "last"?'),
    (GOOD + "overlap = ['skip']", 4, "must be skip or allow"),
    (GOOD + 'description = """\na\nb"""', 4, "must be a line of text"),
    (GOOD + "description = 5", 4, "must be a line of text"),
    (GOOD + "jitter = '25h'", 4, "longer than the shortest time between two slots, 1d"),
    (GOOD + "jitter = '-5m'", 4, "must be a time such as"),
    (GOOD + "jitter = 1.5", 4, "must be a time such as"),
    (GOOD + "timeout = '10m'", 4, "timeout must be less than 600 s"),
    (GOOD + "timeout = 0", 4, "must be 1s to 1d"),
    (GOOD + "timeout = true", 4, "must be a time such as"),
    (GOOD + "timezone = 'america/new_york'", 4, 'did you mean "America/New_York"?'),
    (GOOD + "timezone = 'America'", 4, "no time zone of that name"),
    (GOOD + "timezone = 'localtime'", 4, "no time zone of that name;"),
    (GOOD + "timezone = 'right/Europe/Paris'", 4, "no time zone of that name"),
    (GOOD + "timezone = '../../etc/passwd'", 4, "no time zone of that name"),
    (GOOD + "timezone = '/etc/localtime'", 4, "no time zone of that name"),
    (GOOD + f"timezone = '{'x' * 5000}'", 4, "no time zone of that name"),
    (GOOD.replace("0 2", "0 25"), 3, "cron = '0 25 * * *': hour '25' is wrong"),
    (GOOD.replace("0 2", "\\n0 2"), 3, "must be a line of text"),
    ("[a]\n# x\n\ntask = 'recommend'\nevery = '30s'", 5, "every = '30s': must be 1m to 366d"),
    ("[a]\ntask = 'recommend'\nevery = '367d'", 3, "must be 1m to 366d"),
    ("[a]\ntask = 'recommend'\nevery = '1w'", 3, "must be a time such as"),
    # What goes together.
    ("[a]", 1, "entry 'a': says no task; `mingus tasks` lists them"),
    ("[a]\ntask = 'recomend'\ncron = '@daily'", 2, "no task named 'recomend', did you mean \"recommend\"?"),
    ("[a]\ntask = 'recommend'", 1, "says neither cron nor every"),
    (GOOD + "every = '1h'", 4, "has both cron and every"),
    (GOOD + "queue = 'cleanups'", 4, "no queue named 'cleanups', did you mean \"cleanup\"?"),
    (GOOD + "queue = 'cleanup'", 4, "recommend runs on recommendations alone"),
    ("[a]\ntask = 'ping'\nevery = '1h'", 1, "ping runs on any queue; name one: recommendations, cleanup"),
]


@pytest.mark.parametrize(("text", "line", "part"), BAD, ids=[part[:40] for _, _, part in BAD])
def test_what_is_refused(text: str, line: int, part: str) -> None:
    message = refusal(text)
    assert message.startswith(f"s.toml:{line}: ")
    assert part in message


def test_one_fault_refuses_the_whole() -> None:
    refusal(GOOD + "[other]\ntask = 'recommend'\ncron = '0 2 * *'")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("#" * (LARGEST + 1), "larger than 1024 KiB"),
        (f"{GOOD}args.at = {'9' * 5000}", "a number that is too long"),
        (f"{GOOD}args.at = 0x{'f' * 5000}", "only what JSON has"),
        (f"{GOOD}args.at = {'[' * 100_000}", "nested too deeply"),
        (f"a{'.a' * 5000} = 1", "nested too deeply"),
        (f"{GOOD}args = [{chr(10).join(['1,'] * 100_000)}]", "must be a table"),
    ],
)
def test_hostile_files_are_refused_in_time(text: str, part: str) -> None:
    assert part in refusal(text)


pieces = st.sampled_from(
    [
        "[a]",
        "[b]",
        "[a.args]",
        "[[a]]",
        '["x y"]',
        "{ }",
        "[1, 2]",
        '"0 2 * * *"',
        '"6h"',
        '"recommend"',
        '"UTC"',
    ]
    + ["true", "0", "2026-01-01", "nan", '"""', "=", "\n", "\n", " ", "#", "."]
    + [f"\n{key} = " for key in READERS]
    + ['\ntask = "recommend"\n', '\ncron = "@daily"\n']
)


@given(st.lists(pieces, max_size=14).map("".join))
@settings(max_examples=400, deadline=None)
def test_any_text_is_taken_or_refused_in_one_line(text: str) -> None:
    try:
        table = read(text)
    except UsageError as error:
        assert str(error).startswith("s.toml:") and "\n" not in str(error)
    else:
        assert all(entry.queue in QUEUES and entry.line > 0 for entry in table.entries.values())
