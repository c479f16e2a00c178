"""The whole path in a throw-away library: sample pages, Redis, workers, articles."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib import settings
from mingus_lib.queues import embedded
from mingus_lib.services import sample_site, waiting
from mingus_lib.services.add import add

if TYPE_CHECKING:
    from mingus_lib.runtime import Runtime


@contextlib.contextmanager
def demonstrate(
    concurrency: int, open_runtime: Callable[[settings.Settings], Runtime]
) -> Iterator[tuple[dict[str, Any], Iterator[waiting.Progress]]]:
    """The receipt of the sample addresses and the steps until they are done; all is removed in the end."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        # As Ctrl-C does: everything below is cleared away.
        signal.signal(ending, signal.default_int_handler)
    home = Path(tempfile.mkdtemp(prefix="mingus-demo-"))
    # Found before the one of the machine, which would lead into the library in use.
    (home / "mingus.toml").touch()
    here = open_runtime(settings.load({"home": str(home)}, env={"MINGUS_FETCH_INTERVAL": "0"}))
    try:
        with sample_site.serve() as addresses, _workers(home, concurrency):
            receipt = add(here.enqueuer, addresses, here.limits_on)
            steps = waiting.follow_addresses(here.history, here.articles, receipt.job_ids, receipt.addresses)
            yield receipt.as_json(), steps
    finally:
        here.close()
        embedded.stop(home)
        shutil.rmtree(home)


@contextlib.contextmanager
def _workers(home: Path, concurrency: int) -> Iterator[None]:
    # What leads to the library in use must not lead the demo into it.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MINGUS_")}
    environment |= {
        "MINGUS_HOME": str(home),
        "MINGUS_FETCH_INTERVAL": "0",
        "MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.1/32",
        "MINGUS_LOG_LEVEL": "error",
    }
    command = [
        sys.executable,
        "-c",
        "from cli import main; main()",
        "worker",
        "--concurrency",
        str(concurrency),
    ]
    # A session of its own: Ctrl-C reaches this process alone, which then ends the workers in order.
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
