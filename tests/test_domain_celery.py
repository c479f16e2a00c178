"""Old messages read as data: those of a real Celery, and those that nobody should send."""

from __future__ import annotations

import base64
import json
import pickle
import re
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
    # The same in every run, or a message that comes twice would be two jobs.
    assert slot.job_id == "celery-bd58864845ea4d71743163becae9fad8"
    uuid = "0f8fad5b-d9cb-469f-a165-70867728950e"
    for other in (uuid.upper(), uuid + "0", uuid + "\n", uuid[1:], "\ud800"):
        assert re.fullmatch("celery-[0-9a-f]{32}", OldTask(other, URLS, (), {}).job_id), other
    assert OldTask(uuid, URLS, (), {}).job_id == uuid


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


def test_a_list_is_cut_at_a_hundred_and_its_pieces_are_numbered() -> None:
    def sizes(task: str, name: str, count: int) -> list[int]:
        return [len(piece[name]) for piece in celery.parts(task, {name: list(range(count))})]

    assert sizes("process_new_articles", "urls", 100) == [100]
    assert sizes("process_new_articles", "urls", 101) == [100, 1]
    assert sizes("classify_article_batch", "article_ids", 201) == [100, 100, 1]
    assert sizes("classify_article_batch", "urls", 201) == [201]
    assert [celery.part_id("x", number) for number in range(3)] == ["x", "x-2", "x-3"]
    for arguments in ({}, {"urls": None}, {"urls": "x" * 101}):
        assert celery.parts("process_new_articles", arguments) == [arguments]


def pieces_of(*args: Any, **headers: Any) -> bytes:
    body = B64(
        json.dumps([list(args), headers.pop("kwargs", {}), headers.pop("embed", None)]).encode()
    ).decode()
    return envelope(body, {**HEADERS, **headers})


def test_everything_that_a_message_may_say() -> None:
    old = celery.read(
        pieces_of(
            ["a"],
            7,
            kwargs={"force": True},
            retries=2,
            eta="2026-03-01T12:00:00",
            expires="2026-03-02T01:00+02:00",
        )
    )
    assert old == OldTask(
        "x",
        URLS,
        (["a"], 7),
        {"force": True},
        2,
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 1, 23, tzinfo=UTC),
    )
    assert old.eta and old.expires and (old.eta.tzinfo, old.expires.tzinfo) == (UTC, UTC)
    bare = OldTask("x", URLS, (), {})
    assert celery.read(pieces_of(kwargs=None, retries=None, eta=None, compression=None)) == bare
    assert celery.read(pieces_of(retries=-1)) == bare
    assert (bare.retries, bare.eta, bare.expires) == (0, None, None)


def test_a_body_that_is_not_base64_is_read_as_it_stands() -> None:
    for properties in ({}, None, {"body_encoding": "utf-8"}):
        old = celery.read(envelope('[["é"], {}, null]', HEADERS, properties=properties))
        assert old.args == ("é",)
    body = {"task": URLS, "id": "x", "args": [1], "kwargs": {"force": True}}
    assert celery.read(envelope(json.dumps(body), None, properties={})) == OldTask(
        "x", URLS, (1,), {"force": True}
    )


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"{", "garbage: its envelope is not JSON"),
        (b"[]", "garbage: not a JSON object"),
        (envelope("", 7), "garbage: headers is no JSON object"),
        (envelope(None, HEADERS), "garbage: no body"),
        (envelope("", HEADERS, properties=7), "garbage: properties is no JSON object"),
        (envelope("aGk=!", HEADERS), "garbage: its body is not base64"),
        (envelope("aGk=", HEADERS), "garbage: its body is not JSON"),
        (envelope(B64(b"[]").decode(), HEADERS), "garbage: its body is not [args, kwargs, embed]"),
        (envelope(B64(b"{}").decode(), HEADERS), "garbage: its body is not [args, kwargs, embed]"),
        (envelope(B64(b"[]").decode(), {}), "garbage: the body is no JSON object"),
        (envelope(B64(b"{}").decode(), {}), "garbage: no id or no task"),
        (pieces_of(id=""), "garbage: no id or no task"),
        (pieces_of(task=None), "garbage: no id or no task"),
        (pieces_of(id="x" * 201), "garbage: its id or task is longer than 200 characters"),
        (pieces_of(task="x" * 201), "garbage: its id or task is longer than 200 characters"),
        (pieces_of(kwargs=[1]), "garbage: kwargs is no JSON object"),
        (pieces_of(embed=[1]), "garbage: embed is no JSON object"),
        (pieces_of(retries="2"), "garbage: args is no list, or retries no number"),
        (pieces_of(eta="soon"), "garbage: eta is no time: 'soon'"),
        (pieces_of(expires=7), "garbage: expires is no time: '7'"),
        (pieces_of(expires="x" * 100), f"garbage: expires is no time: '{'x' * 80}'"),
        (
            envelope("", HEADERS, **{"content-type": "application/x-pickle"}),
            "not-json: its content type is 'application/x-pickle'; such a message is never opened",
        ),
        (pieces_of(compression="zlib"), "compressed: its body is 'zlib'"),
        *(
            (pieces_of(embed={name: [1]}), f"has-followers: it has a {name}, which mingus has none of")
            for name in ("callbacks", "errbacks", "chain", "chord")
        ),
    ],
)
def test_each_reason_is_told(raw: bytes, reason: str) -> None:
    with pytest.raises(PermanentError) as caught:
        celery.read(raw)
    assert caught.value.reason == reason


def test_the_queues_of_the_old_house_stay() -> None:
    assert celery.OLD_QUEUES == (
        "article_processing",
        "email_processing",
        "ai_classification",
        "recommendations",
        "analytics",
        "cleanup",
        "default",
        "celery",
    )
    assert " ".join(celery.Outcome) == "moved known left"


def test_names_of_two_hundred_characters_pass() -> None:
    long = "backend." + "x" * 192
    old = celery.read(pieces_of(id="i" * 200, task=long))
    assert (old.id, old.name, old.task) == ("i" * 200, long, "x" * 192)


def test_only_a_task_of_the_old_house_has_a_name_here() -> None:
    for name in ("backends.sweep", "my.backend.sweep", "backend"):
        with pytest.raises(PermanentError) as caught:
            _ = OldTask("x", name, (), {}).task
        assert caught.value.reason == f"unknown-task: {name!r} is not a task of backend.*"


@pytest.mark.parametrize("held", [b"{}", b"[{}, 1]", b'[{}, "celery", "a", "b"]', b'[{}, "celery", 7]'])
def test_what_a_worker_held_is_a_triple(held: bytes) -> None:
    with pytest.raises(PermanentError) as caught:
        celery.read_unacked(held)
    assert caught.value.reason == "garbage: not [message, exchange, routing key]"


def test_no_argument_is_given_twice() -> None:
    old = OldTask("x", URLS, (1,), {"limit": 5})
    assert celery.named_arguments(old, ("user_id", "limit")) == {"user_id": 1, "limit": 5}
    with pytest.raises(PermanentError) as caught:
        celery.named_arguments(OldTask("x", URLS, (1, 2), {"limit": 5, "a": 6}), ("a", "limit"))
    assert caught.value.reason == "usage: process_new_articles: a is given twice"
