"""Errors of the wire in mingus' words."""

from __future__ import annotations

import http.client
import socket
import ssl

import pytest
from requests import exceptions as sent
from urllib3 import exceptions as wire

from mingus_lib.clients.failures import translate
from mingus_lib.errors import MingusError, PermanentError, TransientError


def wrapped(inner: BaseException) -> BaseException:
    """As requests hands it on: an error whose arguments hold urllib3's, which holds the socket's."""
    return sent.ConnectionError(wire.ProtocolError("Connection aborted.", inner))


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (wrapped(ConnectionResetError(104, "Connection reset by peer")), TransientError, "connection"),
        (wrapped(ConnectionRefusedError(111, "Connection refused")), TransientError, "connection"),
        (wrapped(OSError(101, "Network is unreachable")), TransientError, "connection"),
        (wrapped(BrokenPipeError(32, "Broken pipe")), TransientError, "connection"),
        (wrapped(http.client.RemoteDisconnected("closed")), TransientError, "connection"),
        (wrapped(http.client.IncompleteRead(b"secret page text")), TransientError, "connection"),
        (wrapped(http.client.BadStatusLine("secret page text")), PermanentError, "bad-response"),
        (wrapped(http.client.LineTooLong("header line")), PermanentError, "bad-response"),
        (wrapped(socket.gaierror(-2, "Name or service not known")), TransientError, "dns"),
        (wrapped(TimeoutError("timed out")), TransientError, "timeout"),
        (wrapped(ssl.SSLEOFError(8, "EOF")), TransientError, "connection"),
        (sent.SSLError(ssl.SSLError(1, "UNSUPPORTED_PROTOCOL")), PermanentError, "tls"),
        (sent.SSLError(ssl.SSLCertVerificationError(1, "certificate verify failed")), PermanentError, "tls"),
        (sent.ReadTimeout("slow"), TransientError, "timeout"),
        (wire.ProtocolError("Response ended prematurely"), TransientError, "connection"),
        (wire.ProtocolError("Response chunk size line exceeded"), PermanentError, "bad-response"),
        (UnicodeDecodeError("ascii", b"secret page text", 0, 1, "no"), PermanentError, "bad-response"),
        (OSError(), TransientError, "connection"),
    ],
)
def test_each_failure_has_its_code(error: BaseException, kind: type[MingusError], code: str) -> None:
    said = translate(error, "http://example.org/page", 30.0)
    assert (type(said), said.code) == (kind, code)
    assert str(said).startswith("http://example.org/page: ")
    assert "secret" not in str(said)
    assert "\n" not in str(said)


def test_our_own_errors_pass_through_the_libraries_wrapping() -> None:
    inner = PermanentError("no", code="blocked-address")
    assert translate(wrapped(inner), "page", 30.0) is inner


def test_errors_that_point_at_each_other_end() -> None:
    first, second = OSError("a"), OSError("b")
    first.__cause__, second.__cause__ = second, first
    assert translate(first, "page", 30.0).code == "connection"
