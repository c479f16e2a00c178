"""The labelling jobs as workers run them: follow-ups, the breaker's way back, what was left."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mingus_lib import runtime, settings
from mingus_lib.errors import DependencyDown
from mingus_lib.queues import catalog
from mingus_lib.runtime import Runtime
from tests.fake_openai import FakeOpenAI
from tests.label_samples import Library, job
from tests.runtime_parts import running


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


def run(task: str, *arguments: Any) -> Any:
    """The job's function, found as a worker finds it: all modules are loaded in their order."""
    return catalog.function(catalog.find(task))(*arguments)


@contextlib.contextmanager
def at_work(home: Path, redis_home: Path, server: FakeOpenAI | None, **told: str) -> Iterator[Runtime]:
    """A process whose jobs use this library, the session's Redis and the server."""
    from mingus_lib.queues import embedded

    flags = {"home": str(home), "redis_url": embedded.url(redis_home), "ai_rate": "100", "ai": "off", **told}
    if server is not None:
        (home / "key").write_text("sk-test")
        flags |= {"ai": "auto", "ai_key_file": str(home / "key"), "ai_base_url": server.url}
    here = runtime.use(Runtime(settings.load(flags, {})))
    try:
        with running(job("parent1")):
            yield here
    finally:
        here.close()
        runtime._current = None


@pytest.fixture
def home(tmp_path: Path) -> Path:
    library = Library(tmp_path)
    library.fill(3)
    library.store.close()
    return tmp_path


def waiting(here: Runtime, task: str) -> list[dict[str, object]]:
    from mingus_lib.store.history import JobFilter

    return [run.args for run in here.history.newest(JobFilter(task=task))]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "CREDENTIALS_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


def test_what_the_ai_engine_missed_comes_back_when_it_is_back(
    home: Path, redis_home: Path, redis: object, server: FakeOpenAI
) -> None:
    with at_work(home, redis_home, server) as here:
        server.default = "quota"
        found = run("classify_article_batch", [1, 2, 3])
        assert {item["engine"] for item in found} == {"offline"}
        assert waiting(here, "upgrade_labels") == [{"article_ids": [1, 2, 3]}]
        # The worker lets one job through to try; it fails, and says so.
        here.limits.reset("openai")
        with pytest.raises(DependencyDown):
            run("upgrade_labels", [1, 2, 3])
        server.default = "ok"
        found = run("upgrade_labels", [1, 2, 3])
        assert {item["engine"] for item in found} == {"openai"}
        assert here.limits.breakers() == []


def test_what_was_left_is_labelled_unless_a_job_is_on_its_way(
    home: Path, redis_home: Path, redis: object, server: FakeOpenAI
) -> None:
    with at_work(home, redis_home, None) as here:
        assert run("improve_labels") == {"unlabelled": 3, "improvable": 0, "jobs": 1}
        assert waiting(here, "classify_article_batch") == [{"article_ids": [1, 2, 3]}]
        assert run("improve_labels")["jobs"] == 0
        run("classify_article_batch", [1, 2, 3])
    with at_work(home, redis_home, server) as here:
        here.store.execute("UPDATE job_runs SET state = 'finished'")
        assert run("improve_labels") == {"unlabelled": 0, "improvable": 3, "jobs": 1}
        assert waiting(here, "upgrade_labels") == [{"article_ids": [1, 2, 3]}]


def test_articles_without_labels_do_not_wait_for_an_upgrade_that_waits(
    home: Path, redis_home: Path, redis: object, server: FakeOpenAI
) -> None:
    with at_work(home, redis_home, server) as here:
        here.follow_up("upgrade_labels", {"article_ids": [1]}, parent="parent1", delay=80_000.0)
        assert run("improve_labels") == {"unlabelled": 3, "improvable": 0, "jobs": 1}
        assert waiting(here, "classify_article_batch") == [{"article_ids": [1, 2, 3]}]


def test_batches_and_the_learned_model_have_their_jobs(
    home: Path, redis_home: Path, redis: object, server: FakeOpenAI
) -> None:
    with at_work(home, redis_home, server) as here:
        assert here.label_batches is not None
        here.label_batches.start([1, 2, 3])
        server.batch_share = 0.4
        server.finish_batches()
        found = run("poll_label_batches")
        assert (found["labelled"] + found["unanswered"], found["running"]) == (3, 0)
        assert len(waiting(here, "classify_article_batch")) == 1
        assert run("refit_label_model")["reason"].startswith("too-few")
