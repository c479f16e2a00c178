"""The dashboard as a process: waitress, from the first bind to a clean stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from mingus_lib.dashboard import access as entry
from mingus_lib.errors import UsageError

if TYPE_CHECKING:
    from mingus_lib.dashboard.access import Access
    from mingus_lib.runtime import Runtime
    from mingus_lib.settings import Settings

THREADS = 8
POLL_SECONDS = 0.25
FINISH_SECONDS = 10.0

Turned = Callable[[], None]


class Server:
    """A bound server. `address` is where it can be reached from here; `stop` may be called from any thread."""

    def __init__(self, access: Access, open_runtime: Callable[[], Runtime]) -> None:
        from mingus_lib.dashboard.app import create

        self._sockets: dict[int, Any] = {}
        self._stopped = False
        self._server = _bound(access, create(open_runtime, access), self._sockets)
        shown = f"[{access.host}]" if ":" in access.host else access.host
        self.address = f"http://{shown}:{self._server.effective_port}{access.prefix}/"

    def run(self, turned: Turned = lambda: None) -> None:
        """Serve until told to stop; what is being answered is answered first."""
        while not self._stopped:
            turned()
            self._server.asyncore.loop(timeout=POLL_SECONDS, use_poll=True, map=self._sockets, count=1)
        self._server.accepting = False
        self._server.task_dispatcher.shutdown(cancel_pending=False, timeout=FINISH_SECONDS)
        # Two turns more send what the last answers left in their buffers.
        self._server.asyncore.loop(timeout=POLL_SECONDS, use_poll=True, map=self._sockets, count=2)
        self._server.close()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End `run` at its next turn; also fit for a signal's handler."""
        self._stopped = True


def _bound(access: Access, app: Any, sockets: dict[int, Any]) -> Any:
    """Waitress' server of the app. Raises UsageError."""
    import waitress

    try:
        server = waitress.create_server(
            app,
            map=sockets,
            # `localhost` may stand for two addresses.
            host="127.0.0.1" if access.host == "localhost" else access.host,
            port=access.port,
            threads=THREADS,
            url_prefix=access.prefix,
            # No Server header: strangers need not know what serves them.
            ident=None,
            # The guard wants to see that a proxy stands before us; nothing else reads them.
            clear_untrusted_proxy_headers=False,
            max_request_body_size=2_000_000,
            # Connections that ask nothing must not keep others out of the 200 for long.
            channel_timeout=15,
            cleanup_interval=5,
            connection_limit=200,
        )
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {access.host} port {access.port}: {words}; choose others with --host and --port"
        ) from error
    # For a name of several addresses waitress makes several servers, with no port in common.
    if not hasattr(server, "effective_port"):
        server.close()
        addresses = ", ".join(str(address) for address, _ in server.effective_listen)
        raise UsageError(
            f"{access.host} stands for several addresses ({addresses}): give one of them as --host"
        )
    return server


def serve(
    settings: Settings,
    open_runtime: Callable[[], Runtime],
    ready: Callable[[str], None],
    turned: Turned = lambda: None,
) -> None:
    """Serve until SIGTERM or SIGINT; `ready` is told the address.

    `turned` is called by the main loop, at least four times a second: a watchdog can be fed from it. Raises UsageError
    before anything is bound.
    """
    server = Server(entry.from_settings(settings), open_runtime)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    ready(server.address)
    server.run(turned)
