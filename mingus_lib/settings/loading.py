"""Settings from four places: flags, then MINGUS_* variables, then mingus.toml, then the defaults."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mingus_lib.domain.words import nearest
from mingus_lib.errors import UsageError
from mingus_lib.settings.declared import PREFIX, Declaration, Settings, declarations
from mingus_lib.settings.kinds import Kind
from mingus_lib.settings.places import SYSTEM_CONFIG, Places, find
from mingus_lib.settings.tasktables import TASK_KEYS, contradiction
from mingus_lib.settings.tomlfile import Entry

OTHER_VARIABLES = frozenset({"MINGUS_CONFIG"})


class Finding(NamedTuple):
    """Something wrong. A `fatal` one keeps mingus from starting; the others `config check` tells."""

    message: str
    fatal: bool = True


class Examination(NamedTuple):
    """All that is known of the settings: None for `settings` when a finding is fatal."""

    settings: Settings | None
    findings: tuple[Finding, ...]
    files_read: tuple[Path, ...] = ()
    files_absent: tuple[Path, ...] = ()


def load(
    flags: Mapping[str, str | None] | None = None,
    env: Mapping[str, str] | None = None,
    config: Path | str | None = None,
    *,
    system: Path = SYSTEM_CONFIG,
) -> Settings:
    """The settings. `flags` are by setting name, None where not given; `env` is the process's own if None.

    Raises UsageError, one line naming the place and what is allowed, for the first thing wrong.
    """
    examined = examine(flags, env, config, system=system)
    if examined.settings is not None:
        return examined.settings
    fatal = [finding.message for finding in examined.findings if finding.fatal]
    more = f" (and {len(fatal) - 1} more: see `mingus config check`)" if len(fatal) > 1 else ""
    raise UsageError(fatal[0] + more, code="settings")


def examine(
    flags: Mapping[str, str | None] | None = None,
    env: Mapping[str, str] | None = None,
    config: Path | str | None = None,
    *,
    system: Path = SYSTEM_CONFIG,
) -> Examination:
    """Read everything and report everything that is wrong; raises nothing."""
    flags, env = flags or {}, os.environ if env is None else env
    try:
        places = find(flags, env, None if config is None else Path(config), system)
    except UsageError as error:
        return Examination(None, (Finding(str(error)), *_strange_variables(env)))
    gathered = _Gathered(places)
    gathered.from_file(places.entries)
    gathered.from_environment(env)
    gathered.from_flags(flags)
    findings = (*map(Finding, gathered.problems()), *_strange_variables(env))
    settings = None if any(finding.fatal for finding in findings) else gathered.settings()
    return Examination(settings, findings, places.read, places.absent)


class _Gathered:
    """Values and their origins, the stronger place overwriting the weaker."""

    def __init__(self, places: Places) -> None:
        self.values: dict[str, Any] = {"home": places.home}
        self.origins = {"home": places.home_origin}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.wrong: list[str] = []

    def from_file(self, entries: tuple[Entry, ...]) -> None:
        by_key = {tuple(each.key.split(".")): each for each in declarations()}
        sections = {key[0] for key in by_key if len(key) > 1}
        for entry in entries:
            if entry.key in by_key:
                self._take(by_key[entry.key], entry.value, entry.place, f"{entry.place}: {entry.dotted}")
            elif entry.key[0] == "tasks":
                self._take_task(entry)
            elif entry.value is not None or entry.dotted not in sections:
                self.wrong.append(_unknown_key(entry, list(map(".".join, by_key)), sections))

    def from_environment(self, env: Mapping[str, str]) -> None:
        # An empty variable is how compose files and unit files say "not set".
        for each in declarations():
            if env.get(each.env):
                self._take(each, env[each.env], each.env, each.env)

    def from_flags(self, flags: Mapping[str, str | None]) -> None:
        known = {each.name: each for each in declarations()}
        for name, raw in flags.items():
            if raw is not None:
                self._take(known[name], raw, known[name].flag, known[name].flag)

    def _take(self, each: Declaration, raw: object, origin: str, where: str) -> None:
        # Decided already, by the places (places.find): the file itself may lie there.
        if each.name == "home":
            return
        value = self._parsed(each.kind, raw, where, each.secret)
        self.values[each.name], self.origins[each.name] = value, origin

    def _take_task(self, entry: Entry) -> None:
        # An empty [tasks] or [tasks.NAME] says nothing, and is no mistake.
        if entry.value is None and len(entry.key) < 3:
            return
        if len(entry.key) != 3 or entry.key[2] not in TASK_KEYS:
            self.wrong.append(_unknown_task_key(entry))
            return
        _, task, key = entry.key
        value = self._parsed(TASK_KEYS[key][0], entry.value, f"{entry.place}: {entry.dotted}", False)
        if value is not None:
            self.tasks.setdefault(task, {})[key] = value
        self.origins[entry.dotted] = entry.place

    def _parsed(self, kind: Kind, raw: object, where: str, secret: bool) -> Any:
        try:
            return kind.parse(raw)
        except (ValueError, OverflowError):
            said = "the value" if secret else _brief(raw)
            self.wrong.append(f"{where}: {said} will not do; use {kind.allowed}")
            return None

    def problems(self) -> Iterator[str]:
        """What is wrong with single values, then with values taken together."""
        yield from self.wrong
        for task, table in self.tasks.items():
            if (problem := contradiction(table)) is not None:
                where = self.origins[f"tasks.{task}.hard"]
                yield f"{where}: tasks.{task}: {problem}"
        least, most = self._now("quality_min_words"), self._now("quality_max_words")
        if least is not None and most is not None and least > most:
            names = ("quality_min_words", "quality_max_words")
            where = next(self.origins[name] for name in names if name in self.origins)
            yield f"{where}: quality.min_words ({least}) must not be more than quality.max_words ({most})"

    def _now(self, name: str) -> Any:
        default = next(each.default for each in declarations() if each.name == name)
        return self.values.get(name, default)

    def settings(self) -> Settings:
        return Settings(**self.values, tasks=self.tasks, origins=self.origins)


def _strange_variables(env: Mapping[str, str]) -> Iterator[Finding]:
    known = [each.env for each in declarations()]
    for name in sorted(env):
        if name.startswith(PREFIX) and name not in known and name not in OTHER_VARIABLES:
            # Not fatal: another release, or another program of that prefix, may have set it.
            yield Finding(f"{name}: not a variable of mingus{nearest(name, known)}", fatal=False)


def _unknown_key(entry: Entry, known: list[str], sections: set[str]) -> str:
    if entry.dotted in sections:
        return f"{entry.place}: {entry.dotted} is a section: write [{entry.dotted}] and its keys below"
    return f"{entry.place}: unknown key {_brief(entry.dotted)}{nearest(entry.dotted, known)}"


def _unknown_task_key(entry: Entry) -> str:
    key = entry.key[2] if len(entry.key) > 2 else entry.dotted
    near = nearest(key, list(TASK_KEYS))
    takes = ", ".join(TASK_KEYS)
    return f"{entry.place}: unknown key {_brief(entry.dotted)}{near}; [tasks.NAME] takes {takes}"


def _brief(raw: object) -> str:
    """A value as an error may show it: short, one line, in quotes when it is text."""
    # repr spells out what would act on a terminal.
    text = f'"{repr(raw)[1:-1]}"' if isinstance(raw, str) else " ".join(str(raw).split())
    return text if len(text) <= 60 else text[:57] + "..."
