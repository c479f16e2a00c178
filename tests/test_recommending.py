"""Lists as they are kept: made anew when stale and only then, whole at every moment, and gone with their reader."""

from __future__ import annotations

import json
import os
import signal
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mingus_lib.domain.gate import Assessment
from mingus_lib.domain.readers import Event, Reader
from mingus_lib.domain.recommend.facts import ListPolicy
from mingus_lib.domain.recommend.parameters import FitOptions
from mingus_lib.errors import NotFound, PermanentError, UsageError
from mingus_lib.queues.enqueue import new_job
from mingus_lib.services import (
    evaluate_recommendations,
    recommend_all,
    recommender_model,
    report_recommendations,
)
from mingus_lib.services.evaluate_recommendations import Question
from mingus_lib.services.recommending import Recommender
from mingus_lib.store import model_file
from mingus_lib.store.articles import Articles
from mingus_lib.store.database import Store
from mingus_lib.store.ledger import Ledger
from tests.conftest import CommandLine, wait_for
from tests.reader_samples import NOW, add_article, fill, read, recommender

QUICK = FitOptions(tune=False)


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Recommender]:
    with Store.open(tmp_path / "mingus.db") as store:
        articles = fill(store, [("BE", "Beginner"), ("DO", "Beginner"), ("HAVE", "Advanced")], 60)
        read(store, articles, 30)
        yield recommender(tmp_path, store)


def learn(given: Recommender, job: str = "job1") -> recommend_all.Plan:
    return recommend_all.learn(given, QUICK, job, NOW, lambda *_: None)


def shown(given: Recommender, reader: str = "reader0", **more: Any) -> list[int]:
    return [item.article.id for item in given.show(reader, 10, now=NOW, **more).items]


def refreshed(given: Recommender, reader: str = "reader0", days: float = 0) -> bool:
    return given.show(reader, 10, now=NOW + timedelta(days=days), record=False).refreshed


def test_a_kept_list_is_shown_until_something_changes(given: Recommender) -> None:
    learn(given)
    number = given.readers.find("reader0").number
    assert refreshed(given)
    assert not refreshed(given)
    given.events.append(number, [Event("new", 5, "finished", NOW)])
    assert refreshed(given)
    given.events.append(number, [Event("new", 5, "finished", NOW)])
    assert not refreshed(given), "the same event again changes nothing"
    given.readers.assess(number, [Assessment(90, 90, 90, NOW)])
    assert refreshed(given)
    given.readers.put([Reader("reader0", goals=("taxes",))], NOW)
    assert refreshed(given)
    assert not refreshed(given, days=0.9)
    assert refreshed(given, days=1.1)


def test_an_article_touches_only_those_who_have_it(given: Recommender) -> None:
    learn(given)
    lists = {name: set(shown(given, name, record=False)) for name in (f"reader{n}" for n in range(30))}
    every = {article for each in lists.values() for article in each}
    article = next(a for a in every if 0 < sum(a in each for each in lists.values()) < 25)
    kept = {name: {each["article"] for each in _kept(given, name)} for name in lists}
    Articles(given.readers.store).archive([article], NOW)
    for name in lists:
        assert refreshed(given, name) is (article in kept[name]), name
        assert article not in shown(given, name, record=False)


def _kept(given: Recommender, name: str) -> list[dict[str, Any]]:
    found = given.lists.get(given.readers.find(name).number)
    assert found is not None
    return found.suggestions


def test_what_was_finished_does_not_come_back(given: Recommender) -> None:
    learn(given)
    number = given.readers.find("reader3").number
    finished = {event.article_id for event in given.events.of(number)}
    assert finished
    assert not finished & set(shown(given, "reader3"))


def test_the_reasons_are_true(given: Recommender) -> None:
    learn(given)
    number = given.readers.find("reader3").number
    read_by_them = {event.article_id for event in given.events.of(number)}
    items = given.show("reader3", 10, now=NOW).items
    assert any(item.because for item in items)
    for item in items:
        assert set(item.because) <= read_by_them
        assert item.suggestion["score"] == pytest.approx(sum(item.suggestion["parts"].values()), abs=1e-3)


