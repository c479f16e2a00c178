"""The door to language models: any server that speaks OpenAI's chat completions and, for large runs, its Batch API.

The library does no retries of its own (max_retries=0): ours, the shared pace and the breaker are the only ones. Servers
differ in how an answer can be held to a form and how its length is limited: the first refusal teaches, and is
remembered for each server and model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from mingus_lib.clients import model_failures
from mingus_lib.clients.leaving import Door, Gate
from mingus_lib.clients.model_answers import (
    BatchLine,
    BatchState,
    Reply,
    id_of,
    read_batch,
    read_batch_line,
    read_reply,
    tag_of,
)
from mingus_lib.clients.model_failures import ModelDown as ModelDown
from mingus_lib.clients.model_failures import OutOfService as OutOfService
from mingus_lib.clients.model_failures import Rejected as Rejected
from mingus_lib.clients.model_failures import TooFast as TooFast
from mingus_lib.domain.prompting import ANSWER_TOKENS, Ask

if TYPE_CHECKING:
    from openai import OpenAI

FORMS = ("json_schema", "json_object", "plain")
LIMIT_NAMES = ("max_completion_tokens", "max_tokens")
# The ladder has few steps; a server that refuses more often refuses something else.
MAX_LESSONS = 4
MAX_OUTPUT_BYTES = 200_000_000
# A page of the list, the newest first: a batch is searched for within days of its start.
BATCHES_LISTED = 100


@dataclass(frozen=True, slots=True)
class Manner:
    """What a server takes: the form of an answer, and the name of its limit in tokens."""

    form: str = FORMS[0]
    limit_name: str = LIMIT_NAMES[0]


class Remembers(Protocol):
    """Where the manners of servers are kept."""

    def recall(self, server: str) -> Manner | None:
        """What is known of the server."""

    def remember(self, server: str, manner: Manner) -> None:
        """Keep it."""


class Model:
    """One server. `schema` is the JSON schema of an answer; every request passes `gate`. Safe from many threads."""

    def __init__(
        self,
        key: str,
        base_url: str | None,
        *,
        timeout: float,
        memory: Remembers,
        schema: dict[str, Any],
        gate: Gate,
    ) -> None:
        self._key = key
        self._base_url = base_url
        self._timeout = timeout
        self._memory = memory
        self._schema = schema
        self._door = Door(gate)

    @cached_property
    def _client(self) -> OpenAI:
        from openai import DefaultHttpxClient, OpenAI

        http = DefaultHttpxClient(event_hooks={"request": [self._door.on_request]})
        return OpenAI(
            api_key=self._key,
            base_url=self._base_url,
            timeout=self._timeout,
            max_retries=0,
            http_client=http,
        )

    @property
    def server(self) -> str:
        """The server's address, without anything secret."""
        url = self._client.base_url
        return f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path}"

    def close(self) -> None:
        """Close its connections."""
        # The property would make a client, and import the library, to close it.
        if "_client" in self.__dict__:
            self._client.close()

    def complete(self, ask: Ask, until: float, leaving: Callable[[], None] = lambda: None) -> Reply:
        """Ask; `leaving` is called just before each request leaves, which is by `until` (time.monotonic()) or never.

        Raises ModelDown, OutOfService, TooFast, Rejected, or what the gate raises.
        """
        place = f"{self.server} {ask.model}"
        manner = self._memory.recall(place) or Manner()
        for _ in range(MAX_LESSONS):
            try:
                with self._door.errand(until, leaving):
                    reply = self._complete(ask, manner)
            except Rejected as error:
                learned = lesson(str(error), manner)
                if learned is None:
                    raise
                manner = learned
                self._memory.remember(place, manner)
            else:
                return reply
        raise Rejected(f"{place} refuses every form of answer")

    def _complete(self, ask: Ask, manner: Manner) -> Reply:
        found = self._in_our_words(
            ask.model, lambda: self._client.chat.completions.create(**body(ask, manner, self._schema))
        )
        # An answer that is no JSON comes as its text, not as an error.
        return read_reply(found.to_dict() if hasattr(found, "to_dict") else found)

    def _in_our_words(self, model: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Exception as error:
            ours = model_failures.translated(error, model, self._key)
            if ours is None:
                raise
            # A traceback with the library's error in it could show the key.
            raise ours from None

    def start_batch(self, asks: Sequence[Ask], tag: str) -> str:
        """Hand the questions over (one model); the batch's id at the provider. `tag` finds it again.

        Raises what `complete` raises.
        """
        model = asks[0].model
        manner = self._memory.recall(f"{self.server} {model}") or Manner()
        lines = "".join(_batch_line(ask, manner, self._schema) for ask in asks).encode()
        files, batches = self._client.files.with_raw_response, self._client.batches.with_raw_response
        uploaded = self._object(
            model, lambda: files.create(file=("asks.jsonl", lines), purpose="batch"), perhaps_paid=False
        )
        made = self._object(
            model,
            lambda: batches.create(
                input_file_id=id_of(uploaded, perhaps_paid=False),
                endpoint="/v1/chat/completions",
                completion_window="24h",
                # By this a batch is found whose id died with the process that started it.
                metadata={"mingus": tag},
            ),
        )
        return id_of(made)

    def find_batch(self, tag: str) -> str | None:
        """The id of the batch that was started with this tag, if it was. Raises what `complete` raises."""
        listed = self._client.batches.with_raw_response
        found = self._object("batch", lambda: listed.list(limit=BATCHES_LISTED)).get("data")
        if not isinstance(found, list):
            raise ModelDown("the model's server answered something that is no list of batches")
        return next((id_of(each) for each in found if tag_of(each) == tag), None)

    def batch(self, batch_id: str) -> BatchState:
        """How a batch stands. Raises what `complete` raises."""
        batches = self._client.batches.with_raw_response
        return read_batch(self._object("batch", lambda: batches.retrieve(batch_id)))

    def _object(self, model: str, call: Callable[[], Any], *, perhaps_paid: bool = True) -> dict[str, Any]:
        """The JSON object that came. The library would hand on a proxy's page, or half an object, as if it were one."""
        text = self._in_our_words(model, lambda: call().text)
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise ModelDown(
                "the model's server answered something that is no object", perhaps_paid=perhaps_paid
            )
        return found

    def batch_lines(self, state: BatchState) -> Iterator[BatchLine]:
        """The answers of a batch that has ended, and its errors, in no order. Raises what `complete` raises."""
        for file_id in filter(None, (state.output_file, state.error_file)):
            content = self._in_our_words("batch", partial(self._client.files.content, file_id)).read()
            lines = map(read_batch_line, filter(bytes.strip, content[:MAX_OUTPUT_BYTES].splitlines()))
            yield from filter(None, lines)


def body(ask: Ask, manner: Manner, schema: dict[str, Any]) -> dict[str, Any]:
    """The request, in the server's manner."""
    request: dict[str, Any] = {
        "model": ask.model,
        "messages": list(ask.messages),
        manner.limit_name: ANSWER_TOKENS,
    }
    if manner.form == "json_schema":
        wanted = {"name": "labels", "strict": True, "schema": schema}
        request["response_format"] = {"type": "json_schema", "json_schema": wanted}
    elif manner.form == "json_object":
        request["response_format"] = {"type": "json_object"}
    return request


def lesson(refusal: str, manner: Manner) -> Manner | None:
    """What a refusal teaches: the next manner to try; None when it was about something else."""
    text = refusal.lower()
    if "max_completion_tokens" in text or "max_tokens" in text:
        # Older servers know only the one name, newer models take only the other.
        other = LIMIT_NAMES[1 - LIMIT_NAMES.index(manner.limit_name)]
        return replace(manner, limit_name=other)
    step = FORMS.index(manner.form) + 1
    if step < len(FORMS) and any(
        word in text for word in ("response_format", "json_schema", "json_object", "schema")
    ):
        return replace(manner, form=FORMS[step])
    return None


def _batch_line(ask: Ask, manner: Manner, schema: dict[str, Any]) -> str:
    line = {
        "custom_id": ask.key,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": body(ask, manner, schema),
    }
    return json.dumps(line, ensure_ascii=False) + "\n"
