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
    if declared.isdigit() and int(declared[:20]) > limit:
        raise _too_large(label, limit)
    body = bytearray()
    for piece in _pieces(response, label):
        if accept is not None and not body:
            accept(piece)
        body += piece
        if len(body) > limit:
            raise _too_large(label, limit)
    if accept is not None and not body:
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
        for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
            yield from unpack(chunk)
        yield from unpack(b"")
    except zlib.error as error:
        raise PermanentError(f"{label}: the compressed body is broken", code="bad-response") from error


def _unpacker(encoding: str, label: str) -> Unpack:
    """The unpacker for a Content-Encoding; it is called once more with b"" at the end."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return lambda chunk: iter((chunk,) if chunk else ())
    if name in ("gzip", "x-gzip"):
        return _Inflater(label, gzip=True)
    if name == "deflate":
        return _Inflater(label, gzip=False)
    raise PermanentError(f"{label}: the body is encoded in a way we did not accept", code="bad-response")


class _Inflater:
    """Unpacks gzip (several members too) or deflate (with or without zlib's wrapper) in bounded pieces."""

    def __init__(self, label: str, *, gzip: bool) -> None:
        self._label = label
        self._gzip = gzip
        self._started = False
        self._engine = zlib.decompressobj(zlib.MAX_WBITS | 16) if gzip else None

    def __call__(self, chunk: bytes) -> Iterator[bytes]:
        if not chunk:
            return self._finish()
        return self._inflate(chunk)

    def _inflate(self, chunk: bytes) -> Iterator[bytes]:
        self._engine = self._engine or _deflate_engine(chunk)
        while chunk:
            if self._engine.eof and not self._next_member(chunk):
                return
            self._started = True
            piece = self._engine.decompress(chunk, CHUNK_BYTES)
            if piece:
                yield piece
            chunk = self._engine.unconsumed_tail or self._engine.unused_data

    def _next_member(self, chunk: bytes) -> bool:
        """Start the next gzip member; anything else after the end is padding and ignored."""
        if not self._gzip or not chunk.startswith(b"\x1f"):
            return False
        self._engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
        return True

    def _finish(self) -> Iterator[bytes]:
        if self._started and self._engine is not None and not self._engine.eof:
            raise TransientError(f"{self._label}: the compressed body is cut off", code="connection")
        return iter(())


def _deflate_engine(chunk: bytes) -> zlib._Decompress:
    """With zlib's wrapper when the first byte says so (RFC 1950: method 8, window up to 32 KiB)."""
    wrapped = chunk[0] & 0x0F == 8 and chunk[0] >> 4 <= 7
    return zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)


def _too_large(label: str, limit: int) -> PermanentError:
    return PermanentError(f"{label}: the page is larger than {limit} bytes", code="too-large")
