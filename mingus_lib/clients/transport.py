"""The requests adapter under mingus' rules: checked addresses, bounded sockets, verified TLS.

requests' Session is left out on purpose: even with redirects switched off it reads and unpacks
the whole body of a redirect, which is where a decompression bomb would go off.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Any

import certifi
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from mingus_lib.clients.guard import Guard
from mingus_lib.clients.sockets import (
    BoundedSocket,
    BoundedTlsSocket,
    Candidate,
    Resolver,
    connect_first,
    resolve,
)
from mingus_lib.errors import PermanentError

# Hosts whose idle connections are kept, and idle connections a host.
KEPT_HOSTS = 128
KEPT_CONNECTIONS = 4


class Dialer:
    """Opens connections: resolves, checks every candidate, connects to a checked one."""

    def __init__(self, guard: Guard | None, resolver: Resolver) -> None:
        self._guard = guard
        self._resolver = resolver

    def open(self, host: str, port: int) -> BoundedSocket:
        """A connection to the host; PermanentError when the guard refuses all its addresses."""
        return connect_first(self.candidates(host, port))

    def candidates(self, host: str, port: int) -> list[Candidate]:
        """The host's addresses that the guard lets pass; the first refusal is raised when none does."""
        refusal: PermanentError | None = None
        passed = []
        for candidate in self._resolve(host, port):
            try:
                self._check(host, candidate)
                passed.append(candidate)
            except PermanentError as error:
                refusal = refusal or error
        if not passed:
            raise refusal or socket.gaierror("the name has no address")
        return passed

    def _resolve(self, host: str, port: int) -> Sequence[Candidate]:
        try:
            return resolve(self._resolver, host, port)
        except UnicodeError as error:
            raise PermanentError(f"{host} is not a host name", code="bad-address") from error

    def _check(self, host: str, candidate: Candidate) -> None:
        address = candidate[4]
        if self._guard is not None:
            self._guard.check(host, str(address[0]), int(address[1]))


def _pools(dialer: Dialer) -> dict[str, type[HTTPConnectionPool]]:
    """urllib3's pools, with connections that the dialer opens."""

    # Made for each dialer: urllib3 wants classes, and hands them nothing of ours.
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return dialer.open(self._dns_host, self.port or 80)

    class Tls(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return dialer.open(self._dns_host, self.port or 443)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    return {"http": PlainPool, "https": TlsPool}


class Transport(HTTPAdapter):
    """One per Web, shared by its threads."""

    def __init__(self, guard: Guard, resolver: Resolver, tls: ssl.SSLContext | None = None) -> None:
        self.dialer = Dialer(guard, resolver)
        # An operator's proxy usually stands in a private network, which the guard would refuse.
        self._to_proxy = Dialer(None, resolver)
        self._tls = tls or ssl.create_default_context(cafile=certifi.where())
        self._tls.sslsocket_class = BoundedTlsSocket
        super().__init__(pool_connections=KEPT_HOSTS, pool_maxsize=KEPT_CONNECTIONS)

    def init_poolmanager(
        self, connections: int, maxsize: int, block: bool = False, **pool_kwargs: Any
    ) -> None:
        """Pools whose connections are checked and bounded."""
        super().init_poolmanager(connections, maxsize, block, ssl_context=self._tls, **pool_kwargs)
        self.poolmanager.pool_classes_by_scheme = _pools(self.dialer)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Pools whose connections go to the proxy: bounded, but the proxy itself may be private."""
        # The classes are set once: pools already made keep theirs.
        known = proxy in self.proxy_manager
        manager = super().proxy_manager_for(proxy, ssl_context=self._tls, **proxy_kwargs)
        if not known:
            manager.pool_classes_by_scheme = _pools(self._to_proxy)
        return manager

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Always verified; our context has the authorities, loading them costs 20 ms a connection."""
        conn.cert_reqs = "CERT_REQUIRED"

    def build_response(self, req: PreparedRequest, resp: Any) -> Response:
        """Status, headers and the unread body; cookies are not even parsed."""
        response = Response()
        response.status_code = resp.status
        response.headers = CaseInsensitiveDict(resp.headers)
        response.raw = resp
        return response

    def fetch(self, url: str, headers: dict[str, str], seconds: float, proxy: str | None) -> Response:
        """Send one GET and return requests' response with its body unread."""
        # No Session: see the top. Nothing is merged in from the environment either.
        request = PreparedRequest()
        request.prepare(method="GET", url=url, headers=headers)
        proxies = {"http": proxy, "https": proxy} if proxy else None
        return self.send(request, stream=True, timeout=seconds, proxies=proxies)
