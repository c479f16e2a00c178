"""What ends a worker's wait: a signal, a wake-up from a thread, the end of its supervisor, its child's reply."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Attention:
    """Waits with `poll`. `signals` counts the requests to stop; the end of `lifeline`'s other side is one, too."""

    def __init__(self, lifeline: int | None = None) -> None:
        self.signals = 0
        self._lifeline = lifeline
        self._reading, self._writing = os.pipe()
        for descriptor in (self._reading, self._writing):
            # A signal's byte to a full pipe, or a read of an empty one, must not hold up the loop.
            os.set_blocking(descriptor, False)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count SIGTERM and SIGINT in the block; only the main thread may."""
        # A handler may run inside any other code: it sets a number, and the pipe ends the wait.
        before = {stop: signal.signal(stop, self.note_signal) for stop in (signal.SIGTERM, signal.SIGINT)}
        wakeup = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for stop, handler in before.items():
                signal.signal(stop, handler)

    def note_signal(self, _number: int, _frame: FrameType | None) -> None:
        """One more request to stop."""
        self.signals += 1

    def wake(self, _message: Any = None) -> None:
        """End the wait, from any thread."""
        try:
            os.write(self._writing, b"w")
        except BlockingIOError:
            return  # it is awake already

    def wait(self, seconds: float, channel: int | None = None) -> bool:
        """Wait for something to read on `channel`, a signal, a wake-up or the time; True for the channel."""
        # Not select, which knows no descriptor above 1023.
        poll = select.poll()
        for descriptor in (self._reading, channel, self._lifeline):
            if descriptor is not None:
                poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(max(0.0, seconds) * 1000)}
        if self._reading in ready:
            self._drain()
        # Heard once: an end stays readable for ever.
        if self._lifeline in ready:
            self._lifeline = None
            self.signals += 1
        return channel in ready

    def rest(self, seconds: float) -> bool:
        """Wait so long, or until told to stop; whether that was so."""
        if not self.signals:
            self.wait(seconds)
        return self.signals > 0

    def close(self) -> None:
        """Close the pipe."""
        os.close(self._reading)
        os.close(self._writing)

    def _drain(self) -> None:
        try:
            # To what is there, and not to an end: the other side is ours, and open as long as this one.
            while True:
                os.read(self._reading, 4096)
        except BlockingIOError:
            return
