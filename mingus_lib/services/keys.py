"""The keys that jobs are signed with: who may enqueue what."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mingus_lib.domain.words import nearest
from mingus_lib.errors import MingusError, NotFound, Refused, StoreUnavailable, UsageError
from mingus_lib.queues import catalog, keyring
from mingus_lib.queues.keyring import KeyRing
from mingus_lib.queues.signing import ANY_TASK, Key

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.@-]{0,62}")


def as_json(key: Key) -> dict[str, Any]:
    """The documented shape of `keys list --json`: everything but the secret."""
    return {
        "name": key.name,
        "id": key.id,
        "permissions": list(key.permissions),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def listed(ring: KeyRing) -> list[dict[str, Any]]:
    """All keys, the oldest first, revoked ones too."""
    return [as_json(key) for key in sorted(ring.keys.values(), key=lambda key: key.created_at)]


def add(ring: KeyRing, name: str, permissions: Sequence[str], output: Path) -> dict[str, Any]:
    """Make a key and write the file of its producer (0600).

    Raises UsageError, NotFound for a permission that no task requires, Refused when the name or the file is taken.
    """
    if NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name[:70]!r} will not do as a name; use up to 63 letters, digits, blanks and _.@-"
        )
    for permission in permissions:
        check_permission(permission)
    # Before the key is made: nobody would hold it.
    # Also a link that leads nowhere: the file would take its place without a word.
    if os.path.lexists(output):
        raise Refused(f"{output} is there already; name another file")
    # Not Path.is_dir(), which raises for what may not be looked at.
    if not os.path.isdir(output.parent):  # noqa: PTH112
        raise UsageError(f"there is no folder {output.parent}; name a file in one that is there")
    key = ring.add(name, list(dict.fromkeys(permissions)))
    try:
        keyring.export(key, output)
    except MingusError as error:
        # Nobody has it, so nobody can want it.
        ring.revoke(name)
        if isinstance(error, StoreUnavailable):
            raise UsageError(f"cannot write {output}; name a file in a writable folder") from error
        raise
    return {**as_json(key), "file": str(output)}


def revoke(ring: KeyRing, name: str) -> dict[str, Any]:
    """Let none of its jobs run any more, those that wait included. Raises NotFound."""
    check_valid(ring, name)
    return as_json(ring.revoke(name))


def check_valid(ring: KeyRing, name: str) -> None:
    """Raise NotFound, suggesting the nearest, unless a key of that name is valid."""
    valid = [key.name for key in ring.keys.values() if key.revoked_at is None]
    if name not in valid:
        there = ", ".join(sorted(valid)) or "none"
        raise NotFound(f"no valid key is named {name!r}{nearest(name, valid)}; there are: {there}")


def check_permission(permission: str) -> None:
    """Raise NotFound, suggesting the nearest, unless some task requires it."""
    known = (ANY_TASK, *sorted({task.permission for task in catalog.load().values()}))
    if permission not in known:
        near = nearest(permission, known)
        raise NotFound(
            f"no permission {permission!r}{near}; the tasks require {', '.join(known[1:])}; * is all"
        )
