"""A server on loopback that speaks OpenAI's chat completions, files and batches, and fails as it is told.

    with FakeOpenAI() as server:
        server.faults = ["quota", "ok"]            # the next answers, in order; then `default`
        server.share_of_faults(0.3, seed=1)         # or a random share of all
        ... client with base_url=server.url, api_key="test" ...
        server.tokens_in, server.tokens_out, server.requests     # its own count

It labels with our offline engine, unless an instruction reaches its instruction part: what stands outside of the JSON
object of the user message. Such an instruction (`OBEY key=value`) it follows, as a credulous model would.
Faults: see FAULTS.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from mingus_lib.domain import offline

FAULTS = (
    "ok", "rate-limit", "quota", "server-error", "bad-gateway-page", "gateway-time-out", "page", "unauthorized",
    "forbidden", "no-model", "time-out", "broken", "not-json", "empty-choices", "length", "content-filter", "refusal",
    "bad-phase", "bad-topic", "bad-score", "not-an-object", "extra-keys", "mappable", "context-length",
)  # fmt: skip
# After these an answer was finished and is charged.
CHARGED = frozenset(
    ("ok", "length", "content-filter", "refusal", "bad-phase", "bad-topic", "bad-score", "not-an-object",
     "extra-keys", "mappable")
)  # fmt: skip
OBEY = re.compile(r"OBEY (\w+)=([^\s\"\\]+)")
FIELDS_SENT = (
    "primary_phase", "difficulty_level", "confidence_score", "demographic_relevance", "cultural_sensitivity",
    "income_impact_potential", "actionability_score", "professional_development_value", "key_topics",
    "learning_objectives", "prerequisites", "cultural_relevance_keywords", "cultural_focus",
    "target_income_range", "career_stage", "recommended_reading_order", "classification_reasoning",
)  # fmt: skip


def count_tokens(text: str) -> int:
    """The server's own count: four characters are one."""
    return max(1, len(text) // 4)


class FakeOpenAI:
    """The server; a context manager. `latency` is seconds before each answer."""

    def __init__(self, *, latency: float = 0.0, confidence: float = 0.9) -> None:
        self.latency = latency
        self.confidence = confidence
        self.faults: list[str] = []
        self.default = "ok"
        self.forms: tuple[str, ...] = ("json_schema", "json_object", "plain")
        self.limit_names: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
        self.requests: list[float] = []
        self.charged: list[tuple[str, str, int, int]] = []  # (model, digest of the messages, in, out)
        self.seen: list[dict[str, Any]] = []
        self.keys: Counter[str] = Counter()
        self.released = threading.Event()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.batch_state = "completed"
        self.batch_share = 1.0
        self.strange: dict[str, tuple[int, bytes]] = {}  # what the last part of a path answers instead
        self._rng: random.Random | None = None
        self._share = 0.0
        self._kinds: tuple[str, ...] = ()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL has to be."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def tokens_in(self) -> int:
        return sum(each[2] for each in self.charged)

    @property
    def tokens_out(self) -> int:
        return sum(each[3] for each in self.charged)

    def share_of_faults(self, share: float, *, seed: int, kinds: tuple[str, ...]) -> None:
        """From now on a random share of the answers is one of these faults."""
        self._rng, self._share, self._kinds = random.Random(seed), share, kinds

    def next_fault(self) -> str:
        with self._lock:
            if self.faults:
                return self.faults.pop(0)
            if self._rng is not None and self._rng.random() < self._share:
                return self._rng.choice(self._kinds)
            return self.default

    def complete(self, request: dict[str, Any], fault: str) -> dict[str, Any]:
        """The body of an answer to a chat completion."""
        text, finish, refusal = self._answer(request, fault)
        tokens_in = sum(count_tokens(each["content"]) for each in request["messages"])
        tokens_out = count_tokens(text or refusal or " ")
        with self._lock:
            digest = hashlib.sha256(json.dumps(request["messages"]).encode()).hexdigest()
            self.charged.append((request["model"], digest, tokens_in, tokens_out))
        message = {"role": "assistant", "content": None if refusal else text, "refusal": refusal}
        return {
            "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": tokens_in, "completion_tokens": tokens_out,
                "total_tokens": tokens_in + tokens_out,
                "prompt_tokens_details": {"cached_tokens": 0},
            },
        }  # fmt: skip

    def _answer(self, request: dict[str, Any], fault: str) -> tuple[str, str, str | None]:
        if fault == "refusal":
            return "", "stop", "I cannot help with that."
        labels = self.labels(request["messages"])
        changes: dict[str, dict[str, Any]] = {
            "bad-phase": {"primary_phase": "OWN"},
            "bad-topic": {"key_topics": ["world domination"]},
            "bad-score": {"actionability_score": 99},
            "extra-keys": {"is_override": True, "status": "published"},
            "mappable": {
                "primary_phase": " do ",
                "key_topics": ["401K", "Stocks"],
                "confidence_score": "90%",
            },
        }
        labels |= changes.get(fault, {})
        text = json.dumps([labels] if fault == "not-an-object" else labels)
        if fault == "not-an-object":
            text = "Here are your labels, enjoy!"
        if fault == "length":
            return text[: len(text) // 2], "length", None
        return ("", "content_filter", None) if fault == "content-filter" else (text, "stop", None)

    def labels(self, messages: list[dict[str, str]]) -> dict[str, Any]:
        """What the model thinks of the article, and of every instruction that reaches it as one."""
        article, outside = self._parts(messages)
        found = offline.classify(str(article.get("title", "")), str(article.get("text", ""))).labels.as_dict()
        labels = {name: found[name] for name in FIELDS_SENT} | {"confidence_score": self.confidence}
        labels["key_topics"] = labels["key_topics"] or ["financial literacy"]
        for key, value in OBEY.findall(outside):
            labels[key] = [value] if key in ("key_topics",) else value
        return labels

    def _parts(self, messages: list[dict[str, str]]) -> tuple[dict[str, Any], str]:
        """The article, and everything that is not inside its one line of JSON."""
        outside = [each["content"] for each in messages if each["role"] != "user"]
        article: dict[str, Any] = {}
        for each in messages:
            if each["role"] != "user":
                continue
            lines = each["content"].split("\n")
            try:
                found = json.loads(lines[0])
            except ValueError:
                outside += lines
                continue
            article = article or found
            outside += lines[1:]
        return article, "\n".join(outside)

    def make_batch(self, request: dict[str, Any]) -> dict[str, Any]:
        number = f"batch_{len(self.batches) + 1}"
        self.batches[number] = {
            "id": number, "object": "batch", "endpoint": request["endpoint"], "completion_window": "24h",
            "created_at": 1, "status": "in_progress", "input_file_id": request["input_file_id"],
            "output_file_id": None, "error_file_id": None, "errors": None, "metadata": request.get("metadata"),
        }  # fmt: skip
        return self.batches[number]

    def finish_batches(self) -> None:
        """Work the running batches off: `batch_share` of each is answered, then they are in `batch_state`."""
        for number, batch in self.batches.items():
            if batch["status"] != "in_progress":
                continue
            asked = [json.loads(line) for line in self.files[batch["input_file_id"]].splitlines()]
            answered = asked[: round(len(asked) * self.batch_share)]
            lines = [self._batch_line(each) for each in answered]
            errors = [
                {
                    "id": "x",
                    "custom_id": each["custom_id"],
                    "response": None,
                    "error": {"code": "batch_expired", "message": "too late"},
                }
                for each in asked[len(answered) :]
            ]
            self.files[f"{number}-out"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
            self.files[f"{number}-err"] = b"".join(json.dumps(line).encode() + b"\n" for line in errors)
            batch |= {
                "status": self.batch_state,
                "output_file_id": f"{number}-out" if lines else None,
                "error_file_id": f"{number}-err" if errors else None,
            }

    def _batch_line(self, asked: dict[str, Any]) -> dict[str, Any]:
        fault = self.next_fault()
        if fault == "server-error":
            answer = {"status_code": 500, "body": {"error": {"message": "oops", "code": "server_error"}}}
        else:
            answer = {"status_code": 200, "body": self.complete(asked["body"], fault)}
        return {"id": "x", "custom_id": asked["custom_id"], "response": answer, "error": None}


def _error(message: str, code: str | None = None, kind: str = "error") -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": code, "param": None}}


# What a proxy answers in the model's place.
PAGES = {"bad-gateway-page": 502, "gateway-time-out": 504, "page": 200}
REFUSALS: dict[str, tuple[int, dict[str, Any], dict[str, str]]] = {
    "rate-limit": (429, _error("Rate limit reached", "rate_limit_exceeded"), {"Retry-After": "0.2"}),
    "quota": (429, _error("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), {}),
    "server-error": (500, _error("The server had an error"), {}),
    "unauthorized": (401, _error("Incorrect API key provided: sk-secret-1234567890"), {}),
    "forbidden": (403, _error("Country not supported"), {}),
    "no-model": (404, _error("The model does not exist", "model_not_found"), {}),
    "context-length": (
        400,
        _error("This model's maximum context length is 8192", "context_length_exceeded"),
        {},
    ),
}


def _handler(server: FakeOpenAI) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            return

        def do_GET(self) -> None:
            path = self.path.removeprefix("/v1").partition("?")[0]
            parts = path.strip("/").split("/")
            if parts[-1] in server.strange:
                self.strange(*server.strange[parts[-1]])
            elif path == "/batches":
                self.reply(200, {"object": "list", "data": list(server.batches.values()), "has_more": False})
            elif parts[0] == "batches" and parts[1] in server.batches:
                self.reply(200, server.batches[parts[1]])
            elif parts[0] == "files" and parts[1] in server.files:
                self.raw(200, server.files[parts[1]], "application/octet-stream")
            else:
                self.reply(404, _error("no such thing"))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.keys[self.headers.get("Authorization", "")] += 1
            path = self.path.removeprefix("/v1")
            if path.rpartition("/")[2] in server.strange:
                self.strange(*server.strange[path.rpartition("/")[2]])
            elif path == "/files":
                name = f"file_{len(server.files) + 1}"
                server.files[name] = _uploaded(body)
                self.reply(
                    200,
                    {
                        "id": name,
                        "object": "file",
                        "bytes": len(body),
                        "created_at": 1,
                        "filename": "f",
                        "purpose": "batch",
                        "status": "processed",
                    },
                )
            elif path == "/batches":
                self.reply(200, server.make_batch(json.loads(body)))
            else:
                self.completion(json.loads(body))

        def completion(self, request: dict[str, Any]) -> None:
            with server._lock:
                server.requests.append(time.monotonic())
                server.seen.append(request)
            time.sleep(server.latency)
            form = request.get("response_format", {}).get("type", "plain")
            if form not in server.forms:
                self.reply(400, _error(f"response_format of type {form} is not supported"))
                return
            unknown = [
                n
                for n in ("max_completion_tokens", "max_tokens")
                if n in request and n not in server.limit_names
            ]
            if unknown:
                self.reply(400, _error(f"Unrecognized request argument supplied: {unknown[0]}"))
                return
            self.misbehave(request, server.next_fault())

        def misbehave(self, request: dict[str, Any], fault: str) -> None:
            if fault in REFUSALS:
                status, body, headers = REFUSALS[fault]
                self.reply(status, body, headers)
            elif fault in PAGES:
                status = PAGES[fault]
                self.raw(status, b"<!doctype html><html><h1>Bad gateway</h1></html>", "text/html")
            elif fault == "time-out":
                server.released.wait(30)
                self.close_connection = True
            elif fault == "broken":
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "5000")
                self.end_headers()
                self.wfile.write(b'{"id": "chatcmpl-1", "choices": [')
                self.close_connection = True
            elif fault == "not-json":
                self.raw(200, b'{"id": "chatcmpl', "application/json")
            elif fault == "empty-choices":
                self.reply(
                    200, {"id": "x", "object": "chat.completion", "choices": [], "model": "m", "created": 1}
                )
            else:
                self.reply(200, server.complete(request, fault))

        def strange(self, status: int, body: bytes) -> None:
            self.raw(status, body, "text/html" if body.startswith(b"<") else "application/json")

        def reply(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            self.raw(status, json.dumps(body).encode(), "application/json", headers)

        def raw(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _uploaded(body: bytes) -> bytes:
    """The file in a multipart form."""
    boundary = body.partition(b"\r\n")[0]
    for part in body.split(boundary):
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return content.removesuffix(b"\r\n")
    return b""
