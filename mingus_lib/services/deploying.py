"""Files for the service managers: systemd, supervisord, compose. Written from the templates in data/, which teach.

Nothing is installed: the operator reads what was written, and types the commands that are printed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mingus_lib.domain import datafiles
from mingus_lib.errors import Refused, UsageError
from mingus_lib.queues import catalog, embedded

USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")
UNQUOTABLE = re.compile(r"[\"'\\]|\s[;#]")
STATE = Path("/var/lib/mingus")
SHIPPED_PROGRAM = "/usr/bin/mingus"
# The Dockerfile copies its whole context: a developer's history and stores have no business in it.
NOT_IN_THE_IMAGE = (".git", ".venv", "build", "dist", "tests", "benchmarks", "**/__pycache__", "*.db")
DROP_IN = "mingus-worker@article_processing.service.d/concurrency.conf"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be deployed: the program, its user, the queues, and whether an own Redis is among it."""

    program: Path
    user: str
    queues: tuple[str, ...]
    own_redis: bool


@dataclass(frozen=True, slots=True)
class Written:
    """Files by their path, and the commands that put them into use."""

    files: tuple[Path, ...]
    commands: tuple[str, ...]


def plan(queues: Sequence[str], *, user: str = "mingus", own_redis: bool = True) -> Plan:
    """A checked plan; no queue means all of them. Raises UsageError and NotFound."""
    if USER.fullmatch(user) is None:
        raise UsageError(f"--user {user[:40]!r}: a user's name has small letters, digits, _ and -")
    names = catalog.check_queues(queues) or catalog.QUEUES
    return Plan(program(), user, names, own_redis)


def program() -> Path:
    """The `mingus` of this installation. Raises UsageError when there is none that can be started by its path."""
    # The one of this installation: the first on the PATH may be of another release.
    beside = Path(sys.executable).parent / "mingus"
    # Path('') is '.', which is not absolute: what is not found anywhere is refused below as well.
    found = beside if os.access(beside, os.X_OK) else Path(shutil.which("mingus") or "")
    if not found.is_absolute():
        raise UsageError(
            f"there is no mingus beside {sys.executable}: install the package, then run that one"
        )
    if any(c.isspace() or c in "%$\"'\\;" for c in str(found)):
        raise UsageError(f"{found}: the service managers want a path without spaces, quotes, % and $")
    return found


def stop_seconds() -> int:
    """How long a stop of workers may take: a minute more than the longest hard limit, as it is configured here."""
    return max(task.hard for task in catalog.load().values()) + 60


def own_redis_url(home: Path) -> str:
    """The address of the Redis that the service manager starts for the library in `home`."""
    return embedded.address(home / "redis" / "redis.sock")


def has_password(url: str | None) -> bool:
    """Whether the address must not be seen by everybody."""
    return url is not None and "@" in url


def write(folder: Path, files: Mapping[str, str], *, force: bool, private: bool = False) -> tuple[Path, ...]:
    """Write them all into the folder, or none when one is there and different: Refused. Raises UsageError.

    `private` files, which hold an address with a password, are for their owner alone.
    """
    paths = {folder / name: text for name, text in files.items()}
    try:
        # Compared as bytes: what lies there need not be text.
        changed = [
            path for path, text in paths.items() if path.exists() and path.read_bytes() != text.encode()
        ]
        if changed and not force:
            raise Refused(
                f"{changed[0]} is there and different; name another folder, or replace it with --force"
            )
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Before anything is in it: a password is readable for others at no moment.
            path.touch(mode=0o600 if private else 0o644)
            if private:
                # It may have been there, for everybody to read.
                path.chmod(0o600)
            path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}; name another --output") from error
    return tuple(paths)


def supervisor_files(wanted: Plan, home: Path, redis_url: str | None) -> dict[str, str]:
    """`mingus.conf` for supervisord; with `redis_url` none of our own Redis."""
    common = _supervisor_common(wanted.user, home, redis_url)
    workers = "\n".join(_supervisor_worker(wanted, name, common) for name in wanted.queues)
    names = [f"mingus-{name}" for name in ("redis", *wanted.queues, "scheduler", "dashboard")]
    text = datafiles.text("deploy/supervisor.conf").format(
        programs=",".join(names if wanted.own_redis else names[1:]),
        mingus=wanted.program,
        common=common,
        workers=workers,
    )
    return {"mingus.conf": text if wanted.own_redis else _without(text, "[program:mingus-redis]")}


def _supervisor_common(user: str, home: Path, redis_url: str | None) -> str:
    url = redis_url or own_redis_url(home)
    # supervisord expands %(name)s, has no way to write a quote, and takes what follows a space and ; for a comment.
    for value in (str(home), url):
        if not value.isprintable() or UNQUOTABLE.search(value):
            raise UsageError(
                "supervisord wants a state directory and a Redis address without quotes, \\ and ;"
            )
    settings = f'MINGUS_HOME="{home}",MINGUS_REDIS_URL="{url}"'.replace("%", "%%")
    lines = [f"environment={settings}", "autorestart=true", "redirect_stderr=true"]
    # Only root can start a program as somebody else.
    if os.geteuid() == 0 and user != "root":
        lines.insert(0, f"user={user}")
    return "\n".join(lines)


def _supervisor_worker(wanted: Plan, queue: str, common: str) -> str:
    return (
        f"[program:mingus-{queue}]\n"
        f"command={wanted.program} worker --queue {queue}\n"
        # Redis has 10 and the scheduler 30: supervisord starts the lowest first, and stops it last.
        "priority=20\n"
        "; SIGTERM to the main process alone lets the jobs in hand end; above the longest hard limit.\n"
        f"stopasgroup=false\nkillasgroup=true\nstopwaitsecs={stop_seconds()}\n"
        f"{common}\n"
    )


def _without(text: str, section: str) -> str:
    before, _, after = text.partition(section)
    return before + "[" + after.partition("\n[")[2]


def compose_files(wanted: Plan, folder: Path, *, image: str, source: str) -> dict[str, str]:
    """`compose.yaml` and its Dockerfile, to be written into `folder`; the image is built from `source`."""
    text = datafiles.text("deploy/compose.yaml")
    workers = "\n".join(_compose_worker(name) for name in wanted.queues)
    # Not str.format(): the ${...} of compose and the braces of YAML would be taken for its fields.
    for name, value in (
        ("{image}", _yaml(image)),
        ("{source}", _yaml(source)),
        ("{dockerfile}", _yaml(f"{folder}/Dockerfile")),
        ("{workers}", workers),
    ):
        text = text.replace(name, value)
    ignored = "".join(f"{name}\n" for name in NOT_IN_THE_IMAGE)
    return {
        "compose.yaml": text,
        "Dockerfile": datafiles.text("deploy/Dockerfile"),
        "Dockerfile.dockerignore": ignored,
    }


def _compose_worker(queue: str) -> str:
    return (
        f"  {queue.replace('_', '-')}:\n"
        "    <<: *mingus\n"
        f"    command: [worker, --queue, {queue}]\n"
        "    healthcheck:\n"
        "      # Only the workers of this container count.\n"
        f"      test: [CMD, mingus, health, --here, --queue, {queue}]\n"
        "      interval: 30s\n      timeout: 10s\n      start_period: 30s\n"
        "    # Above the longest hard limit of a task: the jobs in hand end.\n"
        f"    stop_grace_period: {stop_seconds()}s\n"
    )


def _yaml(text: str) -> str:
    """A quoted scalar: JSON is YAML, and compose wants $ doubled."""
    return json.dumps(text).replace("$", "$$")