def test_showing_is_noted_once_a_list_and_changes_nothing(given: Recommender) -> None:
    learn(given)
    number = given.readers.find("reader0").number
    first = shown(given)
    assert shown(given) == first
    noted = [event for event in given.events.of(number) if event.kind == "recommended"]
    assert sorted(event.article_id for event in noted) == sorted(first)
    assert not refreshed(given)
    given.events.append(number, [Event("click", first[0], "clicked", NOW + timedelta(seconds=5))])
    report = report_recommendations.report(given, 30, NOW + timedelta(days=1))
    assert (report["shown"], report["clicked"], report["readers"]) == (len(first), 1, 1)
    assert sum(each["share"] for each in report["by_phase"]) == pytest.approx(1)
    assert json.dumps(report)
    given.readers.store.execute("UPDATE articles SET status = 'archived' WHERE id = ?", (first[0],))
    after = report_recommendations.report(given, 30, NOW + timedelta(days=1))
    published = given.readers.store.value("SELECT count(*) FROM articles WHERE status = 'published'")
    assert after["coverage"] == pytest.approx((len(first) - 1) / published)
    later = report_recommendations.report(given, 1, NOW + timedelta(days=100))
    assert (later["shown"], later["click_through"], later["coverage"]) == (0, None, 0.0)


def test_without_a_model_there_is_a_list_and_then_a_better_one(given: Recommender) -> None:
    before = given.show("reader0", 10, now=NOW)
    assert before.model == "none"
    assert before.items
    learn(given)
    after = given.show("reader0", 10, now=NOW)
    assert after.refreshed
    assert any(item.because for item in after.items)


def test_the_model_file_is_private_and_whole(given: Recommender) -> None:
    learn(given)
    file = given.home / recommender_model.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in given.home.glob("*.npz*")] == [file.name]
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(PermanentError, match="damaged"):
        recommender_model.load(given.home)
    learn(given)
    model = recommender_model.load(given.home)
    assert model.ids.size == 60
    other = {"version": "x", "made_by": "x", "parameters": {"unheard_of": 1}}
    model_file.save(file, other, {"ids": model.ids})
    with pytest.raises(PermanentError, match="recommend --all"):
        recommender_model.load(given.home)


def test_a_job_that_runs_again_does_not_learn_again(given: Recommender) -> None:
    first = learn(given, "one")
    assert learn(given, "one").model == first.model
    assert learn(given, "two").model != first.model


