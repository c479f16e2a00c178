"""Signed jobs: nothing runs that was not signed by a known key which may run that task.

A signature is `KEYID.TIME.MAC` in one field of the job: HMAC-SHA-256 (RFC 2104) over id, queue, key id, time
and the job's data (the task's path and its arguments), in base64 without padding. It stays under 64 bytes,
so that Redis keeps the job's hash in its compact form.
"""

from __future__ import annotations

import base64
import hmac
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from mingus_lib.errors import PermanentError

FIELD = "sig"
ANY_TASK = "*"
_FORM = re.compile(r"([a-z0-9]{1,8})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


class JobRefused(PermanentError):
    """The job may not run, and no requeue of it will."""

    code = "refused"


@dataclass(frozen=True, slots=True)
class Key:
    """A named key. `permissions` are what the tasks it may sign require; `*` is every one."""

    id: str
    name: str
    secret: bytes
    permissions: tuple[str, ...] = (ANY_TASK,)
    created_at: str = ""
    revoked_at: str | None = None

    def __repr__(self) -> str:
        # Without its secret: tracebacks and log lines show a repr.
        return f"Key({self.id}, {self.name})"

    def allows(self, permission: str) -> bool:
        """Whether it may sign jobs of tasks that require this permission."""
        return ANY_TASK in self.permissions or permission in self.permissions


def sign(key: Key, job_id: str, queue: str, data: bytes, *, at: int | None = None) -> str:
    """The signature of a job; `at` is Unix time in seconds, now if None."""
    moment = int(time.time()) if at is None else at
    return f"{key.id}.{moment}.{_mac(key, job_id, queue, data, moment)}"


def verify(keys: Mapping[str, Key], signature: str, job_id: str, queue: str, data: bytes) -> tuple[Key, int]:
    """The key that signed the job, and when (Unix seconds). Raises JobRefused."""
    form = _FORM.fullmatch(signature)
    if form is None:
        raise JobRefused("it is not signed")
    key = keys.get(form[1])
    if key is None:
        raise JobRefused(f"signed by the key {form[1]}, which is not known here")
    # In constant time, which does not tell a forger how much of it fits.
    if not hmac.compare_digest(form[3], _mac(key, job_id, queue, data, int(form[2]))):
        raise JobRefused(f"its signature by the key {key.name!r} does not fit: it was altered or moved")
    if key.revoked_at is not None:
        raise JobRefused(f"signed by the key {key.name!r}, which was revoked")
    return key, int(form[2])


def _mac(key: Key, job_id: str, queue: str, data: bytes, moment: int) -> str:
    # Neither an id, a queue nor a key id can hold a NUL, and the data stand last.
    message = b"\0".join((job_id.encode(), queue.encode(), key.id.encode(), b"%d" % moment, data))
    return base64.urlsafe_b64encode(hmac.digest(key.secret, message, "sha256")).decode().rstrip("=")
