"""The page docs/configuration.md, made from the declarations of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mingus_lib.settings import Declaration, declarations
from mingus_lib.settings.declared import USER_AGENT
from mingus_lib.settings.tasktables import TASK_KEYS

INTRODUCTION = """\
# Configuration

<!-- Generated from mingus_lib/settings by `make docs`: do not edit. -->

Everything has a default: mingus runs without any configuration. `mingus config show` prints every
setting, its value and where that value came from; `mingus config check` reports everything that is
wrong.

## Who wins

1. a flag, such as `--redis-url`, on the commands that have it;
2. a `MINGUS_*` environment variable; an empty one counts as not set;
3. `mingus.toml`;
4. the default.

One `mingus.toml` is read, the first of these that exists:

1. the file named by `--config`; it must exist;
2. the file named by `MINGUS_CONFIG`; it must exist;
3. `mingus.toml` in the state directory;
4. `/etc/mingus/mingus.toml`.

The state directory holds the store and the embedded Redis. It is the first of these that is given:
`--home`, `MINGUS_HOME`, `home` in the file named by `--config` or `MINGUS_CONFIG`, `home` in
`/etc/mingus/mingus.toml` (so that an operator and the services see the same library),
`$STATE_DIRECTORY` (set by systemd), and otherwise `$XDG_STATE_HOME/mingus`, which is
`~/.local/state/mingus` on most machines.

## How values are written

A time is a number of seconds or has a unit: `500ms`, `2s`, `5m`, `1h`, `1d`. A size is a number of
bytes or has a unit: `500kB`, `10MB` (powers of ten), `8MiB` (powers of two). A list is separated by
commas, or is an array in `mingus.toml`; `none` is the empty list, or no address.

An unknown key in `mingus.toml`, or a value that is not allowed, keeps mingus from starting: one
line names the file and line, or the variable, what is allowed and the nearest key. The exit code is
2. An unknown `MINGUS_*` variable is reported by `mingus config check` only, because other programs
may use the prefix. Passwords in addresses are never shown.
"""

TASKS = """\
## Tasks

A table `[tasks.NAME]` overrides the limits of one task; `mingus tasks` lists the names.

"""


def configuration() -> str:
    """The whole page, Markdown."""
    sections = (INTRODUCTION, _settings(), TASKS + _task_keys(), _example_section())
    return "\n".join(section.strip("\n") + "\n" for section in sections)


def _settings() -> str:
    return "## Settings\n\n" + "\n".join(_setting(each) for each in declarations())


def _setting(each: Declaration) -> str:
    return (
        f"### {each.name}\n\n{each.doc}\n\n"
        f"- environment: `{each.env}`\n"
        f"- mingus.toml: `{each.key}`\n"
        f"- default: {_default(each)}\n"
        f"- allowed: {each.kind.allowed}\n"
    )


def _default(each: Declaration) -> str:
    # The state directory: where it is takes the paragraph at the top of the page.
    return "see above" if each.required else f"`{each.shown(each.default)}`"


def _task_keys() -> str:
    rows = ((f"`{key}`", kind.allowed, doc) for key, (kind, doc) in TASK_KEYS.items())
    return markdown_table(("Key", "Allowed", "Meaning"), rows)


def markdown_table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; a `|` in a cell is escaped."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _example_section() -> str:
    return f"## A whole mingus.toml\n\nEvery key with its default:\n\n```toml\n{example()}```\n"


def example() -> str:
    """A mingus.toml that says what is so anyway."""
    # Keys of no table first: in TOML whatever follows a table's name belongs to it.
    return "\n".join((*_top_level(), *_sections(), *_example_task()))


def _top_level() -> Iterator[str]:
    for each in declarations():
        if each.required:
            yield f'# {each.doc}\n# {each.key} = "/var/lib/mingus"'
        elif "." not in each.key:
            yield _example_line(each, each.key)


def _sections() -> Iterator[str]:
    dotted = [each for each in declarations() if "." in each.key]
    for section in dict.fromkeys(each.key.partition(".")[0] for each in dotted):
        yield f"\n[{section}]"
        for each in dotted:
            if each.key.startswith(f"{section}."):
                yield _example_line(each, each.key.partition(".")[2])


def _example_line(each: Declaration, key: str) -> str:
    # What is left to mingus by default stays a comment: it should follow a new release.
    hint = "# " if each.default in (None, USER_AGENT) else ""
    return f"# {each.doc}\n{hint}{key} = {each.kind.as_toml(each.default)}"


def _example_task() -> Iterator[str]:
    yield "\n# Limits of one task.\n# [tasks.process_new_articles]\n# soft = 300\n# hard = 600\n# retries = 3"
    yield '# backoff = 60\n# rate_limit = "10/min"\n'
