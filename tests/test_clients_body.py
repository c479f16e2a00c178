"""Unpacking bodies in bounded pieces."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.clients.body import CHUNK_BYTES, _unpacker
from mingus_lib.errors import PermanentError, TransientError


def unpack(data: bytes, encoding: str, step: int = CHUNK_BYTES) -> bytes:
    unpacker = _unpacker(encoding, "page")
    chunks = [data[start : start + step] for start in range(0, len(data), step)]
    return b"".join(chain.from_iterable(unpacker(chunk) for chunk in [*chunks, b""]))


def raw_deflate(data: bytes) -> bytes:
    engine = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(data) + engine.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
    "none": bytes,
    "utf-8": bytes,
    "": bytes,
}


@given(st.binary(max_size=5000), st.sampled_from(sorted(PACKERS)), st.integers(1, 700))
def test_round_trip_in_chunks_of_any_size(data: bytes, encoding: str, step: int) -> None:
    assert unpack(PACKERS[encoding](data), encoding.upper(), step) == data


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_deflate_without_zlibs_wrapper(data: bytes, step: int) -> None:
    assert unpack(raw_deflate(data), "deflate", step) == data


@given(st.lists(st.binary(max_size=500), min_size=1, max_size=8), st.integers(1, 90), st.binary(max_size=9))
def test_gzip_members_follow_each_other_and_padding_is_ignored(
    parts: list[bytes], step: int, padding: bytes
) -> None:
    data = b"".join(gzip.compress(part) for part in parts) + b"\0" + padding.replace(b"\x1f", b"")
    assert unpack(data, "gzip", step) == b"".join(parts)


@pytest.mark.parametrize("size", [CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 1_000_003])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_output_much_longer_than_input_comes_whole_and_in_bounded_pieces(encoding: str, size: int) -> None:
    data = b"a" * size
    unpacker = _unpacker(encoding, "page")
    pieces = [*unpacker(PACKERS[encoding](data)), *unpacker(b"")]
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= CHUNK_BYTES


@given(st.binary(min_size=1, max_size=3000), st.integers(1, 50))
def test_a_cut_off_body_is_worth_another_try(data: bytes, missing: int) -> None:
    packed = gzip.compress(data)
    with pytest.raises(TransientError, match="cut off") as caught:
        unpack(packed[: max(1, len(packed) - missing)], "gzip")
    assert caught.value.code == "connection"


def test_many_empty_members_are_refused() -> None:
    with pytest.raises(PermanentError, match="too many gzip members"):
        unpack(gzip.compress(b"") * 5000, "gzip")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "compress", "nonsense"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(PermanentError) as caught:
        unpack(b"x", encoding)
    assert caught.value.code == "bad-response"
