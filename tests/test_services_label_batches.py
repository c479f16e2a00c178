"""Large runs through the Batch API: restarts, partial answers, expiry, half the price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mingus_lib.clients.model import ModelDown
from mingus_lib.domain import labelmodel, pricing, prose
from mingus_lib.domain.labelmodel import PhaseModel
from mingus_lib.errors import Refused
from mingus_lib.services import choosing
from mingus_lib.services.label_batches import HANDING_OVER, UNREADABLE_AFTER
from mingus_lib.store.costs import Budget, Call
from mingus_lib.store.history import History
from tests.fake_openai import FakeOpenAI
from tests.label_samples import Library, job
from tests.store_samples import draft


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path)


def engines(library: Library, ids: list[int]) -> list[str | None]:
    return [library.column("engine", each) for each in ids]


def test_a_batch_is_labelled_at_half_the_price(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(8)
    batches = library.with_batches(server)
    started = batches.start(ids)
    assert sum(batch["articles"] for batch in started.batches) == 8
    assert len({batch["model"] for batch in started.batches}) == len(started.batches) == 2
    # Until then nobody else asks, and nothing wants labels.
    assert library.labels.unlabelled() == []
    others = library.classify(library.ai(server)).process(ids, job=job())
    assert {item.outcome for item in others.items} == {"batched"}
    assert batches.poll().as_json() == {"running": 2, "ended": 0, "labelled": 0, "unanswered": 0}
    server.finish_batches()
    assert batches.poll().as_json() == {"running": 0, "ended": 2, "labelled": 8, "unanswered": 0}
    assert engines(library, ids) == ["openai"] * 8
    totals = library.totals()
    assert (totals["tokens_in"], totals["tokens_out"]) == (server.tokens_in, server.tokens_out)
    prices = pricing.shipped()
    whole = sum(prices.of(model).of(pricing.Usage(i, o)) for model, _, i, o in server.charged)
    assert totals["cost_usd"] == pytest.approx(whole / 2)
    assert batches.poll().ended == 0


def test_what_a_batch_leaves_unanswered_goes_the_ordinary_way(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(6)
    batches = library.with_batches(server)
    batches.start(ids)
    server.batch_share, server.batch_state = 0.5, "expired"
    server.faults = ["bad-topic", "server-error"]
    server.finish_batches()
    found = batches.poll()
    assert (found.ended, found.labelled + len(found.unanswered)) == (2, 6)
    assert found.unanswered
    result = library.classify(library.ai(server)).process(found.unanswered, job=job())
    assert {item.outcome for item in result.items} == {"labelled"}
    assert engines(library, ids) == ["openai"] * 6
    totals = library.totals()
    assert (totals["tokens_in"], totals["tokens_out"], totals["open"]) == (
        server.tokens_in,
        server.tokens_out,
        0,
    )


def test_beside_an_answer_stands_what_the_library_s_own_labels_teach(
    library: Library, server: FakeOpenAI
) -> None:
    (article_id,) = library.fill(1)
    read = prose.read("", library.articles.get(article_id).text or "")
    learned = PhaseModel("taught", 2.0, dict.fromkeys(labelmodel.words_of(read), (-9.0, -9.0, 9.0)))
    batches = library.with_batches(server, learned)
    batches.start([article_id])
    server.finish_batches()
    assert batches.poll().labelled == 1
    details = library.labels.details(article_id)
    assert details is not None
    assert details["second_opinion"]["primary_phase"] == "HAVE"


def test_a_process_that_died_while_handing_over_is_made_good(
    library: Library, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = library.fill(3)
    batches = library.with_batches(server)
    # It dies after the provider took the batch and before that was written down.
    with monkeypatch.context() as patch:
        patch.setattr(library.batches.__class__, "handed_over", _die)
        with pytest.raises(KeyboardInterrupt):
            batches.start(ids)
    now = datetime.now(UTC)
    assert batches.poll(now).running == 1
    server.finish_batches()
    found = library.with_batches(server).poll(now + HANDING_OVER + timedelta(minutes=1))
    assert found.labelled > 0
    assert len(server.batches) == 1


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_batch_that_never_arrived_is_let_go(
    library: Library, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = library.fill(2)
    batches = library.with_batches(server)
    with monkeypatch.context() as patch:
        patch.setattr(batches.ai.model.__class__, "start_batch", _die)
        with pytest.raises(KeyboardInterrupt):
            batches.start(ids)
    # The record was rolled to failed at once where the process lived on; else the look finds it.
    library.batches.open()
    found = batches.poll(datetime.now(UTC) + HANDING_OVER + timedelta(minutes=1))
    assert library.labels.unlabelled() == ids
    assert library.totals()["open"] == 0
    assert found.labelled == 0


def test_a_batch_over_the_budget_is_refused_as_a_whole(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(4)
    found = library.with_batches(server, budget=Budget(daily=0.000001)).start(ids)
    assert isinstance(found.error, Refused)
    assert "daily budget" in found.as_json()["reason"]
    assert (found.batches, found.left) == ([], 4)
    assert (library.totals()["calls"], server.batches) == (0, {})
    assert library.labels.unlabelled() == ids


def test_batches_before_one_that_cannot_be_handed_over_stand_and_are_told(
    library: Library, server: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = library.fill(6)
    monkeypatch.setattr("mingus_lib.services.label_batches.MOST_IN_A_BATCH", 2)
    batches = library.with_batches(server)
    whole = batches.ai.reserve_for(batches.ai.models.ask(library.labels.unread(ids[0])), batch=True)  # type: ignore[arg-type]
    found = library.with_batches(server, budget=Budget(daily=whole * 3)).start(ids)
    told = found.as_json()
    handed = sum(batch["articles"] for batch in told["batches"])
    assert (handed, told["left"]) == (2, 4)
    assert "daily budget" in told["reason"]
    assert len(server.batches) == 1
    assert library.labels.unlabelled() == ids[2:]


def test_without_an_ai_engine_what_waits_in_a_batch_is_labelled_offline(
    library: Library, server: FakeOpenAI
) -> None:
    ids = library.fill(2)
    batches = library.with_batches(server)
    batches.start(ids)
    wanted = choosing.wish([], False, True, None)
    assert choosing.chosen(library.labels, wanted) == []
    assert choosing.chosen(library.labels, wanted, with_ai=False) == ids
    history = History(library.store)
    assert choosing.left(library.labels, history, True, 10)["classify_article_batch"] == []
    assert choosing.left(library.labels, history, False, 10)["classify_article_batch"] == ids
    library.classify().process(ids, job=job())
    # Back with AI: the answers replace what stood in for them.
    server.finish_batches()
    batches.poll()
    assert {library.column("engine", each) for each in ids} == {"openai"}


def test_kept_answers_and_current_labels_are_not_asked_for(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(3)
    library.classify(library.ai(server)).process(ids[:2], job=job())
    started = library.with_batches(server).start(ids)
    assert (started.skipped, sum(batch["articles"] for batch in started.batches)) == (2, 1)
    again = library.with_batches(server).start(ids[:2], force=True)
    assert (again.answered, again.batches) == (ids[:2], [])


def test_what_is_being_asked_elsewhere_is_not_in_the_batch(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(1)
    batches = library.with_batches(server)
    article = library.labels.unread(ids[0])
    assert article is not None
    ask = batches.ai.models.ask(article)
    call = Call(ask.key, ask.model, "labels-1", 0.01, 1, "other", 1)
    library.costs.reserve(call, Budget(), datetime.now(UTC))
    started = batches.start(ids)
    assert (started.skipped, started.batches, server.batches) == (1, [], {})


def test_a_server_that_is_away_is_asked_again_later(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(2)
    batches = library.with_batches(server)
    batches.start(ids)
    server.__exit__()
    found = library.with_batches(server).poll()
    assert isinstance(found.down, ModelDown)
    assert found.running > 0
    assert library.labels.unlabelled() == []


def test_one_line_of_rubbish_costs_a_batch_one_answer(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(4)
    batches = library.with_batches(server)
    batches.start(ids)
    server.finish_batches()
    (name,) = [name for name in server.files if name == "batch_1-out"]
    lines = server.files[name].splitlines()
    first = json.loads(lines[0]) | {"response": {"status_code": 200, "body": {"choices": []}}}
    server.files[name] = b"\n".join([b'{"custom_id": "cut', json.dumps(first).encode(), *lines[1:]])
    found = batches.poll()
    assert (found.ended, found.running, found.labelled, len(found.unanswered)) == (2, 0, 3, 1)
    assert library.totals()["open"] == 0


def test_an_answer_about_a_text_that_has_changed_is_not_taken(library: Library, server: FakeOpenAI) -> None:
    ids = library.fill(1)
    batches = library.with_batches(server)
    batches.start(ids)
    url = library.articles.get(ids[0]).canonical_url
    library.articles.update(ids[0], draft(url, "quite another text"), now=datetime.now(UTC))
    server.finish_batches()
    found = batches.poll()
    assert (found.labelled, found.unanswered) == (0, ids)
    assert library.labels.unlabelled() == ids


def test_a_batch_that_can_never_be_read_is_let_go_and_counts_as_spent(
    library: Library, server: FakeOpenAI
) -> None:
    ids = library.fill(3)
    batches = library.with_batches(server)
    batches.start(ids)
    server.batches.clear()
    now = datetime.now(UTC)
    assert isinstance(batches.poll(now).down, ModelDown)
    found = batches.poll(now + UNREADABLE_AFTER + timedelta(hours=1))
    assert (sorted(found.unanswered), found.running, found.down) == (ids, 0, None)
    assert (library.totals()["open"], library.totals()["unknown"]) == (0, 3)


STRANGE = [b"<!doctype html><h1>Log in to this network</h1>", b"[]", b"{}", b'"x"', b"[" * 100_000, b""]


@pytest.mark.parametrize("body", STRANGE, ids=lambda body: repr(body[:12]))
def test_another_answer_than_a_batch_is_a_server_that_is_down(
    library: Library, server: FakeOpenAI, body: bytes
) -> None:
    ids = library.fill(2)
    batches = library.with_batches(server)
    server.strange["files"] = (200, body)
    started = batches.start(ids)
    assert (type(started.error), started.left, started.batches) == (ModelDown, 2, [])
    assert (library.labels.unlabelled(), library.totals()["open"]) == (ids, 0)
    # What came in the place of a batch may have been one: it is searched for, and its money stays reserved.
    server.strange = {"batches": (200, body)}
    assert batches.start(ids).error is None
    later = datetime.now(UTC) + HANDING_OVER + timedelta(minutes=1)
    assert isinstance(batches.poll(later).down, ModelDown)
    server.strange.clear()
    assert batches.poll(later).unanswered == ids
    batches.start(ids)
    server.strange[next(iter(server.batches))] = (200, body)
    assert isinstance(batches.poll().down, ModelDown)


def test_a_batch_that_is_refused_does_not_keep_others_from_being_read(
    library: Library, server: FakeOpenAI
) -> None:
    ids = library.fill(8)
    batches = library.with_batches(server)
    batches.start(ids)
    first, _ = server.batches
    server.finish_batches()
    server.strange[first] = (400, b'{"error": {"message": "this batch cannot be had"}}')
    found = batches.poll()
    assert (found.running, found.ended, found.down) == (0, 1, None)
    assert found.labelled + len(found.unanswered) == 8
    assert found.labelled and found.unanswered
    assert batches.poll().as_json() == {"running": 0, "ended": 0, "labelled": 0, "unanswered": 0}
