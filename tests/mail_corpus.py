"""The corpus of tests/mails: a mail (NAME.eml) and what a person says of its links (NAME.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mingus_lib.domain import mailparse
from mingus_lib.domain.library import HostRule
from mingus_lib.domain.maillinks import judge_mail
from mingus_lib.domain.mails import SENT_ON, JudgedLink, ParsedMail

MAILS = Path(__file__).resolve().parent / "mails"


@dataclass(frozen=True)
class Sample:
    """One mail with its golden answer: `kind` of sender, `links`, and `parts` that are not read."""

    name: str
    raw: bytes
    golden: dict[str, Any]

    def parsed(self) -> ParsedMail:
        """The mail, read."""
        return mailparse.parse(self.raw)

    def judged(self) -> list[JudgedLink]:
        """Its links, judged without any host policy."""
        return judge_mail(self.parsed(), HostRule, hold_unknown=False)

    def articles(self) -> tuple[set[str], set[str]]:
        """The targets said to be articles, and those taken for articles."""
        said = {link["target"] for link in self.golden["links"] if link["article"]}
        return said, {link.target or "" for link in self.judged() if link.decision in SENT_ON}


@cache
def samples() -> tuple[Sample, ...]:
    """The whole corpus, in the order of its names."""
    return tuple(_read())


def _read() -> Iterator[Sample]:
    for path in sorted(MAILS.glob("*.eml")):
        golden = json.loads(path.with_suffix(".json").read_text("utf-8"))
        yield Sample(path.stem, path.read_bytes(), golden)
