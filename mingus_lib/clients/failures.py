"""What went wrong on the wire, in mingus' words: `code: one line`, sorted into transient and permanent."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

from requests import exceptions as sent
from urllib3 import exceptions as wire

from mingus_lib.errors import MingusError, PermanentError, TransientError

_TIMEOUTS = (TimeoutError, wire.TimeoutError, sent.Timeout)
_DNS = (socket.gaierror, wire.NameResolutionError)
# A TLS peer that just hangs up is a network fault, not a fault of its certificate.
_CUT_OFF = (
    ConnectionError,
    http.client.RemoteDisconnected,
    http.client.IncompleteRead,
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    ssl.SSLSyscallError,
)
_NOT_HTTP = (
    http.client.HTTPException,
    wire.InvalidHeader,
    wire.HeaderParsingError,
    wire.LocationValueError,
    UnicodeError,
)


def translate(error: BaseException, label: str, timeout: float) -> MingusError:
    """The MingusError for what requests, urllib3, ssl or the socket raised while `label` was fetched.

    `timeout` (seconds) is named in the message. Texts of the libraries are left out, because they
    may quote the page.
    """
    causes = list(_causes(error))
    # Our own error first: the guard and the allowance raise below the libraries, which wrap it.
    for cause in causes:
        if isinstance(cause, MingusError):
            return cause
    # A wrong certificate does not heal by itself within the retries; a reset connection does.
    if certificate := _first(causes, (ssl.SSLCertVerificationError,)):
        return PermanentError(f"{label}: {_certificate_fault(certificate)}", code="tls")
    # From the particular to the general: most of these are OSErrors, and wrap each other.
    if _first(causes, _DNS):
        return TransientError(f"{label}: the host's name does not resolve", code="dns")
    if _first(causes, _TIMEOUTS):
        return timed_out(label, timeout)
    broken_chunk = _first(causes, (wire.InvalidChunkLength,))
    if not broken_chunk and (broken := _first(causes, _CUT_OFF)):
        return TransientError(f"{label}: {_cut_off(broken)}", code="connection")
    if _first(causes, (ssl.SSLError,)):
        return PermanentError(f"{label}: no TLS connection could be agreed on", code="tls")
    if broken_chunk or _first(causes, _NOT_HTTP) or _is_breach(causes):
        return PermanentError(f"{label}: the answer is not proper HTTP", code="bad-response")
    return TransientError(f"{label}: the connection failed{_os_reason(causes)}", code="connection")


def _is_breach(causes: list[BaseException]) -> bool:
    """urllib3 says by its words only whether the peer broke the protocol or just went away."""
    protocol = _first(causes, (wire.ProtocolError,))
    went_away = any(isinstance(c, OSError) and not isinstance(c, sent.RequestException) for c in causes)
    return protocol is not None and not went_away and "prematurely" not in str(protocol)


def timed_out(label: str, timeout: float) -> TransientError:
    """The response was not complete in time."""
    return TransientError(f"{label}: no complete answer within {timeout:g} s", code="timeout")


def _first(causes: list[BaseException], kinds: tuple[type[BaseException], ...]) -> BaseException | None:
    return next((cause for cause in causes if isinstance(cause, kinds)), None)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it wraps: arguments, `reason` attributes, causes and contexts."""
    seen: set[int] = set()
    pending: list[object] = [error]
    while pending:
        item = pending.pop(0)
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        pending += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _certificate_fault(error: BaseException) -> str:
    detail = getattr(error, "verify_message", "") or "it cannot be verified"
    return "the TLS certificate is refused: " + " ".join(str(detail).split())[:160]


def _cut_off(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    return "the connection was cut off before the answer was complete"


def _os_reason(causes: list[BaseException]) -> str:
    # strerror comes from the system, never from the page.
    texts = (cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror)
    return next((f" ({text})" for text in texts), "")
