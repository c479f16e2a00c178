"""Forgetting a person: nothing of them is left in the store's file or its log."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mingus_lib.domain.gate import Assessment, GatePolicy
from mingus_lib.domain.jobs import JobSpec
from mingus_lib.domain.readers import Event, Reader
from mingus_lib.domain.recommend.parameters import FitOptions
from mingus_lib.errors import Refused
from mingus_lib.services import library, recommend_all
from mingus_lib.services.reader_records import ReaderRecords
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.ledger import Ledger
from tests.conftest import CommandLine
from tests.reader_samples import NOW, fill, recommender

MARK = "zebrafinch"
GONE, STAYS = f"{MARK}-gone", f"{MARK}-stays"


def traces(store: Store, mark: str) -> list[str]:
    """Files beside the store that hold these bytes."""
    return [path.name for path in store.path.parent.glob("*") if mark.encode() in path.read_bytes()]


def live(store: Store, reader_id: str, articles: list[int]) -> int:
    """A life of marked data, written here and there between that of others."""
    from mingus_lib.store.events import Events
    from mingus_lib.store.readers import Readers

    readers, events = Readers(store), Events(store)
    number = readers.put([Reader(reader_id, f"{reader_id} name", goals=(f"{reader_id} goal",))], NOW)[
        reader_id
    ]
    readers.assess(number, [Assessment(70, 70, 70, NOW)])
    chance = random.Random(reader_id)
    for round_ in range(30):
        events.append(
            number,
            [
                Event(f"{reader_id}-{chance.getrandbits(64)}", article, "bookmarked", NOW, source=f"{reader_id} source",
                      details={"notes": f"{reader_id} note {round_}" * 20})
                for article in chance.sample(articles, 10)
            ],
        )  # fmt: skip
    return number


def spec(job: str, reader_id: str) -> JobSpec:
    return JobSpec(job, "update_user_recommendations", "recommendations", {"user_id": reader_id}, NOW)


def test_a_forgotten_reader_leaves_no_byte(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        articles = fill(store, [("BE", "Beginner")], 40)
        names = [f"other{n}" for n in range(40)]
        for place, name in enumerate(names):
            live(store, name, articles)
            if place == 20:
                live(store, GONE, articles)
                live(store, STAYS, articles)
        given = recommender(tmp_path, store)
        recommend_all.learn(given, FitOptions(tune=False), "job", NOW, lambda *_: None)
        for name in (GONE, STAYS):
            for limit in (5, 20):
                given.show(name, limit, now=NOW)
        ledger = Ledger(store)
        ledger.record([spec("job1", GONE), spec("job2", STAYS)])
        records = ReaderRecords(given.readers, given.events, Articles(store), GatePolicy())
        with pytest.raises(Refused, match="mingus cancel job1"):
            records.forget([GONE])
        ledger.cancel(["job1", "job2"], f"cancelled: {GONE}", NOW)
        assert traces(store, GONE)
        planned = records.forget([GONE], dry_run=True)
        counts = records.forget([GONE])
        assert counts == planned
        assert (
            counts["readers"] == counts["assessments"] == counts["recommendations"] == counts["job_runs"] == 1
        )
        assert counts["events"] > 250
        assert traces(store, GONE) == ["mingus.db"], "the other job's reason, which somebody wrote there"
        store.execute("UPDATE job_runs SET reason = NULL WHERE id = 'job2'")
        records.forget(["other3"])
        assert traces(store, GONE) == []
        assert traces(store, STAYS)
        assert given.show(STAYS, now=NOW).items
        assert store.rows("PRAGMA foreign_key_check") == []


def test_the_export_holds_everything_about_a_reader(tmp_path: Path) -> None:
    with Store.open(tmp_path / "mingus.db") as store:
        articles = fill(store, [("BE", "Beginner")], 40)
        live(store, GONE, articles)
        live(store, STAYS, articles)
        given = recommender(tmp_path, store)
        given.show(GONE, now=NOW)
        records = ReaderRecords(given.readers, given.events, Articles(store), GatePolicy())
        found = records.export(GONE)
        assert found["readers"][0]["name"] == f"{GONE} name"
        assert len(found["assessments"]) == len(found["recommendations"]) == 1
        assert len(found["events"]) == len(given.events.of(given.readers.find(GONE).number))
        assert STAYS not in str(found)


def test_events_cannot_be_changed(tmp_path: Path) -> None:
    import sqlite3

    with Store.open(tmp_path / "mingus.db") as store:
        number = live(store, GONE, fill(store, [("BE", "Beginner")], 12))
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            store.execute("UPDATE events SET kind = 'finished' WHERE reader = ?", (number,))


def test_what_is_written_of_a_person_is_for_its_writer_alone(tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    file.write_text("older")
    file.chmod(0o644)
    # Left by a process of this number that was killed; what it leads to is another's.
    (tmp_path / "other").write_text("mine")
    (tmp_path / f".ada.json.{os.getpid()}.tmp").symlink_to(tmp_path / "other")
    with library.replacing(str(file), 0o600) as stream:
        stream.write("read much")
    assert file.read_text() == "read much" and not file.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "other").read_text() == "mine"


def test_the_command_writes_it_so(mingus: CommandLine, tmp_path: Path) -> None:
    mingus("readers", "import", "-", stdin="reader,goals\nada,budgeting\n")
    bad = mingus("readers", "import", "-", stdin="reader,id,article,event,at\nada,1,9,viewed,2026-03-01\n")
    assert (bad.code, "1 bad line was left out" in bad.err) == (1, True)
    assert mingus("readers", "export", "ada", "--output", str(tmp_path / "ada.json")).code == 0
    assert "budgeting" in (tmp_path / "ada.json").read_text()
    assert (tmp_path / "ada.json").stat().st_mode & 0o777 == 0o600
    asked = mingus("readers", "forget", "ada")
    assert (asked.code, "Forget ada for good?" in asked.err) == (5, True)
    planned = mingus("readers", "forget", "ada", "ada", "--dry-run", "--json")
    assert (planned.code, planned.json["readers"], planned.json["dry_run"]) == (0, 1, True)
    assert mingus("readers", "list", "-q").out == "ada\n"
    missing = mingus("readers", "event", "zoe", "viewed", "1")
    assert (missing.code, "`mingus readers import` brings new ones" in missing.err) == (4, True)
