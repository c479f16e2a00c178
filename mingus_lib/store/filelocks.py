"""Locks beside SQLite's own, each on a file or folder, let go by the system when their process ends.

`alone` on STORE.lock: one process migrates or restores a store at a time. `place` on the store's folder: nobody opens
a store while another file is put in its place. SQLite finds a log by its name, so one who has opened the old file and
then finds the log of the new one would damage both.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mingus_lib.errors import StoreUnavailable
from mingus_lib.sharing import share
from mingus_lib.store import failures

PATIENCE_SECONDS = 10.0


@contextmanager
def alone(path: Path, patience: float) -> Iterator[None]:
    """Be the only one who migrates or restores the store at `path`; `patience` in seconds.

    Raises StoreUnavailable `store-locked`.
    """
    with failures.files_in_our_words(path):
        # A link to a store leads to the same lock.
        handle = os.open(f"{path.resolve()}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        share(handle, path.resolve())
    busy = f"the store {path} is being migrated or restored by another process: try again when it is done"
    with _held(handle, fcntl.LOCK_EX, patience, busy):
        yield


@contextmanager
def place(path: Path, *, replaces: bool = False) -> Iterator[None]:
    """Open the store at `path` in this block, or, with `replaces`, put another file there.

    Openers share it; no connection may be opened inside a block that replaces. Raises StoreUnavailable `store-locked`.
    """
    with failures.files_in_our_words(path):
        # The folder itself: who may not write there can lock it, too.
        handle = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    busy = f"the store {path} is being opened or replaced by another process: try again"
    with _held(handle, fcntl.LOCK_EX if replaces else fcntl.LOCK_SH, PATIENCE_SECONDS, busy):
        yield


@contextmanager
def _held(handle: int, how: int, patience: float, busy: str) -> Iterator[None]:
    try:
        _wait_for(handle, how, time.monotonic() + patience, busy)
        yield
    finally:
        # Closing lets go. The file stays: deleted, it would leave two holders of two files.
        os.close(handle)


def _wait_for(handle: int, how: int, deadline: float, busy: str) -> None:
    # flock, not lockf: that one's exclusive lock wants a handle for writing, which no folder gives.
    while True:
        try:
            # flock has no time-out of its own.
            fcntl.flock(handle, how | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise StoreUnavailable(busy, code="store-locked") from None
            time.sleep(0.02)
