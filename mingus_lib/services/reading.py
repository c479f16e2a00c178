"""Pages read for the person at the terminal: no store, no Redis."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from mingus_lib.clients.web import MemoryPacer, MemoryRobotsCache, Web
from mingus_lib.domain.extract import extract
from mingus_lib.domain.models import Extracted, FetchedPage, FetchPolicy, QualityPolicy, Verdict
from mingus_lib.domain.quality import assess
from mingus_lib.domain.urls import accept_declared, canonical
from mingus_lib.domain.words import reading_time_minutes
from mingus_lib.errors import MingusError, PermanentError, UsageError

# A page from a file has none, and its links have to be resolved against something.
NO_ADDRESS = "http://localhost/"


@dataclass(frozen=True, slots=True)
class Reading:
    """One page as read. `read` is None when it could not be: then `verdict` says why."""

    source: str
    url: str | None
    read: Extracted | None
    verdict: Verdict
    error: MingusError | None = None

    def as_json(self) -> dict[str, Any]:
        """The documented shape of `extract --json`."""
        read = self.read or Extracted(title="", text="")
        return {
            "url": self.url or self.source,
            "canonical_url": self._canonical(),
            "title": read.title,
            "author": read.author,
            "authors": list(read.authors),
            "published_at": read.published_at,
            "site_name": read.site_name,
            "language": read.language,
            "description": read.description,
            "text": read.text,
            "word_count": read.word_count,
            "reading_time_minutes": reading_time_minutes(read.word_count),
            "verdict": "error" if self.error else "accepted" if self.verdict.accepted else "rejected",
            "reason": self.verdict.reason,
        }

    def _canonical(self) -> str | None:
        if self.url is None:
            return None
        declared = self.read.declared_url if self.read else None
        return accept_declared(self.url, declared) or canonical(self.url)


class Reader:
    """Reads files, addresses and standard input one after another."""

    def __init__(self, fetch: FetchPolicy, quality: QualityPolicy, stdin: BinaryIO) -> None:
        self._fetch_policy = fetch
        self._quality = quality
        self._stdin = stdin
        self._web: Web | None = None

    def read_all(self, sources: Sequence[str], base_url: str | None = None) -> Iterator[Reading]:
        """One Reading per source, in order. Raises UsageError for a source that cannot be opened."""
        base = canonical(base_url) if base_url else None
        # All of them before the first is read: a slip in the last would be told after minutes of fetching.
        for source in sources:
            _must_be_readable(source)
        for source in sources:
            yield self._read_one(source, base)

    def _read_one(self, source: str, base: str | None) -> Reading:
        try:
            page = self._page(source, base)
            read = extract(
                page.body, content_type=page.content_type, charset=page.charset, url=page.final_url
            )
        # Also a MingusError: a slip ends the command, what cannot be read is one answer among others.
        except UsageError:
            raise
        except MingusError as error:
            return Reading(source, None, None, Verdict(False, error.reason), error)
        url = page.final_url if page.final_url != NO_ADDRESS else None
        return Reading(source, url, read, assess(read, url=page.final_url, policy=self._quality))

    def _page(self, source: str, base: str | None) -> FetchedPage:
        if _is_address(source):
            return self._client().fetch(canonical(source))
        body, content_type = self._file(source)
        address = base or NO_ADDRESS
        now = datetime.now(UTC)
        return FetchedPage(address, address, 200, content_type, None, body, None, None, now)

    def _client(self) -> Web:
        if self._web is None:
            self._web = Web(self._fetch_policy, pacer=MemoryPacer(), robots=MemoryRobotsCache())
        return self._web

    def _file(self, source: str) -> tuple[bytes, str]:
        limit = self._fetch_policy.max_bytes
        try:
            # Standard input may have no end, and one byte more than the limit tells that there is more.
            if source == "-":
                body = self._stdin.read(limit + 1)
            else:
                with Path(source).open("rb") as stream:
                    body = stream.read(limit + 1)
        except OSError as error:
            raise UsageError(
                f"cannot read {source}: {error.strerror}; give a file, an address, or -"
            ) from error
        if len(body) > limit:
            raise PermanentError(
                f"{source} is larger than {limit} bytes (MINGUS_FETCH_MAX_BYTES)", code="too-large"
            )
        return body, _content_type(source, body)


def _must_be_readable(source: str) -> None:
    if source == "-" or _is_address(source):
        return
    if "://" in source:
        raise UsageError(f"{source[:80]} cannot be read; only http:// and https:// addresses, files and -")
    # Not Path.is_file(): that raises for what may not be looked at, and for names that are too long.
    if not os.path.isfile(source) or not os.access(source, os.R_OK):  # noqa: PTH113
        raise UsageError(
            f"cannot read {source}: no such file that may be read; give a file, an address, or -"
        )


def _is_address(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def _content_type(source: str, body: bytes) -> str:
    # The bytes before the name: a PDF may be called anything, above all on standard input.
    if body.startswith(b"%PDF-"):
        return "application/pdf"
    guessed = mimetypes.guess_type(source)[0]
    return "text/plain" if guessed == "text/plain" else "text/html"