def test_lists_of_a_chunk_go_on_where_they_were(given: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    from mingus_lib.services import recommending

    monkeypatch.setattr(recommending, "AT_ONCE", 7)
    (chunk,) = learn(given).chunks
    steps = given.refresh_chunk(*chunk, 10, now=NOW)
    assert [next(steps), next(steps), next(steps)] == [0, 7, 14]
    del steps
    again = list(given.refresh_chunk(*chunk, 10, now=NOW + timedelta(hours=1)))
    assert again == [14, 21, 28, 30]
    made_at = {given.lists.get(number).made_at for number in range(*chunk)}  # type: ignore[union-attr]
    assert made_at == {NOW, NOW + timedelta(hours=1)}


def test_a_reader_who_is_gone_gets_no_list_back(given: Recommender) -> None:
    learn(given)
    reader = given.readers.find("reader0")
    given.readers.store.execute("DELETE FROM readers WHERE number = ?", (reader.number,))
    given.refresh(reader, now=NOW)
    assert given.lists.get(reader.number) is None
    with pytest.raises(NotFound):
        given.show("reader0", now=NOW)


def test_similar_articles_are_of_the_same_kind(given: Recommender) -> None:
    learn(given)
    found = given.similar(5, None, 5, now=NOW)
    assert len(found) == 5
    assert 5 not in {item.article.id for item in found}
    topics = [item.article.title.split()[0] for item in found]
    assert topics.count(given.lists.titles([5])[5].split()[0]) >= 3
    with pytest.raises(NotFound):
        given.similar(999, None, 5, now=NOW)
    closed = next(number for number in range(1, 61) if number % 3 == 0)
    with pytest.raises(NotFound):
        given.similar(closed, "reader0", 5, now=NOW)


def test_killed_while_it_makes_all_lists_every_reader_has_a_whole_one(
    given: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mingus_lib.services import recommending

    monkeypatch.setattr(recommending, "AT_ONCE", 2)
    (chunk,) = learn(given, "old").chunks
    list(given.refresh_chunk(*chunk, 10, now=NOW))
    before = _lists(given)
    learn(given, "new")
    for made in (3, 9, 17):
        child = os.fork()
        if child == 0:
            for done in given.refresh_chunk(*chunk, 10, now=NOW):
                if done >= made:
                    signal.pause()
            os._exit(0)
        wait_for(partial(_enough, given, made), "lists of the new model")
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        now = _lists(given)
        assert now.keys() == before.keys()
        assert all(len(each) >= 10 for each in now.values())
        assert 0 < _of_job(given, "new") < 30
    assert list(given.refresh_chunk(*chunk, 10, now=NOW))[-1] == 30
    assert _of_job(given, "new") == 30


def _enough(given: Recommender, made: int) -> bool:
    return _of_job(given, "new") >= made


def _of_job(given: Recommender, job: str) -> int:
    rows = given.readers.store.rows("SELECT model FROM recommendations")
    return sum(row[0].endswith(f"-{job}") for row in rows)


def _lists(given: Recommender) -> dict[int, list[Any]]:
    rows = given.readers.store.rows("SELECT reader, list FROM recommendations")
    return {row[0]: json.loads(row[1]) for row in rows}


def test_a_new_article_appears_by_exploring(tmp_path: Path, given: Recommender) -> None:
    learn(given)
    new = [add_article(given.readers.store, 1080 + n, ("BE", "Beginner"), "other") for n in range(3)]
    curious = recommender(tmp_path, given.readers.store, ListPolicy(explore=0.5, freshness=0))
    assert set(new) & set(shown(curious, "reader1"))


def test_the_jobs_do_it_all(mingus: CommandLine) -> None:
    mingus.home.mkdir()
    (mingus.home / "mingus.toml").write_text("[recommend]\ntune = false\n")
    with Store.open(mingus.home / "mingus.db") as store:
        read(store, fill(store, [("BE", "Beginner")], 40), 20)
    first = mingus("recommend", "--all", "-q")
    again = mingus("recommend", "--all", "-q", "--limit", "30")
    assert again.out == first.out, "one model is enough: the job under way is named"
    assert "already" in again.err
    chunk = mingus("enqueue", "update_all_user_recommendations", "--args", '{"first": 1, "last": 2}', "-q")
    assert chunk.out != first.out
    mingus("enqueue", "update_user_recommendations", "--args", '{"user_id": "nobody"}')
    assert mingus("worker", "--burst", "--queue", "recommendations").code == 0
    jobs = mingus("jobs", "--json").json
    assert {job["state"] for job in jobs} == {"finished"}
    told = mingus("recommend", "reader1", "--json", "--limit", "3").json
    assert not told["refreshed"]
    assert len(told["articles"]) == 3
    assert told["articles"][0]["why"].startswith("because you read")


def test_the_younger_of_two_fits_gives_way(tmp_path: Path) -> None:
    task, loose = "update_all_user_recommendations", ("limit",)
    with Store.open(tmp_path / "mingus.db") as store:
        ledger = Ledger(store)
        old, young = (new_job(task, {"limit": limit}) for limit in (20, 30))
        ledger.record([old, young])
        assert ledger.record_alone(new_job(task, {}), loose) == old.id
        assert ledger.running_alike(young.id, task, {}, loose) is None, "it only waits"
        for spec in (young, old):
            ledger.start(spec, worker="w", now=NOW)
        assert ledger.running_alike(young.id, task, {}, loose) == old.id
        assert ledger.running_alike(old.id, task, {}, loose) is None, "never both"
        ledger.finish(young.id, 1, "{}", NOW)
        ledger.record([replace(new_job(task, {"first": 1, "last": 9}), parent_id=old.id, root_id=old.id)])
        ledger.finish(old.id, 1, "{}", NOW)
        assert ledger.record_alone(new_job(task, {}), loose) == old.id, "its lists are still to be made"
        later = new_job(task, {"first": 1, "last": 2})
        assert ledger.record_alone(later, loose) is None, "of other readers"


@pytest.mark.parametrize("line", ["a,b,nan,1", "a,b,x,1", "a,b,inf,1", "a,b,1,inf", "a,b,1,soon"])
def test_a_weight_or_time_that_is_none_names_file_and_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "train.csv"
    file.write_text(f"user,item,weight,at\na,a,1,1\n{line}\n")
    with pytest.raises(UsageError, match=r"train\.csv, line 3: (weight|at): "):
        evaluate_recommendations.evaluate(Question(str(file)), FitOptions(), lambda *_: None)
