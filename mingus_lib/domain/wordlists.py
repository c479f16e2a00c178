"""The word lists and fitted numbers of the offline engine, read from data/ once."""

from __future__ import annotations

from functools import cache
from typing import Any

from mingus_lib.domain import datafiles, lexicon
from mingus_lib.domain.lexicon import Lexicon
from mingus_lib.domain.softmax import Softmax, from_table


@cache
def lists(name: str) -> Lexicon:
    """The lexicon data/lexicons/NAME.toml."""
    return lexicon.read(datafiles.table("lexicons", f"{name}.toml"), f"{name}.toml")


@cache
def imperatives() -> frozenset[str]:
    """Verbs with which an instruction begins."""
    return frozenset(datafiles.lines("lexicons", "imperatives.txt"))


@cache
def topic_tables() -> dict[str, dict[str, Any]]:
    """Every topic with its aliases, words, objective and prerequisite."""
    return datafiles.table("topics.toml")


@cache
def topic_lists() -> Lexicon:
    """The topics' words."""
    # By the same reader as an editor's own lists: a bad weight in the file is named in the same way.
    return lexicon.read({name: table["words"] for name, table in topic_tables().items()}, "topics.toml")


@cache
def model(name: str) -> Softmax:
    """The fitted model `phase` or `difficulty`."""
    return from_table(datafiles.table("fitted.toml")[name])
