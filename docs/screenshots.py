"""The pictures of README.md: what the commands print on a terminal, in a throw-away library; `make screenshots`.

Everything is real: pages on loopback, Redis, a worker, the store. Only the names are made up: every process looks
up `*.example.com` at the loopback server, so that no picture holds an address of a machine. Commands whose output
tells the time are left out, and all articles are of one host, which is read in order: two runs write the same files.
"""

from __future__ import annotations

import contextlib
import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ
from urllib.parse import urlsplit

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from mingus_lib.queues import embedded
from mingus_lib.services import sample_site

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
COLUMNS = 100
# The fonts that rich's pictures would load from elsewhere.
SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
# Read by every Python process that has this folder on its path, before its first import.
NAMES = """import socket
_look_up = socket.getaddrinfo
def _example(host, *rest, **more):
    if str(host).endswith("example.com"):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", {port}))]
    return _look_up(host, *rest, **more)
socket.getaddrinfo = _example
"""
LETTER = """From: The Friday Letter <letter@example.com>
Date: Fri, 06 Nov 2026 08:00:00 +0000
Message-ID: <friday-1@example.com>
Subject: Worth reading this weekend
Content-Type: text/html; charset=utf-8

<p><a href="https://nam02.safelinks.protection.outlook.com/?url=http%3A%2F%2Fmoney.example.com%2Fnegotiate-your-raise">
How to ask for a raise</a></p>
<p><a href="http://money.example.com/first-emergency-fund?utm_source=letter">The first emergency fund</a></p>
<p><a href="http://money.example.com/first-home-in-order">Buying a first home</a></p>
<p><a href="http://money.example.com/topics">All topics</a></p>
<p><a href="http://letter.example.com/forward?to=friend">Share</a></p>
<p><a href="http://letter.example.com/unsubscribe?u=7">Unsubscribe</a></p>
"""


# Name of the picture, command, how many lines of its output are shown (None: all).
PICTURES = (
    ("mail", "mingus mail letter.eml --wait", None),
    ("links", "mingus mails links --columns decision,reason,host,text", None),
    ("articles", "mingus articles list --columns id,status,title,host,words", None),
    ("labels", "mingus articles show 1 --why", 12),
    ("recommend", "mingus recommend ada --explain --columns id,score,title,why", None),
)
READY = (
    "mingus classify --unlabelled --wait",
    "printf '%s\\n' reader,name,goals 'ada,Ada,budgeting;emergency fund' | mingus readers import -",
    "mingus readers assess ada --be 85 --do 90 --have 82",
    "mingus readers event ada finished 1 --seconds 240",
    "mingus recommend --all --wait",
)


class Desk:
    """A folder, a library and a terminal of 100 columns."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment

    def run(self, line: str) -> None:
        """What has to be done before a picture, with its output thrown away."""
        subprocess.run(  # noqa: S603
            ["bash", "-c", line],  # noqa: S607
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            check=True,
        )

    def show(self, line: str) -> str:
        """What the command draws on the terminal, with its colours; progress is left out."""
        ours, theirs = pty.openpty()
        ioctl(theirs, TIOCSWINSZ, pack("HHHH", 50, COLUMNS, 0, 0))
        drawn: list[bytes] = []
        reader = threading.Thread(target=_read_all, args=(ours, drawn))
        reader.start()
        done = subprocess.run(  # noqa: S603
            shlex.split(line),
            cwd=self.folder,
            env=self.environment,
            stdout=theirs,
            stderr=subprocess.PIPE,
            check=False,
        )
        os.close(theirs)
        reader.join()
        os.close(ours)
        # 1: an address failed, which a picture may show.
        if done.returncode not in (0, 1):
            raise SystemExit(f"{line}: {done.stderr.decode()}")
        return b"".join(drawn).decode().replace("\r\n", "\n")


def _read_all(descriptor: int, into: list[bytes]) -> None:
    # Linux ends a terminal whose other side is closed with EIO.
    with contextlib.suppress(OSError):
        while piece := os.read(descriptor, 65_536):
            into.append(piece)


@contextlib.contextmanager
def desk() -> Iterator[Desk]:
    """A library that has read the letter, with workers at work; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mingus-pictures-") as place, sample_site.serve() as addresses:
        folder = Path(place)
        (folder / "sitecustomize.py").write_text(NAMES.format(port=urlsplit(addresses[0]).port), "utf-8")
        (folder / "letter.eml").write_text(LETTER, "utf-8")
        here = Desk(folder, _environment(folder))
        up = subprocess.Popen(["mingus", "up"], env=here.environment, stderr=subprocess.DEVNULL)  # noqa: S607
        try:
            yield here
        finally:
            up.terminate()
            up.wait()
            embedded.stop(folder / "library")


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MINGUS_", "OPENAI_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": f"{folder}:{ROOT}",
        "TERM": "xterm-256color",
        "COLUMNS": str(COLUMNS),
        "MINGUS_HOME": str(folder / "library"),
        "MINGUS_FETCH_ALLOW_NETWORKS": "127.0.0.1/32",
        "MINGUS_FETCH_INTERVAL": "0",
    }


def picture(name: str, command: str, drawn: str, lines: int | None) -> str:
    """The picture, SVG: a prompt with the command, and what it drew."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text("$ ", "green") + Text(command, "bold"))
    shown = [line.rstrip() for line in drawn.rstrip().splitlines()]
    console.print(Text.from_ansi("\n".join(shown[:lines])))
    if lines and len(shown) > lines:
        console.print(Text("...", "dim"))
    return console.export_svg(title="mingus", code_format=SVG, unique_id=name)


def main() -> None:
    """Write every picture."""
    IMAGES.mkdir(exist_ok=True)
    with desk() as here:
        for name, command, lines in PICTURES:
            drawn = here.show(command)
            (IMAGES / f"{name}.svg").write_text(picture(name, command, drawn, lines), "utf-8")
            print(f"docs/images/{name}.svg")
            if name == "mail":
                for line in READY:
                    here.run(line)


if __name__ == "__main__":
    main()
