"""The sample pages of `mingus demo`, served on loopback: articles, a copy, a wall, a gap, an index."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from mingus_lib.domain import datafiles

PAGES = {
    "/negotiate-your-raise": "negotiate-your-raise.html",
    "/first-emergency-fund": "first-emergency-fund.html",
    "/first-home-in-order": "first-home-in-order.html",
    "/reprint/raise": "negotiate-your-raise.html",
    "/members-only": "members-only.html",
    "/topics": "topics.html",
}
# In the order of the demo; the second is the first one's address with a newsletter's tracking added.
ADDRESSES = (
    "/negotiate-your-raise",
    "/negotiate-your-raise?utm_source=newsletter&utm_medium=email",
    "/first-emergency-fund",
    "/first-home-in-order",
    "/reprint/raise",
    "/members-only",
    # In none of the pages: what becomes of a 404 is shown, too.
    "/moved-away",
    "/topics",
)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = PAGES.get(self.path.partition("?")[0])
        body = _page(name) if name else b"<h1>404</h1><p>There is no such page.</p>"
        self.send_response(200 if name else 404)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """The demo's terminal shows progress, not requests."""


def _page(name: str) -> bytes:
    return datafiles.text("demo", name).encode()


@contextlib.contextmanager
def serve() -> Iterator[list[str]]:
    """The sample addresses, answered until the block ends."""
    # Port 0: any that is free, so that two demos run side by side.
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield [f"http://127.0.0.1:{server.server_port}{path}" for path in ADDRESSES]
    finally:
        server.shutdown()
        server.server_close()
