"""Reading a response's body: bounded on the wire and unpacked, whatever its headers say."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mingus_lib.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from requests import Response

CHUNK_BYTES = 65_536
# A short rest is read so that the connection can be used again; a longer one costs more than a new one.
DRAIN_BYTES = 16_384
ACCEPT_ENCODING = "gzip, deflate"
# Above these a body costs more in handling than in bytes: tiny chunks, empty gzip members.
MAX_CHUNKS = 200_000
MAX_GZIP_MEMBERS = 100

# What is packed in no way, and what some servers say of it; browsers take such a body as it is.
_PLAIN = frozenset({"", "identity", "none", "utf-8", "utf8", "binary", "8bit"})

Unpack = Callable[[bytes], Iterator[bytes]]


def read(
    response: Response, limit: int, label: str, *, accept: Callable[[bytes], object] | None = None
) -> bytes:
    """The whole unpacked body.

    `accept` is shown the first bytes and may raise. Raises PermanentError `too-large` above
    `limit` bytes (declared, received or unpacked), `bad-response` for a broken or unknown encoding;
    TransientError `connection` when the packed body is cut off.
    """
    declared = response.headers.get("Content-Length", "")
    # isdigit() alone accepts a superscript, which int() does not; thousands of digits would cost quadratic time.
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(label, limit)
    body = bytearray()
    for piece in _pieces(response, label):
        if accept is not None and not body:
            accept(piece)
        body += piece
        if len(body) > limit:
            raise _too_large(label, limit)
    if accept is not None and not body:
        # An empty body has no first bytes to be shown.
        accept(b"")
    return bytes(body)


def read_start(response: Response, limit: int, label: str) -> bytes:
    """At most the first `limit` bytes of the unpacked body; the rest is left unread."""
    body = bytearray()
    for piece in _pieces(response, label):
        body += piece
        if len(body) >= limit:
            break
    return bytes(body[:limit])


def drain(response: Response) -> None:
    """Read a short unwanted rest away; a longer one is dropped with its connection."""
    rest = response.raw.length_remaining
    if rest is not None and rest <= DRAIN_BYTES:
        response.raw.read(DRAIN_BYTES, decode_content=False)


def _pieces(response: Response, label: str) -> Iterator[bytes]:
    unpack = _unpacker(response.headers.get("Content-Encoding", ""), label)
    try:
        # Never decoded by urllib3: its bounds on unpacking depend on its version.
        for count, chunk in enumerate(response.raw.stream(CHUNK_BYTES, decode_content=False)):
            if count >= MAX_CHUNKS:
                raise PermanentError(f"{label}: the body comes in too many pieces", code="bad-response")
            yield from unpack(chunk)
        yield from unpack(b"")
    except zlib.error as error:
        raise PermanentError(f"{label}: the compressed body is broken", code="bad-response") from error


def _unpacker(encoding: str, label: str) -> Unpack:
    """The unpacker for a Content-Encoding; it is called once more with b"" at the end."""
    name = encoding.strip().lower()
    if name in _PLAIN:
        return lambda chunk: iter((chunk,) if chunk else ())
    if name in ("gzip", "x-gzip"):
        return _Inflater(label, gzip=True)
    # Brotli and zstd are not offered: one more decoder each to keep bounded.
    if name == "deflate":
        return _Inflater(label, gzip=False)
    raise PermanentError(f"{label}: the body is encoded in a way we did not accept", code="bad-response")


class _Inflater:
    """Unpacks gzip (several members too) or deflate (with or without zlib's wrapper) in bounded pieces."""

    def __init__(self, label: str, *, gzip: bool) -> None:
        self._label = label
        self._gzip = gzip
        self._members = 0
        self._engine: zlib._Decompress | None = None

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            self._check_end()
        while chunk and (engine := self._engine_for(chunk)):
            piece = engine.decompress(chunk, CHUNK_BYTES)
            yield piece
            # zlib may have swallowed all input and still hold output back.
            while len(piece) == CHUNK_BYTES and not engine.eof:
                piece = engine.decompress(engine.unconsumed_tail, CHUNK_BYTES)
                yield piece
            chunk = engine.unused_data

    def _engine_for(self, chunk: bytes) -> zlib._Decompress | None:
        """The engine under way, or one for the next gzip member; None for padding after the end."""
        if self._engine is not None and not self._engine.eof:
            return self._engine
        # Padding after the end is common, and every other client ignores it.
        if self._members and not (self._gzip and chunk.startswith(b"\x1f")):
            return None
        self._members += 1
        if self._members > MAX_GZIP_MEMBERS:
            raise PermanentError(f"{self._label}: the body has too many gzip members", code="bad-response")
        self._engine = zlib.decompressobj(zlib.MAX_WBITS | 16) if self._gzip else _deflate_engine(chunk)
        return self._engine

    def _check_end(self) -> None:
        if self._engine is not None and not self._engine.eof:
            raise TransientError(f"{self._label}: the compressed body is cut off", code="connection")


def _deflate_engine(chunk: bytes) -> zlib._Decompress:
    """With zlib's wrapper when the first byte says so (RFC 1950: method 8, window up to 32 KiB)."""
    wrapped = chunk[0] & 0x0F == 8 and chunk[0] >> 4 <= 7
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _too_large(label: str, limit: int) -> PermanentError:
    return PermanentError(f"{label}: the page is larger than {limit} bytes", code="too-large")
