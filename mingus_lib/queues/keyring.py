"""The signing keys of a library: one private file (0600) in the state directory, made on first use.

A producer on another machine has a file with a single key, as `mingus keys add` writes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mingus_lib.errors import NotFound, Refused, StoreUnavailable, UsageError
from mingus_lib.queues.signing import ANY_TASK, Key
from mingus_lib.sharing import share

OWN_KEY = "local"
SCHEDULER_KEY = "scheduler"


class KeyRing:
    """The keys of one file, read again when it changes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: dict[str, Key] = {}
        self._seen: tuple[int, int, int] | None = None

    @property
    def keys(self) -> Mapping[str, Key]:
        """All keys by id, revoked ones too. Raises UsageError or StoreUnavailable."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - on every job; the call is a third of Path.stat's
        except FileNotFoundError:
            # Nothing was signed yet: the first job makes the file.
            return {}
        except OSError as error:
            raise _unusable(self.path, error) from error
        # Two writes may fall into one tick of the clock and be equally long: the inode tells them apart.
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen != self._seen:
            self._keys, self._seen = {key.id: key for key in _read(self.path)}, seen
        return self._keys

    def own(self) -> Key:
        """The key that this library signs with; made at the first call."""
        return self._made(OWN_KEY)

    def schedulers(self) -> Key:
        """The key that the timetable's jobs are signed with; made at the first call."""
        return self._made(SCHEDULER_KEY)

    def _made(self, name: str) -> Key:
        return self._named(name) or self.add(name, (ANY_TASK,), exist_ok=True)

    def add(self, name: str, permissions: Sequence[str], *, exist_ok: bool = False) -> Key:
        """Make a key. Raises Refused when a valid one has the name."""
        with self._alone():
            # Looked at under the lock: two first commands at once make one key.
            present = self._named(name)
            if present is not None:
                if exist_ok:
                    return present
                raise Refused(f"there is a key named {name!r} already; revoke it or take another name")
            now = datetime.now(UTC).isoformat(timespec="seconds")
            # Eight characters: with a longer id a signature outgrows the 64 bytes of a compact hash.
            key = Key(secrets.token_hex(4), name, secrets.token_bytes(32), tuple(permissions), now)
            self._write([*self.keys.values(), key])
            return key

    def revoke(self, name: str) -> Key:
        """Let no job signed by that key run any more. Raises NotFound."""
        with self._alone():
            key = self._named(name)
            if key is None:
                names = ", ".join(sorted({each.name for each in self.keys.values() if not each.revoked_at}))
                raise NotFound(f"no valid key is named {name!r}; there are: {names or 'none'}")
            # Kept, so that its jobs are refused with the name of their key.
            revoked = replace(key, revoked_at=datetime.now(UTC).isoformat(timespec="seconds"))
            self._write([revoked if each.id == key.id else each for each in self.keys.values()])
            return revoked

    def _named(self, name: str) -> Key | None:
        valid = (key for key in self.keys.values() if key.name == name and key.revoked_at is None)
        return next(valid, None)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self.path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, keys: Sequence[Key]) -> None:
        text = json.dumps({"keys": [_as_json(key) for key in keys]}, indent=1)
        write_private(self.path, text, shared=0o640)


def single(path: Path) -> Key:
    """The one key in a producer's file. Raises UsageError."""
    keys = _read(path)
    if len(keys) != 1:
        raise UsageError(f"{path} holds {len(keys)} keys, not one; write it with `mingus keys add`")
    return keys[0]


def export(key: Key, path: Path) -> None:
    """Write the file of a producer; Refused when something is there."""
    # A link that leads nowhere is something, too.
    if os.path.lexists(path):
        raise Refused(f"{path} is there already; name another file")
    write_private(path, json.dumps({"keys": [_as_json(key)]}, indent=1))


def write_private(path: Path, text: str, *, shared: int | None = None) -> None:
    """Replace the file in one step; for its owner alone, or with the mode `shared` where its folder is shared.

    Raises StoreUnavailable.
    """
    # In the same folder: across file systems a rename is no single step.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # What somebody else has laid there would keep its owner and its mode.
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            if shared is not None:
                share(descriptor, path, shared)
            stream.write(text)
            stream.flush()
            # Before it is named: a power cut must not leave an empty file of keys.
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        # What kept it from being written may keep it from being removed, too.
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise _unusable(path, error) from error


def _read(path: Path) -> list[Key]:
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        return [_from_json(entry) for entry in json.loads(text)["keys"]]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{path} is not a file of keys; restore it, or remove it to start with a new key"
        ) from error


def _as_json(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "secret": key.secret.hex(),
        "permissions": list(key.permissions),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _from_json(entry: Mapping[str, Any]) -> Key:
    permissions = tuple(str(each) for each in entry["permissions"])
    secret = bytes.fromhex(entry["secret"])
    if len(secret) < 16:
        raise ValueError("too short a secret")
    return Key(
        str(entry["id"]),
        str(entry["name"]),
        secret,
        permissions,
        str(entry["created_at"]),
        entry["revoked_at"],
    )


def _unusable(path: Path, error: OSError) -> StoreUnavailable:
    return StoreUnavailable(f"cannot use the keys in {path}: {error.strerror}; check its owner and mode")
