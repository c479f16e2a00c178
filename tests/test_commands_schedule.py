"""`mingus schedule` and `mingus scheduler`, as typed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mingus_lib.queues import embedded
from mingus_lib.store.database import Store
from tests.conftest import CommandLine, wait_for

NIGHTLY = """
[nightly]
task = "ping"
queue = "cleanup"
args = { token = "night" }
cron = "30 2 * * *"
timezone = "America/New_York"
description = "At night."

[often]
task = "ping"
queue = "analytics"
every = "6h"
enabled = false
"""


@pytest.fixture
def timetable(home: Path) -> Path:
    home.mkdir()
    file = home / "schedules.toml"
    file.write_text(NIGHTLY)
    return file


def test_list_has_the_documented_shape(mingus: CommandLine, timetable: Path) -> None:
    shown = mingus("schedule", "list", "--json")
    nightly, often = shown.json
    assert (nightly["name"], nightly["enabled"], nightly["last"], nightly["missed_in_7_days"]) == (
        "nightly", True, None, 0,
    )  # fmt: skip
    assert len(nightly["next"]) == len(nightly["next_local"]) == 3
    assert nightly["next"][0].endswith("+00:00")
    assert nightly["next_local"][0][10:16] == "T02:30"
    assert (often["enabled"], often["next"], often["when"]) == (False, [], "every 6h")
    assert mingus("schedule", "list", "-q").out.split() == ["nightly", "often"]
    assert mingus("schedule", "list").out.splitlines()[0].split("\t")[:3] == ["nightly", "on", "30 2 * * *"]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "UTC", ":/nowhere"])
def test_the_zone_of_the_process_plays_no_part(mingus: CommandLine, timetable: Path, zone: str) -> None:
    slots = [row["slot"] for row in mingus("schedule", "next", "-n", "30", "--json", TZ=zone).json]
    at = {slot[11:16] for slot in slots}
    assert len(slots) == 30
    assert at <= {"06:30", "07:30"}
    assert sorted(slots) == slots


def test_enable_and_disable_outlive_the_process_and_the_file(mingus: CommandLine, timetable: Path) -> None:
    assert mingus("schedule", "disable", "nightly", "--json").json == [
        {"name": "nightly", "enabled": False, "changed": True}
    ]
    assert not mingus("schedule", "disable", "nightly", "--json").json[0]["changed"]
    mingus("schedule", "enable", "often")
    timetable.write_text(NIGHTLY + "# edited\n")
    assert mingus("schedule", "sync").code == 0
    rows = {row["name"]: row for row in mingus("schedule", "list", "--json").json}
    assert {name: row["enabled"] for name, row in rows.items()} == {"nightly": False, "often": True}
    assert all(row["switched_by_hand"] for row in rows.values())
    assert {row["name"] for row in mingus("schedule", "next", "--json").json} == {"often"}
    told = mingus("schedule", "reset", "nightly", "often", "--json").json
    assert [(row["enabled"], row["changed"]) for row in told] == [(True, True), (False, True)]
    assert not mingus("schedule", "list", "--json").json[0]["switched_by_hand"]


def test_run_makes_one_job_marked_as_run_by_hand(mingus: CommandLine, timetable: Path) -> None:
    job_id = mingus("schedule", "run", "nightly", "-q").out.strip()
    assert mingus("worker", "--burst").code == 0
    job = mingus("job", job_id, "--json").json
    assert (job["origin"], job["result"], job["state"]) == ("schedule:nightly:manual", "night", "finished")
    last = mingus("schedule", "list", "--json").json[0]["last"]
    assert (last["manual"], last["job_id"], last["state"]) == (True, job_id, "finished")


def test_sync_tells_what_changed(mingus: CommandLine, timetable: Path) -> None:
    assert mingus("schedule", "sync").out.splitlines() == ["added\tnightly", "added\toften"]
    timetable.write_text(NIGHTLY.replace("30 2", "45 2").replace("[often]", "[seldom]"))
    told = mingus("schedule", "sync", "--json").json
    assert (told["added"], told["changed"], told["removed"]) == (["seldom"], ["nightly"], ["often"])
    assert "Nothing has changed" in mingus("schedule", "sync").err


BAD = {
    "an unknown task": ('task = "ping"', 'task = "pong"', 'did you mean "ping"'),
    "a bad cron": ('"30 2 * * *"', '"30 25 * * *"', "30 25 * * *"),
    "an unknown zone": ("America/New_York", "America/New_Yrok", "New_York"),
    "wrong arguments": ('token = "night"', 'tokn = "night"', "tokn"),
    "an unknown key": ("timezone", "timezoen", "timezone"),
    "two of one name": ("[often]", "[nightly]", "nightly"),
    "an unknown queue": ('queue = "cleanup"', 'queue = "clean-up"', "cleanup"),
    "no TOML at all": ("[nightly]", "[nightly", "line"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_one_line_with_its_place_and_the_whole_file_is_refused(
    mingus: CommandLine, timetable: Path, fault: str
) -> None:
    old, new, told = BAD[fault]
    timetable.write_text(NIGHTLY.replace(old, new, 1))
    shown = mingus("schedule", "check", str(timetable))
    assert (shown.code, shown.out, shown.err.count("\n")) == (2, "", 1)
    assert f"{timetable}:" in shown.err
    assert told in shown.err


def test_nothing_works_with_a_timetable_that_has_a_fault(mingus: CommandLine, timetable: Path) -> None:
    timetable.write_text(NIGHTLY.replace("cron", "corn"))
    for arguments in ("schedule sync", "schedule list", "schedule run often", "scheduler", "up"):
        shown = mingus(*arguments.split())
        assert (shown.code, shown.out, shown.err.count("\n")) == (2, "", 1)
        assert f"{timetable}:" in shown.err
    assert not (timetable.parent / "redis").exists()


def test_what_is_not_there_is_named(mingus: CommandLine, timetable: Path, tmp_path: Path) -> None:
    unknown = mingus("schedule", "run", "nihgtly")
    assert (unknown.code, 'did you mean "nightly"?' in unknown.err) == (4, True)
    assert mingus("schedule", "enable", "nightly", "x").code == 4
    assert mingus("schedule", "list", "--json").json[0]["switched_by_hand"] is False
    gone = mingus("schedule", "check", str(tmp_path / "none.toml"))
    assert (gone.code, "there is no timetable" in gone.err) == (2, True)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert mingus("schedule", "check", str(tmp_path / "binary")).code == 2
    assert mingus("schedule", "check", str(tmp_path)).code == 2
    assert "larger than" in mingus("schedule", "check", "/dev/zero").err
    assert mingus("schedule", "next", "-n", "0").code == 2


def test_an_empty_timetable_is_a_good_one(mingus: CommandLine, timetable: Path) -> None:
    timetable.write_text("")
    assert mingus("schedule", "check").code == 0
    assert mingus("schedule", "next", "--json").json == []
    assert "has no entry" in mingus("schedule", "list").err


def test_the_shipped_timetable_is_good_and_is_used_where_there_is_no_other(mingus: CommandLine) -> None:
    names = mingus("schedule", "check", "-q")
    assert (names.code, "sweep" in names.out.split()) == (0, True)


@contextmanager
def scheduler(mingus: CommandLine, *arguments: str) -> Iterator[int]:
    process = mingus.start(*(arguments or ("scheduler",)), MINGUS_LOG_LEVEL="debug")
    try:
        wait_for(lambda: leader(mingus) or process.poll() is not None, "a leader")
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0


def leader(mingus: CommandLine) -> str | None:
    name: str | None = mingus("status", "--json").json["scheduler"]["name"]
    return name


def names_known(home: Path) -> set[str]:
    with Store.open(home / "mingus.db") as store:
        return {row[0] for row in store.rows("SELECT name FROM schedule_entries WHERE active")}


def test_the_scheduler_leads_follows_the_file_and_survives_its_redis(
    mingus: CommandLine, timetable: Path, home: Path
) -> None:
    with scheduler(mingus, "beat") as pid:
        seen = mingus("status", "--json").json
        assert seen["scheduler"]["state"] == "leading"
        assert seen["scheduler"]["name"].endswith(f"-{pid}")
        assert [slot["name"] for slot in seen["schedule"]] == ["nightly"]
        timetable.write_text(NIGHTLY + '[third]\ntask = "ping"\nqueue = "cleanup"\nevery = "1h"\n')
        os.kill(pid, signal.SIGHUP)
        wait_for(lambda: "third" in names_known(home), "the new entry")
        os.kill(int((home / "redis" / "redis.pid").read_text()), signal.SIGKILL)
        wait_for(lambda: not embedded.answers(home), "the end of Redis")
        wait_for(lambda: embedded.answers(home), "Redis, started again")
        wait_for(lambda: leader(mingus), "a leader again")
    assert leader(mingus) is None


def test_the_scheduler_runs_in_the_background(mingus: CommandLine, timetable: Path, home: Path) -> None:
    started = mingus("scheduler", "--background")
    pid = int(started.out)
    try:
        assert started.code == 0
        wait_for(lambda: leader(mingus), "a leader")
        assert "this scheduler leads" in (home / "scheduler.log").read_text()
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: leader(mingus) is None, "its end")


def test_none_is_left_in_the_background_that_nobody_knows_of(
    mingus: CommandLine, timetable: Path, home: Path
) -> None:
    started = mingus("scheduler", "--background", MINGUS_REDIS_URL="redis://127.0.0.1:1/0")
    assert (started.code, started.out, started.err.count("\n")) == (69, "", 1)
    assert not (home / "scheduler.log").exists()


def test_up_schedules_too(mingus: CommandLine, home: Path) -> None:
    home.mkdir()
    (home / "schedules.toml").write_text('[now]\ntask = "ping"\nqueue = "cleanup"\ncron = "* * * * *"\n')
    with scheduler(mingus, "up", "--concurrency", "1"):
        assert leader(mingus)
        assert mingus("schedule", "run", "now", "--wait").code == 0
        assert [slot["name"] for slot in mingus("status", "--json").json["schedule"]] == ["now"]
