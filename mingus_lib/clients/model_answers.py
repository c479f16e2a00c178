"""What a model's server answered, as our values: a page or half an object in its place is a server that is down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mingus_lib.clients import model_failures
from mingus_lib.clients.model_failures import ModelDown
from mingus_lib.domain.pricing import Usage

# More than any model reads: what a server counts beyond is no count, and would not fit the ledger.
MOST_TOKENS = 100_000_000
# Any other word is an end, or a provider's new one would keep its batch waiting for ever.
RUNNING_STATES = ("validating", "in_progress", "finalizing", "cancelling")


@dataclass(frozen=True, slots=True)
class Reply:
    """A finished call. `stop` is `stop`, or why there is no whole answer: length, content_filter, refusal."""

    text: str
    stop: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class BatchState:
    """A batch at the provider. `state` is the provider's own word."""

    id: str
    state: str
    output_file: str | None
    error_file: str | None
    reason: str | None

    @property
    def running(self) -> bool:
        """Whether there is more to come."""
        return self.state in RUNNING_STATES


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One answer of a batch: a reply, or why there is none."""

    key: str
    reply: Reply | None
    reason: str | None


def read_reply(found: Any) -> Reply:
    """A reply from the JSON of a chat completion; ModelDown when it is none."""
    if model_failures.is_page(found):
        raise ModelDown("an HTML page came in place of an answer: a proxy's, and the model was not asked")
    try:
        choice = found["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        usage = _usage(found.get("usage") or {})
        text, refusal = message.get("content"), message.get("refusal")
    except (TypeError, KeyError, IndexError, AttributeError):
        raise ModelDown(
            "the model's server answered something that is no completion", perhaps_paid=True
        ) from None
    if refusal:
        return Reply(model_failures.said(str(refusal)), "refusal", usage)
    stop = finish if finish in ("length", "content_filter") else "stop"
    return Reply(text if isinstance(text, str) else "", stop, usage)


def id_of(found: Any, *, perhaps_paid: bool = True) -> str:
    """The id of a file or a batch; ModelDown without one."""
    name = found.get("id") if isinstance(found, dict) else None
    if not isinstance(name, str) or not name:
        raise ModelDown("the model's server answered something without an id", perhaps_paid=perhaps_paid)
    return name


def tag_of(found: Any) -> object:
    """The tag that a batch was started with, if it is one."""
    metadata = found.get("metadata") if isinstance(found, dict) else None
    return metadata.get("mingus") if isinstance(metadata, dict) else None


def read_batch(found: dict[str, Any]) -> BatchState:
    """A batch from its JSON; ModelDown when it is none."""
    state, files = found.get("status"), (found.get("output_file_id"), found.get("error_file_id"))
    errors = found.get("errors")
    told = errors.get("data") if isinstance(errors, dict) else None
    if not isinstance(state, str) or not all(each is None or isinstance(each, str) for each in files):
        raise ModelDown("the model's server answered something that is no batch")
    reasons = [str(each.get("message")) for each in told or [] if isinstance(each, dict)]
    return BatchState(id_of(found), state, *files, model_failures.said("; ".join(reasons[:3])) or None)


def _usage(found: Any) -> Usage:
    details = found.get("prompt_tokens_details") or {}
    numbers = (found.get("prompt_tokens"), found.get("completion_tokens"), details.get("cached_tokens"))
    return Usage(
        *(min(number, MOST_TOKENS) if isinstance(number, int) and number > 0 else 0 for number in numbers)
    )


def read_batch_line(line: bytes) -> BatchLine | None:
    """One line of a batch's output or error file; None when it is none: the others are still good."""
    try:
        found = json.loads(line)
        key, response, error = str(found["custom_id"]), found.get("response") or {}, found.get("error")
        status, answer = response.get("status_code"), response.get("body")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if status == 200:
        try:
            return BatchLine(key, read_reply(answer), None)
        except ModelDown as down:
            return BatchLine(key, None, down.reason)
    told = error or (answer.get("error") if isinstance(answer, dict) else None) or f"status {status}"
    code = str(told.get("code") or told.get("message")) if isinstance(told, dict) else str(told)
    return BatchLine(key, None, model_failures.said(code))
