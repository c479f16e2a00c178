"""A job for tests, benchmarks and operators: it does nothing, in the way it is told to."""

from __future__ import annotations

import os
import signal
import time
from typing import Literal

from pydantic import Field

from jobs.arguments import Arguments
from mingus_lib.errors import PermanentError, TransientError
from mingus_lib.queues.catalog import job


class Ping(Arguments):
    """`seconds` to take, how to `fail`, and the `token` to return."""

    seconds: float = Field(default=0, ge=0, le=600)
    fail: Literal["none", "transient", "permanent", "crash"] = "none"
    token: str | None = Field(default=None, max_length=1000)


# The longest ping, of 600 s, must not meet its soft limit.
@job(Ping, queue=None, permission="diagnostics:run", soft=660, hard=720)
def ping(seconds: float = 0, fail: str = "none", token: str | None = None) -> str | None:
    """Wait, fail if told to, and return the token."""
    if seconds:
        # Even a sleep of nothing takes the kernel's timer slack, about 80 microseconds.
        time.sleep(seconds)
    if fail == "transient":
        raise TransientError("told to fail for now", code="ping")
    if fail == "permanent":
        raise PermanentError("told to fail", code="ping")
    if fail == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    return token
