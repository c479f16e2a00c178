"""The clean-up jobs as workers run them: results, what follows when time is short, and what fails visibly."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mingus_lib import runtime, settings
from mingus_lib.errors import PermanentError, StoreUnavailable, TransientError
from mingus_lib.queues import catalog, embedded
from mingus_lib.runtime import Runtime
from mingus_lib.services import housekeeping, timetables
from mingus_lib.store import backups, maintenance
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from tests.label_samples import job
from tests.runtime_parts import running
from tests.store_samples import draft, prose

LONG_AGO = datetime.now(UTC) - timedelta(days=400)
COUNT = 8


@pytest.fixture
def here(tmp_path: Path, redis_home: Path, redis: Any) -> Iterator[Runtime]:
    """A process whose jobs use this library of old articles, and the session's Redis."""
    with Store.open(tmp_path / "mingus.db") as store:
        for number in range(COUNT):
            page = draft(f"https://e.org/{number}", prose(f"w{number}x"), fetched_at=LONG_AGO)
            Articles(store).record(page, job_id="j", position=number, now=LONG_AGO)
    flags = {"home": str(tmp_path), "redis_url": embedded.url(redis_home)}
    made = runtime.use(Runtime(settings.load(flags, {})))
    with running(job("parent1")):
        yield made
    made.close()
    runtime._current = None


def run(task: str, **arguments: Any) -> Any:
    return catalog.function(catalog.find(task))(**arguments)


def short_of_time(task: str) -> Any:
    return running(replace(job("parent1"), deadline=0.0, task=task))


def test_all_three_say_truly_what_they_did(here: Runtime) -> None:
    assert run("cleanup_old_articles", days_old=500)["archived"] == 0
    assert run("cleanup_old_articles")["archived"] == COUNT
    assert run("cleanup_old_articles")["old"] == 0
    cleaned = run("cleanup_expired_cache")
    assert {each["what"]: each["removed"] for each in cleaned["parts"] if each["removed"]} == {
        "raw_pages": COUNT,
        "article_outcomes": COUNT,
    }
    assert run("cleanup_expired_cache")["removed"] == 0
    kept = run("maintain_database")
    assert Path(kept["backup"]["path"]).stat().st_size == kept["backup"]["size_bytes"]
    assert (kept["pages_left"], kept["removed_backups"]) == (0, [])
    assert maintenance.check(here.settings.store_path).healthy


@pytest.mark.parametrize("task", ["cleanup_old_articles", "cleanup_expired_cache"])
def test_without_time_for_anything_a_job_fails_instead_of_following_itself_for_ever(
    here: Runtime, task: str
) -> None:
    with short_of_time(task), pytest.raises(TransientError, match=rf"\[tasks.{task}\]"):
        run(task)
    assert Articles(here.store).get(1).status == "published"


def test_with_time_for_a_part_the_rest_follows(here: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    cleaning = here.article_cleaning
    monkeypatch.setattr(type(cleaning), "run", lambda *_: {"left": True, "archived": 3, "pages_deleted": 0,
                                                           "articles_deleted": 0})  # fmt: skip
    with short_of_time("cleanup_old_articles"):
        run("cleanup_old_articles", days_old=70)
    (row,) = here.store.rows("SELECT task, args, parent_id FROM job_runs")
    assert tuple(row) == ("cleanup_old_articles", '{"days_old": 70}', "parent1")


def test_the_rest_is_done_without_a_backup_and_the_job_fails(here: Runtime) -> None:
    (here.settings.home / "backups").write_text("in the way")
    here.store.execute("DELETE FROM articles")
    with pytest.raises(StoreUnavailable, match="the rest was done"):
        run("maintain_database")
    assert maintenance.free_pages(here.store) == 0


def test_a_damaged_store_keeps_all_its_backups(here: Runtime) -> None:
    folder = here.settings.home / "backups"
    run("maintain_database")
    for day in range(1, 20):
        os.link(next(folder.iterdir()), folder / f"mingus-202601{day:02}T050000Z.db")
    there = sorted(folder.iterdir())
    here.store.rows("PRAGMA wal_checkpoint(TRUNCATE)")
    root = here.store.value("SELECT rootpage FROM sqlite_master WHERE name = 'job_days'")
    with here.settings.store_path.open("r+b") as file:
        file.seek((root - 1) * 4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(PermanentError, match="mingus db restore") as caught:
        run("maintain_database")
    assert str(there[-1]) in str(caught.value)
    assert sorted(folder.iterdir()) == there


def test_a_bad_copy_of_a_whole_store_is_no_damage_of_the_store(
    here: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsound(*_: Any, **__: Any) -> Any:
        raise PermanentError("the copy is not whole", code="backup-unsound")

    monkeypatch.setattr(backups, "backup", unsound)
    with pytest.raises(StoreUnavailable, match="the copy is not whole"):
        run("maintain_database")


def test_no_rotation_means_no_backup_and_a_look_at_the_store_itself(here: Runtime) -> None:
    off = housekeeping.Housekeeping(here.store, housekeeping.Rotation(here.settings.home / "backups", 0, 0))
    assert off.planned(LONG_AGO)["backup"] is None
    assert off.run(LONG_AGO, None, lambda *_: None)["backup"] is None
    assert not (here.settings.home / "backups").exists()


def test_the_timetable_has_them_when_it_should() -> None:
    entries = timetables.read(timetables.shipped()).entries
    times = {entry.task: str(entry.cron) for entry in entries.values() if entry.task in catalog.load()}
    assert times["cleanup_old_articles"] == "0 4 * * 0"
    assert times["cleanup_expired_cache"] == "0 */6 * * *"
    assert times["maintain_database"] == "0 5 * * *"
