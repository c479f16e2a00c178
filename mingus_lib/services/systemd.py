"""Unit files for this installation, made from those in systemd/: the program's path, the user, the Redis."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from shlex import quote

from mingus_lib.domain import datafiles
from mingus_lib.errors import UsageError
from mingus_lib.services.deploying import (
    DROP_IN,
    SHIPPED_PROGRAM,
    STATE,
    Plan,
    own_redis_url,
    stop_seconds,
)

UNITS = ("mingus-worker@.service", "mingus-scheduler.service", "mingus-dashboard.service", "mingus.target")
REDIS = "mingus-redis.service"
CONFIG = "/etc/mingus/mingus.toml"
# What a user's own systemd cannot do without privileges, or does elsewhere.
NOT_FOR_USERS = re.compile(
    r"^(User|Group|StateDirectory|StateDirectoryMode|WorkingDirectory|UMask|CapabilityBoundingSet"
    r"|AmbientCapabilities|Private\w+|Protect\w+|ProcSubset|DevicePolicy|IPAddressDeny|RemoveIPC|KeyringMode"
    r"|LimitNOFILE|OOMScoreAdjust|RestrictNamespaces|Wants)=.*$"
)
OTHERS = ("network-online.target ", " redis.service valkey.service")


def files(plan: Plan, redis_url: str | None) -> dict[str, str]:
    """For the system's systemd, as the user `plan.user`; with `redis_url` without our own Redis."""
    found = {name: _for_system(datafiles.text(f"systemd/{name}"), plan) for name in _names(plan)}
    found[DROP_IN] = datafiles.text(f"systemd/{DROP_IN}")
    users, folders = (
        datafiles.text("systemd/mingus.sysusers.conf"),
        datafiles.text("systemd/mingus.tmpfiles.conf"),
    )
    found["mingus.sysusers.conf"] = users.replace("u     mingus ", f"u     {plan.user} ")
    found["mingus.tmpfiles.conf"] = folders.replace(" mingus mingus ", f" {plan.user} {plan.user} ")
    found["mingus.toml"] = _toml(STATE, redis_url or own_redis_url(STATE))
    return found


def commands(plan: Plan, folder: Path) -> list[str]:
    """What installs them, for root to type."""
    units, typed = _units(plan, folder), quote(str(folder))
    return [
        f"install -m 644 {typed}/mingus.sysusers.conf /etc/sysusers.d/mingus.conf",
        f"install -m 644 {typed}/mingus.tmpfiles.conf /etc/tmpfiles.d/mingus.conf",
        "systemd-sysusers && systemd-tmpfiles --create",
        # What an operator has added there since the first time stays.
        f"test -e {CONFIG} || install -m 640 -g {plan.user} {typed}/mingus.toml {CONFIG}",
        f"diff {CONFIG} {typed}/mingus.toml   # both must name the same home and Redis",
        f"install -m 644 {units} /etc/systemd/system/",
        *_enabling(plan, "systemctl"),
        f"usermod --append --groups {plan.user} YOUR_NAME   # to be an operator; then log in again",
        "mingus doctor",
    ]


def user_files(plan: Plan, home: Path, redis_url: str | None) -> dict[str, str]:
    """For `systemctl --user`: the same processes, less fenced in, with the state directory `home`."""
    url = redis_url or own_redis_url(home)
    return {name: _for_user(datafiles.text(f"systemd/{name}"), plan, home, url) for name in _names(plan)}


def user_commands(plan: Plan, folder: Path) -> list[str]:
    """What installs them, for the user to type."""
    target = "~/.config/systemd/user/"
    return [
        f"mkdir -p {target} && cp {_units(plan, folder)} {target}",
        *_enabling(plan, "systemctl --user"),
        "loginctl enable-linger   # so that they run while you are not logged in",
        "mingus doctor",
    ]


def _names(plan: Plan) -> list[str]:
    return [*UNITS, *([REDIS] if plan.own_redis else [])]


def _units(plan: Plan, folder: Path) -> str:
    return " ".join(quote(f"{folder}/{name}") for name in _names(plan))


def _enabling(plan: Plan, systemctl: str) -> list[str]:
    services = [*(["mingus-redis"] if plan.own_redis else []), "mingus-scheduler", "mingus-dashboard"]
    services += [f"mingus-worker@{queue}" for queue in plan.queues]
    return [f"{systemctl} daemon-reload", f"{systemctl} enable --now mingus.target {' '.join(services)}"]


def _for_system(text: str, plan: Plan) -> str:
    text = _adapted(text, plan)
    text = re.sub(r"^(User|Group)=mingus$", rf"\1={plan.user}", text, flags=re.MULTILINE)
    # Else the unit would hide its own program from itself.
    if str(plan.program).startswith(("/home/", "/root/")):
        text = text.replace("ProtectHome=yes", "# The program lies there.\nProtectHome=read-only")
    if str(plan.program).startswith(("/tmp/", "/var/tmp/")):  # noqa: S108
        text = text.replace(
            "PrivateTmp=yes", "# The program lies there; install it elsewhere.\nPrivateTmp=no"
        )
    return text


def _adapted(text: str, plan: Plan) -> str:
    """With this installation's program and the limits that its tasks are under."""
    longest = stop_seconds()
    text = text.replace("a task (1200 s)", f"a task ({longest - 60} s)")
    text = text.replace("TimeoutStopSec=2160", f"TimeoutStopSec={longest}")
    return text.replace(SHIPPED_PROGRAM, str(plan.program))


def _for_user(text: str, plan: Plan, home: Path, url: str) -> str:
    own = f"Environment=MINGUS_HOME={_escaped(str(home))}\nEnvironment=MINGUS_REDIS_URL={_escaped(url)}\n"
    text = _adapted(text, plan).replace("[Service]\n", f"[Service]\n{own}")
    # A user's systemd has no multi-user.target.
    text = text.replace("multi-user.target", "default.target").replace("/etc/mingus/", "%h/.config/mingus/")
    # Units of the system are not seen from a user's systemd.
    for other in OTHERS:
        text = text.replace(other, "")
    return "".join(f"{line}\n" for line in _without_privileges(text.splitlines()))


def _without_privileges(lines: Iterable[str]) -> Iterator[str]:
    """The lines that a user's systemd can obey; a comment goes with the line that it explains."""
    comments: list[str] = []
    for line in lines:
        if line.startswith("#"):
            comments.append(line)
            continue
        if NOT_FOR_USERS.match(line) is None:
            yield from (*comments, line)
        comments = []


def _escaped(value: str) -> str:
    """A value of Environment=: % is a specifier, spaces end it and quotes open a text (systemd.exec(5))."""
    # A line's end would begin another setting.
    if not value.isprintable():
        raise UsageError(f"{value!r} will not do in a unit file: name a path of printable characters")
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("'", "\\'").replace("%", "%%")
    return text.replace(" ", "\\x20")


def _toml(home: Path, redis_url: str) -> str:
    return (
        "# For /etc/mingus/mingus.toml: the services and the operators see the same library and the same Redis.\n"
        # JSON's texts are TOML's, but for the pairs of escapes that ASCII would make of an emoji.
        f"home = {json.dumps(str(home), ensure_ascii=False)}\n"
        f"redis_url = {json.dumps(redis_url, ensure_ascii=False)}\n"
    )
