"""The supervisor: a stop is heard, however early it comes."""

from __future__ import annotations

import signal
import subprocess
import sys

CODE = """
import signal
from mingus_lib.queues.supervisor import Supervisor

def child(number):
    print(number, flush=True)
    signal.pause()

raise SystemExit(Supervisor(child, 6, burst=False).run())
"""


def test_a_stop_while_the_workers_are_being_started_is_heard_by_all() -> None:
    for _ in range(12):
        process = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()
        assert process.returncode == 0
