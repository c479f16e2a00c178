"""Logging: one line per event on standard error or in a file, as text or JSON.

Hostile text cannot forge a line or steer a terminal: everything written is escaped. Passwords in
addresses are masked, whoever logs them. Under systemd the journal keeps the time and is told the priority.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from mingus_lib.logfile import LogFile
from mingus_lib.queues import context
from mingus_lib.view.human import printable

# The last is where captureWarnings sends what Python and libraries warn of.
OURS = ("mingus_lib", "jobs", "mingus", "py.warnings")
FIELDS = ("job_id", "task", "queue", "attempt", "duration", "worker", "entry", "slot")
FRAMES_SHOWN = 5
# Any other value is quoted, so that none can pretend to be the next pair.
BARE = re.compile(r"[^\s=\"]+")
# syslog's severities, which the journal reads between < and > (sd-daemon(3)).
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
COLOURS = {logging.DEBUG: "2", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "1;31"}


class Stream(Protocol):
    """Where the lines go: any text stream."""

    def write(self, text: str, /) -> Any:
        """Write text."""

    def flush(self) -> Any:
        """Write it now."""

    def isatty(self) -> bool:
        """Whether a person watches."""


def setup(
    level: str = "info",
    format: str = "text",
    stream: Stream | None = None,
    env: Mapping[str, str] | None = None,
    file: Path | None = None,
) -> logging.Handler:
    """Send all logging of this process to `file`, or else to `stream` (standard error if None).

    Calling it again replaces what was there. Raises UsageError when the file cannot be written.

    `level` is debug, info, warning or error and `format` text or json. Libraries are heard from
    warning up, from info up when `level` is debug: some write request bodies at debug.
    """
    stream, env = stream or sys.stderr, os.environ if env is None else env
    handler = _handler(format, stream, env) if file is None else _file_handler(format, file)
    root, wanted = logging.getLogger(), getattr(logging, level.upper())
    # Those of a program that uses mingus as a library are left alone.
    for ours in [kept for kept in root.handlers if isinstance(kept, _Handler | LogFile)]:
        root.removeHandler(ours)
        ours.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO if wanted == logging.DEBUG else max(wanted, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(wanted)
    logging.captureWarnings(True)
    return handler


def _handler(format: str, stream: Stream, env: Mapping[str, str]) -> logging.Handler:
    handler = _Handler(stream)
    handler.setFormatter(_formatter(format, stream, env))
    return handler


def _file_handler(format: str, file: Path) -> logging.Handler:
    handler = LogFile(file)
    handler.setFormatter(JsonLine() if format == "json" else TextLine())
    return handler


class _Handler(logging.StreamHandler[Any]):
    """Ours, so that setup can find and replace it; quiet when nobody reads standard error any more."""

    def handleError(self, record: logging.LogRecord) -> None:
        if not isinstance(sys.exc_info()[1], BrokenPipeError):
            super().handleError(record)


class TextLine(logging.Formatter):
    """`2026-11-24T15:04:05.123Z INFO queues.worker: message job_id=...`."""

    def __init__(self, *, journal: bool = False, colour: bool = False) -> None:
        super().__init__()
        self._journal = journal
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        word, code = record.levelname, COLOURS.get(record.levelno)
        shown = f"\x1b[{code}m{word}\x1b[0m" if self._colour and code else word
        head = f"<{_priority(record)}>" if self._journal else f"{_time(record)} {shown} "
        parts = [record.getMessage().rstrip(), *_pairs(record), *_error(record)]
        # Once for the whole line: a worker writes two for every job.
        return head + _safe(f"{record.name.removeprefix('mingus_lib.')}: {' '.join(parts)}")


class JsonLine(logging.Formatter):
    """One JSON object a line: time, level, logger, message, the job's fields, error and traceback."""

    def __init__(self, *, journal: bool = False) -> None:
        super().__init__()
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        """One line; ASCII only, so nothing in it can steer a terminal."""
        event = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": without_passwords(record.getMessage()),
            **{key: _plain(value) for key, value in _fields(record).items()},
        }
        if record.exc_info and record.exc_info[1] is not None:
            event["error"] = without_passwords(_summary(record.exc_info[1]))
            event["traceback"] = without_passwords("".join(traceback.format_exception(record.exc_info[1])))
        head = f"<{_priority(record)}>" if self._journal else ""
        # ASCII is json's default, and escapes line breaks and terminal codes as well.
        return head + json.dumps(event)


def without_passwords(text: str) -> str:
    """The text with the password of every address in it masked."""
    # Nearly every text has none, and is written at once.
    if "://" not in text and "=" not in text:
        return text
    # Up to the last @ of the word: urllib takes a password that holds one, and so does redis-py.
    text = re.sub(r"://([^/\s:@]*):\S+@", r"://\1:***@", text)
    return re.sub(r"(?i)([?&]password=)[^&\s\"']+", r"\1***", text)


def _formatter(format: str, stream: Stream, env: Mapping[str, str]) -> logging.Formatter:
    journal = _goes_to_journal(stream, env)
    if format == "json":
        return JsonLine(journal=journal)
    wanted = not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    return TextLine(journal=journal, colour=wanted and stream.isatty())


def _goes_to_journal(stream: Stream, env: Mapping[str, str]) -> bool:
    """Whether the stream is the journal's own: a child may have it redirected (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())  # type: ignore[attr-defined]
    except (OSError, AttributeError, ValueError):
        return False
    return env.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _priority(record: logging.LogRecord) -> int:
    return PRIORITIES.get(record.levelno, 6)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    told = context.facts()
    found = {name: getattr(record, name, told.get(name)) for name in FIELDS}
    return {name: value for name, value in found.items() if value is not None}


def _pairs(record: logging.LogRecord) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in _fields(record).items()]


def _value(value: Any) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return text if BARE.fullmatch(text) else json.dumps(text)


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float) else without_passwords(str(value))


def _error(record: logging.LogRecord) -> list[str]:
    """The exception and its innermost frames on the same line."""
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return []
    # Innermost first: where it happened must not be what is cut off.
    frames = traceback.extract_tb(error.__traceback__)[: -FRAMES_SHOWN - 1 : -1]
    trail = " < ".join(f"{'/'.join(f.filename.split('/')[-2:])}:{f.lineno} {f.name}" for f in frames)
    return [f"[{_summary(error)}{'; at ' if trail else ''}{trail}]"]


def _summary(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def _safe(text: str) -> str:
    return printable(without_passwords(text))
