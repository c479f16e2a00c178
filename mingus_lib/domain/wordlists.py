"""The word lists and fitted numbers of the offline engine, read from data/ once."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from mingus_lib.domain import lexicon
from mingus_lib.domain.lexicon import Lexicon
from mingus_lib.domain.softmax import Softmax, from_table


def _text(*path: str) -> str:
    return files("mingus_lib").joinpath("data", *path).read_text("utf-8")


@cache
def lists(name: str) -> Lexicon:
    """The lexicon data/lexicons/NAME.toml."""
    return lexicon.read(tomllib.loads(_text("lexicons", f"{name}.toml")), f"{name}.toml")


@cache
def imperatives() -> frozenset[str]:
    """Verbs with which an instruction begins."""
    lines = (line.partition("#")[0].strip() for line in _text("lexicons", "imperatives.txt").splitlines())
    return frozenset(line for line in lines if line)


@cache
def topic_tables() -> dict[str, dict[str, Any]]:
    """Every topic with its aliases, words, objective and prerequisite."""
    return tomllib.loads(_text("topics.toml"))


@cache
def topic_lists() -> Lexicon:
    """The topics' words."""
    return lexicon.read({name: table["words"] for name, table in topic_tables().items()}, "topics.toml")


@cache
def model(name: str) -> Softmax:
    """The fitted model `phase` or `difficulty`."""
    return from_table(tomllib.loads(_text("fitted.toml"))[name])


@cache
def fitted() -> dict[str, Any]:
    """All fitted numbers, and from what they were fitted."""
    return tomllib.loads(_text("fitted.toml"))
