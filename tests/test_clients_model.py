"""The door to language models, against a server on loopback that fails as it is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from mingus_lib.clients.model import Manner, ModelDown, OutOfService, Rejected, TooFast, lesson
from mingus_lib.domain import prompting
from mingus_lib.domain.prompting import Ask
from mingus_lib.errors import MingusError
from tests.fake_openai import FAULTS, FakeOpenAI
from tests.label_samples import Memory, model_of


@pytest.fixture
def server() -> Iterator[FakeOpenAI]:
    with FakeOpenAI() as running:
        yield running


NESTED = b"[" * 100_000
ASK = prompting.ask("How to save", "Write down what you spend.", "gpt-4.1-mini", 500)


def soon() -> float:
    return time.monotonic() + 10


def test_an_answer_comes_with_its_usage(server: FakeOpenAI) -> None:
    reply = model_of(server).complete(ASK, soon())
    assert reply.stop == "stop"
    assert (reply.usage.tokens_in, reply.usage.tokens_out) == (server.tokens_in, server.tokens_out)
    assert server.seen[0]["response_format"]["json_schema"]["strict"] is True
    assert server.keys == {"Bearer sk-test": 1}


@pytest.mark.parametrize(
    ("fault", "kind", "says"),
    [
        ("rate-limit", TooFast, "Rate limit"),
        ("quota", OutOfService, "insufficient-quota: the account has no credit"),
        ("server-error", ModelDown, "answered 500"),
        ("bad-gateway-page", ModelDown, "answered 502"),
        ("gateway-time-out", ModelDown, "answered 504"),
        ("page", ModelDown, "an HTML page came in place"),
        ("unauthorized", OutOfService, "bad-key"),
        ("forbidden", OutOfService, "bad-key"),
        ("no-model", OutOfService, "no-such-model"),
        ("time-out", ModelDown, "in time"),
        ("broken", ModelDown, "broke off"),
        ("not-json", ModelDown, "no JSON|no completion|broke off"),
        ("empty-choices", ModelDown, "no completion"),
        ("context-length", Rejected, "maximum context length"),
    ],
)
def test_every_failure_has_its_name(
    server: FakeOpenAI, fault: str, kind: type[MingusError], says: str
) -> None:
    server.faults = [fault]
    with pytest.raises(kind) as caught:
        model_of(server, timeout=0.4).complete(ASK, soon())
    assert type(caught.value) is kind
    assert re.search(says, caught.value.reason), caught.value.reason
    assert "sk-secret" not in caught.value.reason
    # Nothing is tried again behind our back.
    assert len(server.requests) == 1


def test_the_server_s_wish_to_wait_is_kept(server: FakeOpenAI) -> None:
    server.faults = ["rate-limit"]
    with pytest.raises(TooFast) as caught:
        model_of(server).complete(ASK, soon())
    assert caught.value.retry_after == 0.2


@pytest.mark.parametrize("fault", ["length", "content-filter", "refusal"])
def test_an_answer_that_is_no_whole_one_says_why_and_what_it_cost(server: FakeOpenAI, fault: str) -> None:
    server.faults = [fault]
    reply = model_of(server).complete(ASK, soon())
    assert reply.stop == fault.replace("-", "_")
    assert reply.usage.tokens_in > 0


@pytest.mark.parametrize(
    ("fault", "paid"),
    [
        ("time-out", True), ("broken", True), ("not-json", True), ("empty-choices", True), ("gateway-time-out", True),
        ("server-error", False), ("bad-gateway-page", False), ("page", False),
    ],
)  # fmt: skip
def test_it_is_known_whether_a_failed_call_may_have_cost(server: FakeOpenAI, fault: str, paid: bool) -> None:
    server.faults = [fault]
    with pytest.raises(ModelDown) as caught:
        model_of(server, timeout=0.4).complete(ASK, soon())
    assert caught.value.perhaps_paid is paid


def test_a_server_that_is_not_there_costs_nothing(server: FakeOpenAI) -> None:
    model = model_of(server)
    server.__exit__()
    with pytest.raises(ModelDown) as caught:
        model.complete(ASK, soon())
    assert caught.value.perhaps_paid is False


@pytest.mark.parametrize(
    ("forms", "limits", "learned", "requests"),
    [
        (("json_schema", "json_object", "plain"), ("max_completion_tokens",), None, 1),
        (("json_object", "plain"), ("max_completion_tokens",), Manner("json_object"), 2),
        (("plain",), ("max_tokens",), Manner("plain", "max_tokens"), 4),
    ],
)
def test_a_server_s_manners_are_learned_once(
    server: FakeOpenAI, forms: tuple[str, ...], limits: tuple[str, ...], learned: Manner | None, requests: int
) -> None:
    server.forms, server.limit_names = forms, limits
    memory, turns = Memory(), []
    model = model_of(server, memory=memory)
    model.complete(ASK, soon(), lambda: turns.append(1))
    # Each request has passed the gate.
    assert len(turns) == len(server.requests) == requests
    assert list(memory.known.values()) == ([learned] if learned else [])
    model.complete(ASK, soon())
    assert len(server.requests) == requests + 1


def test_a_refusal_about_something_else_teaches_nothing() -> None:
    assert lesson("maximum context length is 8192", Manner()) is None
    assert lesson("response_format is not supported", Manner("plain")) is None


def asks(count: int) -> list[Ask]:
    return [prompting.ask(f"Title {n}", "Save money.", "gpt-4.1-mini", 500) for n in range(count)]


def test_a_batch_goes_there_and_comes_back(server: FakeOpenAI) -> None:
    model, questions = model_of(server), asks(4)
    number = model.start_batch(questions, "library-1")
    assert model.batch(number).running
    assert model.find_batch("library-1") == number
    assert model.find_batch("library-2") is None
    server.batch_share, server.batch_state = 0.5, "expired"
    server.finish_batches()
    state = model.batch(number)
    assert (state.running, state.state) == (False, "expired")
    lines = {line.key: line for line in model.batch_lines(state)}
    assert set(lines) == {ask.key for ask in questions}
    assert sum(line.reply is not None for line in lines.values()) == 2
    assert {line.reason for line in lines.values() if line.reply is None} == {"batch_expired"}


def test_the_faults_of_the_server_are_all_tested() -> None:
    tested = {
        "ok", "rate-limit", "quota", "server-error", "bad-gateway-page", "gateway-time-out", "page", "unauthorized",
        "forbidden", "no-model", "time-out", "broken", "not-json", "empty-choices", "length", "content-filter",
        "refusal", "context-length",
    }  # fmt: skip
    answers = {"bad-phase", "bad-topic", "bad-score", "not-an-object", "extra-keys", "mappable"}
    assert tested | answers == set(FAULTS)


def test_a_key_of_any_form_stays_out_of_what_a_server_says() -> None:
    from mingus_lib.clients.model_failures import said

    told = said("Incorrect API key: 4f0c9a7722d1e8b3 is none", "4f0c9a7722d1e8b3")
    assert "4f0c9a7722d1e8b3" not in told
    assert said("the test failed", "test") == "the test failed"


def test_nesting_without_an_end_is_no_answer(server: FakeOpenAI) -> None:
    server.strange["completions"] = (200, NESTED)
    with pytest.raises(ModelDown, match="no JSON"):
        model_of(server).complete(ASK, soon())
