"""What a real Celery left in Redis (tests/celery/messages.json), and messages made after its pattern."""

from __future__ import annotations

import base64
import json
import uuid
from pathlib import Path
from typing import Any

MESSAGES: list[dict[str, str]] = json.loads(
    (Path(__file__).parent / "celery" / "messages.json").read_text("utf-8")
)["messages"]
BY_NAME = {each["name"]: each for each in MESSAGES}


def golden(name: str) -> bytes:
    """A captured message by its name."""
    return BY_NAME[name]["message"].encode()


def id_of(name: str) -> str:
    """The id of a captured message."""
    found = json.loads(golden(name))
    message = found[0] if isinstance(found, list) else found
    given: str = message["properties"]["correlation_id"]
    return given


def fill(client: Any) -> None:
    """Put every captured message where it was captured."""
    for each in MESSAGES:
        if "tag" in each:
            client.hset("unacked", each["tag"], each["message"])
            client.zadd("unacked_index", {each["tag"]: 1795652878.8})
        else:
            client.lpush(each["key"], each["message"])


def message(task: str, *args: Any, id: str | None = None, **headers: Any) -> bytes:
    """A message of protocol 2, as Celery writes it."""
    name = id or str(uuid.uuid4())
    body = base64.b64encode(json.dumps([list(args), headers.pop("kwargs", {}), {}]).encode()).decode()
    return envelope(body, {"task": f"backend.celery_app.{task}", "id": name, **headers})


def envelope(body: Any, headers: Any, **more: Any) -> bytes:
    """Any message, sound or not."""
    properties = {"body_encoding": "base64"}
    whole = {"body": body, "content-type": "application/json", "headers": headers, "properties": properties}
    return json.dumps({**whole, **more}).encode()
