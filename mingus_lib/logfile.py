"""A log file that many processes write and that is rotated, without a line lost or torn.

Not logging.handlers.RotatingFileHandler: every process would rename the file by its own count, over the others'
backups, and write on into a file that is no longer the log. Here a line is one write() to a file opened for
appending, which the kernel does not interleave; whoever finds the file too large renames it under a lock, after
another look at its size; and everybody opens it anew when its path leads to another file, as WatchedFileHandler
does, so that logrotate may rotate it as well.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from mingus_lib.errors import UsageError

MAX_BYTES = 10_000_000
BACKUPS = 5


class LogFile(logging.Handler):
    """Appends to `path` (0600); at `max_bytes` it becomes PATH.1, and so on up to PATH.`backups`.

    Raises UsageError when the file cannot be written.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        super().__init__()
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise UsageError(
                f"cannot write the log file {path}: {error.strerror}; name another with --log-file"
            ) from error

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        try:
            # A lone surrogate, which UTF-8 cannot write, must not cost the line.
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            self._follow()
            os.write(self._descriptor, line)
        except Exception:
            # Nobody who only logs must fail for it.
            self.handleError(record)

    def close(self) -> None:
        """Close the file."""
        with self.lock or contextlib.nullcontext():
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
        super().close()

    def _open(self) -> int:
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _follow(self) -> None:
        """Have the file open that the path leads to, and that has room."""
        if self._is_moved():
            self._reopen()
        if os.fstat(self._descriptor).st_size >= self._max_bytes:
            with self._alone():
                if not self._is_moved():
                    self._rotate()
            self._reopen()

    def _is_moved(self) -> bool:
        ours = os.fstat(self._descriptor)
        try:
            there = os.stat(self.path)  # noqa: PTH116 - for every line
        except FileNotFoundError:
            return True
        return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino)

    def _reopen(self) -> None:
        # Before the old one is closed: when this fails, lines go on into that.
        fresh = self._open()
        os.close(self._descriptor)
        self._descriptor = fresh

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        # On a file of its own: the log itself is renamed.
        lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _rotate(self) -> None:
        names = [
            self.path,
            *(self.path.with_name(f"{self.path.name}.{n}") for n in range(1, self._backups + 1)),
        ]
        # From the oldest on, so that none is overwritten before it has moved.
        for older, newer in reversed(list(zip(names[1:], names, strict=False))):
            if newer.exists():
                newer.replace(older)
