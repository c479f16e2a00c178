"""Old messages read as data: those of a real Celery, and those that nobody should send."""

from __future__ import annotations

import base64
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mingus_lib.domain import celery
from mingus_lib.domain.celery import OldTask
from mingus_lib.errors import PermanentError
from tests.old_celery import envelope, golden, id_of, message

URLS = "backend.celery_app.process_new_articles"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("protocol 2", (["https://example.com/a"],), {}),
        ("keywords", (), {"urls": ["https://example.com/b"]}),
        ("priority 3", (["https://example.com/d"],), {}),
        ("protocol 1", (["https://example.com/l"],), {}),
    ],
)
def test_a_real_message_is_read(name: str, args: Any, kwargs: Any) -> None:
    old = celery.read(golden(name))
    assert old == OldTask(id_of(name), URLS, args, kwargs)
    assert (old.task, old.job_id) == ("process_new_articles", id_of(name))


@pytest.mark.parametrize("name", ["countdown", "protocol 1 countdown"])
def test_its_time_is_read(name: str) -> None:
    assert celery.read(golden(name)).eta == datetime(2100, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_tries_and_expiry_are_read() -> None:
    assert celery.read(golden("retries")).retries == 2
    assert celery.read(golden("expired")).expires == datetime(2026, 1, 1, tzinfo=UTC)


def test_what_a_worker_held_is_read_with_its_queue() -> None:
    old, queue = celery.read_unacked(golden("running"))
    assert (old.args, queue) == ((["https://example.com/n"],), "article_processing")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("pickle", "not-json"),
        ("zlib", "compressed"),
        ("callback", "has-followers"),
        ("chain", "has-followers"),
    ],
)
def test_what_is_not_ours_is_said(name: str, code: str) -> None:
    with pytest.raises(PermanentError) as caught:
        celery.read(golden(name))
    assert caught.value.code == code


class Trap:
    """Unpickled, it would be called."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("unpickled",)


B64 = base64.b64encode
HEADERS = {"task": URLS, "id": "x"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[1, 2, 3]",
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
        pickle.dumps(Trap()),
        envelope(B64(pickle.dumps(Trap())).decode(), HEADERS),
        envelope("not base64!", HEADERS),
        envelope(None, HEADERS),
        envelope(B64(b"[[], {}]").decode(), HEADERS),
        envelope(B64(b"[1, {}, {}]").decode(), HEADERS),
        envelope(B64(b"[[], [1], {}]").decode(), HEADERS),
        envelope(B64(b"[[], {}, 7]").decode(), HEADERS),
        envelope(B64(b"[[], {}, {}]").decode(), {"task": URLS}),
        envelope(B64(b"[[], {}, {}]").decode(), {"task": 7, "id": "x"}),
        envelope(B64(b"[[], {}, {}]").decode(), {**HEADERS, "eta": "soon"}),
        envelope(B64(b"[[], {}, {}]").decode(), {**HEADERS, "eta": "9999-12-31T23:59:59-14:00"}),
        envelope(B64(b"[[], {}, {}]").decode(), {**HEADERS, "retries": "two"}),
        envelope(B64(b"[[], {}, {}]").decode(), {**HEADERS, "id": "x" * 201}),
        envelope("", [1]),
        envelope("", HEADERS, properties="x"),
    ],
)
def test_garbage_is_refused_and_never_unpickled(raw: bytes) -> None:
    with pytest.raises(PermanentError):
        celery.read(raw)
    with pytest.raises(PermanentError):
        celery.read_unacked(raw)


@settings(max_examples=40)
@given(JSON, JSON, JSON)
def test_no_envelope_breaks_the_reader(body: Any, headers: Any, properties: Any) -> None:
    inner = B64(json.dumps(body).encode()).decode()
    for raw in (
        envelope(inner, headers),
        envelope(inner, HEADERS, properties=properties),
        envelope(inner, {**HEADERS, "eta": properties, "retries": headers}),
    ):
        try:
            old = celery.read(raw)
            _ = old.job_id, celery.named_arguments(old, ("urls",))
        except PermanentError as error:
            assert error.code


def test_an_id_that_is_no_uuid_becomes_a_digest() -> None:
    # The id of a timetable's slot, or of another job, cannot be taken by a message.
    slot = celery.read(message("sweep", id="cron-sweep-20261126T000000Z"))
    assert slot.job_id.startswith("celery-")
    assert slot.job_id == celery.read(message("sweep", id="cron-sweep-20261126T000000Z")).job_id


def test_a_foreign_task_is_named() -> None:
    with pytest.raises(PermanentError, match="shop"):
        _ = OldTask("x", "shop.tasks.process_new_articles", (), {}).task


def test_arguments_get_their_names() -> None:
    assert celery.named_arguments(OldTask("x", URLS, ("ada", 5), {}), ("user_id", "limit")) == {
        "user_id": "ada",
        "limit": 5,
    }
    with pytest.raises(PermanentError, match="takes 1 arguments, not 2"):
        celery.named_arguments(OldTask("x", URLS, (1, 2), {}), ("urls",))
    with pytest.raises(PermanentError, match="twice"):
        celery.named_arguments(OldTask("x", URLS, (1,), {"urls": 2}), ("urls",))


@given(st.lists(st.integers(), max_size=350))
def test_pieces_hold_everything_once_and_in_order(urls: list[int]) -> None:
    pieces = celery.parts("process_new_articles", {"urls": urls, "force": True})
    assert [url for piece in pieces for url in piece["urls"]] == urls
    assert all(len(piece["urls"]) <= 100 and piece["force"] for piece in pieces)
    assert len({celery.part_id("x", number) for number in range(len(pieces))}) == len(pieces)
    assert celery.parts("sweep", {"urls": urls}) == [{"urls": urls}]
