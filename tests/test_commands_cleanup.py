"""Clean-up by hand and by job, backups and restores, and the way out of a damaged store, as an operator does it."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from tests.conftest import CommandLine, wait_for, workers_in
from tests.store_samples import draft, prose

LONG_AGO = datetime.now(UTC) - timedelta(days=400)


def fill(home: Path, count: int = 8) -> None:
    with Store.open(home / "mingus.db") as store:
        for number in range(count):
            page = draft(f"https://e.org/{number}", prose(f"w{number}x"), fetched_at=LONG_AGO)
            Articles(store).record(page, job_id="j", position=number, now=LONG_AGO)


def status_of(home: Path) -> dict[str, int]:
    with Store.open(home / "mingus.db") as store:
        return {status.value: count for status, count in Articles(store).counts().items() if count}


def test_articles_are_archived_by_hand(mingus: CommandLine, home: Path) -> None:
    fill(home)
    assert mingus("articles", "keep", "1", "--note", "timeless").out == "1\n"
    planned = mingus("cleanup", "articles", "--dry-run", "--limit", "2", "--json").json
    assert (planned["old"], planned["archived"], planned["dry_run"]) == (8, 7, True)
    assert [each["id"] for each in planned["articles"]] == [2, 3]
    refused = mingus("cleanup", "articles")
    assert (refused.code, status_of(home)) == (5, {"published": 8})
    assert "Archive 7 articles" in refused.err
    lines = mingus("cleanup", "articles", "--yes")
    assert lines.code == 0
    assert "keep_mark\t1\t" in lines.out
    assert "7 of 8 old articles archived, 1 kept." in lines.err
    assert status_of(home) == {"archived": 7, "published": 1}
    assert mingus("cleanup", "articles", "--json").json["archived"] == 0


@pytest.mark.parametrize("days", ["0", "36501", "x"])
def test_days_that_cannot_be(mingus: CommandLine, days: str) -> None:
    assert mingus("cleanup", "articles", "--days-old", days).code == 2


def test_the_cache_is_emptied_as_the_dry_run_says(mingus: CommandLine, home: Path) -> None:
    fill(home)
    logs = home / "logs"
    logs.mkdir()
    for name in ("mingus.log", "mingus.log.1", "mingus.log.x", "other.log.1"):
        (logs / name).write_text("old")
        os.utime(logs / name, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))
    (logs / "mingus.log.2").symlink_to(logs / "other.log.1")
    mingus.env["MINGUS_LOG_FILE"] = str(logs / "mingus.log")
    planned = mingus("cleanup", "cache", "--dry-run", "--json").json
    assert mingus("cleanup", "cache").code == 5
    done = mingus("cleanup", "cache", "--yes", "--json").json
    assert {**planned, "dry_run": False} == done
    removed = {each["what"]: each["removed"] for each in done["parts"] if each["removed"]}
    assert removed == {"old_logs": 1, "raw_pages": 8, "article_outcomes": 8}
    there = sorted(each.name for each in logs.iterdir() if not each.name.endswith(".lock"))
    assert there == ["mingus.log", "mingus.log.2", "mingus.log.x", "other.log.1"]


def test_a_backup_in_the_place_of_a_living_library(mingus: CommandLine, home: Path, tmp_path: Path) -> None:
    fill(home)
    copy = tmp_path / "copy.db"
    assert mingus("db", "backup", str(copy), "--json").json["size_bytes"] == copy.stat().st_size
    worker = mingus.start("worker", "--loglevel", "error")
    try:
        (name,) = wait_for(lambda: workers_in(home), "a worker")
        mingus("articles", "archive", "1")
        refused = mingus("db", "restore", str(copy))
        assert refused.code == 5
        assert name in refused.err
        assert "newer" in refused.err
        assert list(home.glob("*restoring*")) == []
        done = mingus("db", "restore", str(copy), "--yes", "--json").json
        assert (done["articles"], done["redis"]) == (8, "stamped")
        assert Path(done["kept_aside"]).stat().st_size > 0
        # The worker had the old store open, and goes on in this one.
        assert mingus("enqueue", "ping", "--queue", "cleanup", "--wait").code == 0
        assert status_of(home) == {"published": 8}
        with Store.open(home / "mingus.db") as store:
            assert store.value("SELECT count(*) FROM job_runs WHERE state = 'finished'") == 1
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=30)


def test_doctor_leads_out_of_a_damaged_store(mingus: CommandLine, home: Path) -> None:
    fill(home, 60)
    assert mingus("cleanup", "database", "--yes").code == 0
    spoil(home / "mingus.db")
    seen = {
        each["check"]: each
        for each in mingus("doctor", "--json").json
        if each["check"] in ("store", "backup")
    }
    assert seen["backup"]["state"] == "ok"
    assert seen["store"]["state"] == "fail"
    told, _, command = seen["store"]["fix"].partition(": mingus ")
    assert told == "stop the workers, then"
    # The job says the same, and removes no backup.
    failed = mingus("cleanup", "database", "--yes")
    assert (failed.code, command in failed.err) == (1, True)
    assert mingus(*shlex.split(command)).code == 0
    again = {each["check"]: each["state"] for each in mingus("doctor", "--json").json}
    assert again["store"] == "ok"
    assert status_of(home) == {"published": 60}


def test_doctor_leads_out_without_a_backup_too(mingus: CommandLine, home: Path) -> None:
    fill(home, 60)
    spoil(home / "mingus.db")
    (fix,) = {each["fix"] for each in mingus("doctor", "--json").json if each["check"] == "store"}
    assert fix == "stop the workers, then: mingus db salvage salvaged.db, and mingus db restore salvaged.db"
    new = str(home / "salvaged.db")
    salvaged = mingus("db", "salvage", new, "--json").json
    assert salvaged["damaged"] == ["article_texts"]
    assert mingus("db", "restore", new).code == 0
    assert mingus("db", "check").code == 0
    assert status_of(home) == {"published": 60}


def spoil(path: Path) -> None:
    """Overwrite a page in the middle of the texts, as a bad sector does."""
    with closing(sqlite3.connect(path)) as found:
        sql = "SELECT pageno FROM dbstat WHERE name = 'article_texts' AND pagetype = 'leaf' ORDER BY path"
        pages = [row[0] for row in found.execute(sql)]
    with path.open("r+b") as file:
        file.seek((pages[len(pages) // 2] - 1) * 4096)
        file.write(b"\xff" * 4096)


def test_a_store_and_a_folder_that_may_not_be_written(
    mingus: CommandLine, home: Path, tmp_path: Path
) -> None:
    """/proc stands in for a read-only disk: root may write everywhere else."""
    fill(home)
    shown = mingus("db", "backup", "/proc/copy.db")
    assert shown.code == 75
    assert len(shown.err.splitlines()) == 1
    kept = mingus("cleanup", "database", "--yes", MINGUS_BACKUP_FOLDER="/proc/backups")
    assert kept.code == 75
    assert "no backup was made, the rest was done" in kept.err
    (tmp_path / "file").touch()
    assert mingus("cleanup", "database", "--yes", MINGUS_BACKUP_FOLDER=str(tmp_path / "file")).code == 75


def test_a_restore_without_redis_is_an_operator_s_word(
    mingus: CommandLine, home: Path, tmp_path: Path
) -> None:
    fill(home)
    mingus.env["MINGUS_REDIS_URL"] = "redis://127.0.0.1:1/0"
    copy = str(tmp_path / "copy.db")
    assert mingus("db", "backup", copy).code == 0
    refused = mingus("db", "restore", copy)
    assert (refused.code, "nobody knows who is alive" in refused.err) == (5, True)
    assert mingus("db", "restore", copy, "--yes", "--json").json["redis"] == "not answering"


def test_stats_add_up(mingus: CommandLine, home: Path) -> None:
    fill(home)
    told = mingus("db", "stats", "--json").json
    used = sum(each["bytes"] for each in told["tables"])
    assert told["file_bytes"] + told["log_bytes"] >= used > 0
    assert {each["table"]: each["rows"] for each in told["tables"]}["articles"] == 8
    assert mingus("db", "stats").out.splitlines()[0].count("\t") == 2
