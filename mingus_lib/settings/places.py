"""Where the state directory and mingus.toml are. Reads files, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mingus_lib.errors import UsageError
from mingus_lib.settings.declared import declaration
from mingus_lib.settings.tomlfile import Entry, read

FILE = "mingus.toml"
SYSTEM_CONFIG = Path("/etc/mingus") / FILE


class Places(NamedTuple):
    """What was found: the state directory and what said so, the file in use and the files looked at."""

    home: Path
    home_origin: str
    config: Path | None
    entries: tuple[Entry, ...]
    read: tuple[Path, ...]
    absent: tuple[Path, ...]


class _Reader:
    """Reads every file once and remembers which were there."""

    def __init__(self) -> None:
        self.seen: dict[Path, list[Entry] | None] = {}

    def __call__(self, path: Path) -> list[Entry] | None:
        if path not in self.seen:
            self.seen[path] = read(path)
        return self.seen[path]


def find(
    flags: Mapping[str, str | None], env: Mapping[str, str], config: Path | None, system: Path = SYSTEM_CONFIG
) -> Places:
    """Find both. Raises UsageError when a named file is absent or any file cannot be read."""
    files = _Reader()
    named = _named(config, env, files)
    home, origin = _home(flags, env, named, system, files)
    in_use = next((path for path in (named or home / FILE, system) if files(path) is not None), None)
    entries = (files(in_use) or []) if in_use else []
    if in_use == home / FILE:
        _refuse_another_home(entries, home)
    there = tuple(path for path, found in files.seen.items() if found is not None)
    absent = tuple(path for path, found in files.seen.items() if found is None)
    return Places(home, origin, in_use, tuple(entries), there, absent)


def _named(config: Path | None, env: Mapping[str, str], files: _Reader) -> Path | None:
    """The file somebody asked for by name; it must exist."""
    variable = env.get("MINGUS_CONFIG")
    if config is None and not variable:
        return None
    who, path = ("--config", config) if config is not None else ("MINGUS_CONFIG", Path(str(variable)))
    path = _path(str(path), who, "file")
    if files(path) is None:
        raise UsageError(f"{who}: there is no file {path}")
    return path


def _home(
    flags: Mapping[str, str | None], env: Mapping[str, str], named: Path | None, system: Path, files: _Reader
) -> tuple[Path, str]:
    asked = declaration("home")
    if flags.get("home") is not None:
        return _path(flags["home"], asked.flag), asked.flag
    if env.get(asked.env):
        return _path(env[asked.env], asked.env), asked.env
    for path in (named, system):
        for entry in (files(path) or []) if path else []:
            if entry.key == ("home",):
                return _path(entry.value, f"{entry.place}: home"), entry.place
    return _default_home(env)


def _default_home(env: Mapping[str, str]) -> tuple[Path, str]:
    """systemd's state directory, else the XDG state folder (freedesktop.org basedir-spec 0.8)."""
    if env.get("STATE_DIRECTORY"):
        # systemd writes several directories with colons between them.
        return _path(env["STATE_DIRECTORY"].partition(":")[0], "STATE_DIRECTORY"), "STATE_DIRECTORY"
    state = env.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    if state.startswith("/"):
        return Path(state) / "mingus", "default (XDG_STATE_HOME)"
    if env.get("HOME", "").startswith("/"):
        return Path(env["HOME"]) / ".local/state/mingus", "default"
    return _path("~/.local/state/mingus", "MINGUS_HOME is not set and there is no home directory"), "default"


def _path(raw: object, where: str, what: str = "folder") -> Path:
    try:
        path: Path = declaration("home").kind.parse(raw)
    except ValueError as error:
        # In a working directory that is gone only a whole path leads anywhere.
        whole = "whole " if isinstance(error.__cause__, OSError) else ""
        raise UsageError(f"{where}: use the {whole}path of a {what}") from error
    return path


def _refuse_another_home(entries: list[Entry], home: Path) -> None:
    """A file in the state directory cannot say that the state directory is elsewhere."""
    for entry in entries:
        if entry.key == ("home",) and _path(entry.value, f"{entry.place}: home") != home:
            raise UsageError(
                f"{entry.place}: home: this file was found in {home}, so it cannot name another state "
                f"directory; say it in MINGUS_HOME or {SYSTEM_CONFIG}"
            )
