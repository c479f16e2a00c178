"""What a process tells the service manager that started it: ready, its state in words, that it lives.

The protocol is that of sd_notify(3): lines of NAME=value in a datagram to the socket of $NOTIFY_SOCKET. Without one
nothing is sent.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass, field


@dataclass
class Notifier:
    """The line to the service manager. `watchdog` is the time, in seconds, within which it wants to hear of us."""

    address: str | None = None
    watchdog: float | None = None
    _said: str = field(default="", init=False)
    _ready: bool = field(default=False, init=False)

    @classmethod
    def take(cls, env: MutableMapping[str, str] | None = None) -> Notifier:
        """The one of this process. Its variables are taken out of the environment: children do not speak for us."""
        env = os.environ if env is None else env
        address = env.pop("NOTIFY_SOCKET", None)
        microseconds, pid = env.pop("WATCHDOG_USEC", ""), env.pop("WATCHDOG_PID", "")
        # With another's pid it is the watchdog of another process (sd_watchdog_enabled(3)).
        ours = microseconds.isdecimal() and int(microseconds) > 0 and pid in ("", str(os.getpid()))
        return cls(address or None, int(microseconds) / 1e6 if ours else None)

    def turned(self) -> None:
        """A loop has turned in this process: at the first turn it is ready."""
        if not self._ready:
            self._ready = True
            self.ready()
        self.feed()

    def ready(self) -> None:
        """The start is over: units that come after this one may start."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The end has begun."""
        self._send("STOPPING=1")

    def feed(self) -> None:
        """The main loop turns; without this for `watchdog` seconds the manager ends and restarts us."""
        if self.watchdog is not None:
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it changes."""
        if text != self._said:
            self._said = text
            # A line break would begin another assignment.
            self._send("STATUS=" + " ".join(text.split()))

    def _send(self, message: str) -> None:
        if self.address is None:
            return
        # A leading @ is how the address of an abstract socket, which begins with NUL, is written.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
            # A service manager that does not read must not hold up the loop that it watches.
            line.setblocking(False)
            try:
                line.sendto(message.encode(), address)
            except OSError:
                return  # nobody listens any more, or not now: the next turn says it again
