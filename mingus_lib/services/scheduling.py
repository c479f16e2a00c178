"""The scheduler as a process: wired to the library, led by signals."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mingus_lib.errors import UsageError
from mingus_lib.queues import catalog
from mingus_lib.queues.attention import Attention
from mingus_lib.services import timetables
from mingus_lib.services.timekeeping import Timekeeper

if TYPE_CHECKING:
    from redis import Redis

    from mingus_lib.runtime import Runtime

# As workers do: with the store's usual 30 s, signals and switches would be heard that much later.
PATIENCE_SECONDS = 5.0


def scheduler_name(pid: int) -> str:
    """The name of the scheduler that runs, or will run, as this process of this host."""
    return f"{socket.gethostname()}-{pid}"


def check(here: Runtime) -> None:
    """Raise UsageError when no scheduler could run: a timetable with a fault, or jobs that run in place."""
    if here.settings.eager:
        raise UsageError("MINGUS_EAGER runs jobs in place; a scheduler needs the queues: unset it")
    timetables.read(timetables.locate(here.settings))


def run_scheduler(
    here: Runtime, lifeline: int | None = None, turned: Callable[[], None] = lambda: None
) -> None:
    """Schedule until SIGTERM or SIGINT, or until the other end of `lifeline` is gone; SIGHUP reads the file again.

    Raises UsageError when the timetable has a fault at the start; beside workers it waits until that is mended.
    `turned` is called at every turn of the loop, leading or not.
    """
    from mingus_lib.queues.schedule import TimetableScheduler

    here.hurry(PATIENCE_SECONDS)
    catalog.load()
    keeper = Timekeeper(lambda: timetables.locate(here.settings), here.slots, here.schedulers_enqueuer)
    if lifeline is None:
        check(here)

    def connect() -> Redis:
        # Afresh each time: this is where an embedded Redis that was killed is started again.
        here.close()
        return here.redis

    scheduler = TimetableScheduler(
        connect,
        name=scheduler_name(os.getpid()),
        where=here.redis_where,
        take_lead=here.slots.lead,
        tick=keeper.tick,
    )
    with _listening(lifeline, keeper, turned) as wait:
        scheduler.run(wait)


def run_scheduler_service(here: Runtime) -> None:
    """Schedule in this process until told to stop, and tell the service manager: every turn feeds its watchdog."""
    from mingus_lib.queues.notify import Notifier

    manager = Notifier.take()
    run_scheduler(here, turned=manager.turned)
    manager.stopping()


@contextmanager
def _listening(
    lifeline: int | None, keeper: Timekeeper, turned: Callable[[], None]
) -> Iterator[Callable[[float], bool]]:
    """A wait that ends early, and says so, when told to stop; SIGHUP has the timetable read again."""
    attention = Attention(lifeline)

    def hang_up(*_: object) -> None:
        # Only a flag: a handler may run inside any other code.
        keeper.reload_wanted = True

    def wait(seconds: float) -> bool:
        turned()
        return attention.rest(seconds)

    with attention.listening():
        signal.signal(signal.SIGHUP, hang_up)
        yield wait
