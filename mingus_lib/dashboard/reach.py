"""What a page reads from: one Runtime a thread, so that no page waits for another's reading."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import current_app, g

from mingus_lib.services import health, overview

if TYPE_CHECKING:
    from mingus_lib.runtime import Runtime

DESK = "mingus.desk"


class Desk(threading.local):
    """A thread's own Runtime, opened when the thread first needs it."""

    def __init__(self, open_runtime: Callable[[], Runtime]) -> None:
        # Called once in every thread that asks for it: so threading.local does with a subclass.
        self.here = open_runtime()


def here() -> Runtime:
    """This thread's runtime."""
    desk: Desk = current_app.extensions[DESK]
    return desk.here


def seen() -> dict[str, Any]:
    """The shape of `status --json`, read once a request."""
    # Panels that looked for themselves might contradict each other on one page.
    if "seen" not in g:
        g.seen, _ = overview.overview(here().settings, here().redis_url, _looked())
    found: dict[str, Any] = g.seen
    return found


def problems() -> list[str]:
    """What `mingus health` says has failed, read once a request."""
    if "problems" not in g:
        settings = here().settings
        found = health.look(settings, here().redis_url, max_age=settings.health_max_age, looked=_looked())
        g.problems = health.reasons(found)
    told: list[str] = g.problems
    return told


def _looked() -> overview.Looked:
    """What Redis tells, asked once a request: four round trips."""
    if "looked" not in g:
        g.looked = overview.look_at_redis(here().settings, here().redis_url)
    found: overview.Looked = g.looked
    return found
