"""The page docs/tasks.md, made from the catalog of tasks."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from mingus_lib.queues import catalog
from mingus_lib.queues.catalog import Task
from mingus_lib.view.reference import markdown_table

INTRODUCTION = """\
# Tasks

<!-- Generated from the catalog (mingus_lib/queues/catalog.py and jobs/) by `make docs`: do not edit. -->

What a job can do. `mingus tasks` prints this list, `mingus tasks --json` the JSON schema of every
task's arguments too. Arguments are checked before anything is stored, and again before a job runs:
an unknown name, a wrong type or a value out of its limits is refused with exit code 2, and one line
says which. Names of tasks are a contract; so are the dotted paths of their functions, which are what
Redis holds.

At the soft limit a running job is asked to stop, at the hard limit its process is killed; both count as
failures worth another try. A job above its memory is killed and `dead`. Over its rate a job waits as
`scheduled`, without using an attempt. `[tasks.NAME]` in `mingus.toml` changes limits, rate, retries and
the first wait ([configuration.md](configuration.md#tasks)). A job that meets a failure worth another
try waits at least its first wait before the next attempt; later waits grow at random up to an hour.
Everything else that fails is `dead` at once, with its reason. The permission is what a key must have to
sign jobs of the task.

"""

# One for each task: tests/test_docs.py runs them.
EXAMPLES: Mapping[str, tuple[Mapping[str, Any], str | None]] = {
    "process_new_articles": ({"urls": ["https://example.com/first-emergency-fund"]}, None),
    "reprocess_article": ({"article_id": 12, "offline": True}, None),
    "classify_article_batch": ({"article_ids": [12, 13]}, None),
    "upgrade_labels": ({"article_ids": [12, 13]}, None),
    "improve_labels": ({"limit": 200}, None),
    "poll_label_batches": ({}, None),
    "refit_label_model": ({}, None),
    "process_email_articles": (
        {
            "mail": {
                "subject": "Worth reading",
                "from": "letter@example.com",
                "body": "https://example.com/first-home-in-order",
                "message_id": "worth-reading@example.com",
            }
        },
        None,
    ),
    "read_mailbox": ({"limit": 100}, None),
    "sweep": ({}, None),
    "cleanup_old_articles": ({"days_old": 90}, None),
    "cleanup_expired_cache": ({}, None),
    "maintain_database": ({}, None),
    "update_user_recommendations": ({"user_id": "ada", "limit": 10}, None),
    "update_all_user_recommendations": ({}, None),
    "evaluate_recommendations": ({}, None),
    "update_article_analytics": ({}, None),
    "generate_daily_analytics_report": ({"day": "2026-11-23"}, None),
    "generate_weekly_analytics_report": ({"week": "2026-W47"}, None),
    "ping": ({"seconds": 0.5, "token": "hello"}, "cleanup"),
}
LIMITS = (
    ("minimum", "at least {}"),
    ("maximum", "at most {}"),
    ("minItems", "at least {} of them"),
    ("maxItems", "at most {} of them"),
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
)


def tasks() -> str:
    """The whole page, Markdown."""
    found = catalog.load()
    return INTRODUCTION + _overview(found) + "\n" + "\n".join(_section(task) for task in found.values())


def _overview(found: Mapping[str, Task]) -> str:
    headers = (
        "Task",
        "Queue",
        "Soft, hard",
        "Memory",
        "Rate",
        "Retries",
        "First wait",
        "Permission",
        "What it does",
    )
    return markdown_table(headers, map(_row, found.values()))


def _row(task: Task) -> tuple[str, ...]:
    retry = task.retry
    bounds = (f"{task.soft}, {task.hard} s", f"{task.memory / 1e6:.0f} MB", _rate(task))
    limits = (*bounds, str(retry.retries), f"{retry.backoff:g} s", f"`{task.permission}`")
    return (f"[{task.name}](#{task.name})", _queue(task), *limits, task.summary)


def _rate(task: Task) -> str:
    return f"{task.rate[0]} in {task.rate[1]} s" if task.rate else "any"


def _queue(task: Task) -> str:
    return f"`{task.queue}`" if task.queue else "any"


def _section(task: Task) -> str:
    schema = task.arguments.model_json_schema()
    paragraphs = [task.summary, schema["description"], f"Function: `{task.path}`"]
    if schema["properties"]:
        table = markdown_table(("Argument", "Type", "Default", "Allowed"), _arguments(schema))
        paragraphs.append(table.rstrip())
    return "\n\n".join([f"## {task.name}", *paragraphs, f"```sh\n{example(task)}\n```\n"])


def _arguments(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, field in schema["properties"].items():
        default = "required" if name in required else f"`{json.dumps(field.get('default'))}`"
        yield f"`{name}`", type_of(field), default, limits_of(field) or "any"


def type_of(field: Mapping[str, Any]) -> str:
    """A JSON schema's type in words: `list of string`, `string or null`."""
    if "anyOf" in field:
        return " or ".join(type_of(choice) for choice in field["anyOf"])
    if "$ref" in field:
        return "object"
    if field["type"] == "array":
        return f"list of {type_of(field['items'])}"
    return str(field["type"])


def limits_of(field: Mapping[str, Any]) -> str:
    """What a JSON schema allows, in words; empty when it is everything of its type."""
    if "enum" in field:
        return "one of " + ", ".join(f"`{json.dumps(value)}`" for value in field["enum"])
    own = [words.format(field[key]) for key, words in LIMITS if key in field]
    inner = [limits_of(choice) for choice in field.get("anyOf", ())]
    if items := limits_of(field["items"]) if "items" in field else "":
        inner.append(f"each {items}")
    return ", ".join([*own, *filter(None, inner)])


def example(task: Task) -> str:
    """A command that enqueues such a job; LookupError when EXAMPLES has none."""
    if task.name not in EXAMPLES:
        raise LookupError(f"docs/task_reference.py: EXAMPLES has none for the task {task.name}")
    arguments, queue = EXAMPLES[task.name]
    where = f" --queue {queue}" if queue else ""
    return f"mingus enqueue {task.name}{where} --args {shlex.quote(json.dumps(arguments))}"
