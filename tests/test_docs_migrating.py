"""docs/migrating.md: its examples are run in Flask and FastAPI, its tables name what is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from mingus_lib import runtime, settings
from mingus_lib.domain.celery import OLD_QUEUES
from mingus_lib.queues import catalog
from mingus_lib.runtime import Runtime
from tests.conftest import ROOT
from tests.runtime_parts import Parts

TEXT = (ROOT / "docs/migrating.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
FRAMEWORKS = ("flask", "fastapi")


@pytest.fixture(params=FRAMEWORKS)
def web(request: pytest.FixtureRequest, parts: Parts) -> Iterator[Any]:
    """The example's application as a client sees it: get(path) and post(path, json=...)."""
    before = runtime._current
    env = {"MINGUS_HOME": str(parts.folder), "MINGUS_REDIS_URL": parts.url}
    here = runtime.use(Runtime(settings.load(env=env)))
    (code,) = [text for text in EXAMPLES if f"from {request.param} import" in text]
    scope: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, "docs/migrating.md", "exec"), scope)
    app = scope["app"]
    yield app.test_client() if request.param == "flask" else TestClient(app)
    here.close()
    runtime._current = before


def body(answer: Any) -> Any:
    return answer.json() if callable(answer.json) else answer.json


def test_an_application_enqueues_and_asks(web: Any) -> None:
    given = web.post("/articles", json={"urls": ["https://example.com/article"]})
    assert given.status_code == 202
    shown = web.get(f"/jobs/{body(given)['id']}")
    assert (shown.status_code, body(shown)) == (200, {"state": "queued", "result": None, "reason": None})


def test_an_application_answers_what_is_wrong(web: Any) -> None:
    refused = web.post("/articles", json={"urls": ["ftp://example.com"]})
    assert refused.status_code == 400
    assert "urls" in body(refused)["error"]
    assert web.get("/jobs/none").status_code == 404


def test_an_application_says_that_redis_is_away(web: Any, tmp_path: Path) -> None:
    here = runtime.current()
    here.close()
    env = {"MINGUS_HOME": str(tmp_path), "MINGUS_REDIS_URL": f"unix://{tmp_path}/none.sock"}
    runtime.use(Runtime(settings.load(env=env)))
    assert web.post("/articles", json={"urls": ["https://example.com/a"]}).status_code == 503


def test_threads_of_an_application_do_not_get_into_each_other_s_way(web: Any, parts: Parts) -> None:
    def add(number: int) -> str:
        given = web.post("/articles", json={"urls": [f"https://example.com/{number}"]})
        return str(body(given)["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(add, range(40)))
    assert len(set(ids)) == 40
    assert parts.client.llen("rq:queue:article_processing") == 40


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == len(FRAMEWORKS)


def test_the_queues_that_are_read_are_named() -> None:
    paragraph = TEXT.partition("### What `mingus migrate celery` does")[2].partition("\n\n-")[0]
    assert set(OLD_QUEUES) <= set(re.findall(r"`(\w+)`", paragraph))


def test_tasks_stand_beside_their_queue() -> None:
    table = re.findall(
        r"^\| `(\w+)` \| `backend\.tasks\.(\w+)\.\*` \| `(\w+)`.*\| (\w+) \|$", TEXT, re.MULTILINE
    )
    assert len(table) >= 11
    tasks = catalog.load()
    for old, route, new, queue in table:
        assert old == new
        assert route == queue
        assert new not in tasks or tasks[new].queue == queue
