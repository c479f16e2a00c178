"""The funnel of mail as numbers: from the links found to the articles kept, each loss with its reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mingus_lib.domain.mails import SENT_ON, LinkDecision
from mingus_lib.domain.states import Outcome

# Outcomes that were known without a request.
UNASKED = frozenset({"same-address", "denied-host", "held", "bad-address"})


class Tally(NamedTuple):
    """How many links share a decision and an outcome; `code` and `outcome_code` are the codes of their reasons."""

    decision: str
    code: str | None
    unwrapped: int
    outcome: str | None
    outcome_code: str | None
    links: int


@dataclass(slots=True)
class Funnel:
    """Counts of links; `mails` is how many mails they stand in.

    found = dropped + known + sent; sent = waiting + kept + duplicate + rejected + failed.
    """

    mails: int = 0
    found: int = 0
    unwrapped: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    known: int = 0
    sent: int = 0
    waiting: int = 0
    fetched: int = 0
    kept: int = 0
    duplicate: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, mails: int, tallies: Iterable[Tally]) -> Funnel:
        """The funnel of these counts."""
        funnel = cls(mails=mails)
        for tally in tallies:
            funnel.add(tally)
        return funnel

    def add(self, tally: Tally) -> None:
        """Count more links."""
        self.found += tally.links
        self.unwrapped += tally.links if tally.unwrapped else 0
        if tally.decision == LinkDecision.DROP:
            _count(self.dropped, tally.code, tally.links)
        elif tally.decision == LinkDecision.KNOWN:
            self.known += tally.links
        elif tally.decision in SENT_ON:
            self.sent += tally.links
            self._add_outcome(tally)

    def _add_outcome(self, tally: Tally) -> None:
        links = tally.links
        if tally.outcome is None:
            self.waiting += links
            return
        # An outcome is no request: hosts that are held or denied are never asked.
        self.fetched += 0 if tally.outcome_code in UNASKED else links
        if tally.outcome == Outcome.ADDED:
            self.kept += links
        elif tally.outcome == Outcome.REJECTED:
            _count(self.rejected, tally.outcome_code, links)
        elif tally.outcome == Outcome.FAILED:
            _count(self.failed, tally.outcome_code, links)
        # Duplicate and unchanged alike: the library has it already.
        else:
            self.duplicate += links

    def as_json(self) -> dict[str, Any]:
        """The documented shape; the most frequent reasons first."""
        return {
            "mails": self.mails,
            "found": self.found,
            "unwrapped": self.unwrapped,
            "dropped": _largest_first(self.dropped),
            "known": self.known,
            "sent": self.sent,
            "waiting": self.waiting,
            "fetched": self.fetched,
            "kept": self.kept,
            "duplicate": self.duplicate,
            "rejected": _largest_first(self.rejected),
            "failed": _largest_first(self.failed),
        }


def _count(reasons: dict[str, int], code: str | None, links: int) -> None:
    reasons[code or "unknown"] = reasons.get(code or "unknown", 0) + links


def _largest_first(reasons: dict[str, int]) -> dict[str, int]:
    # Equals by name, so that the same counts are the same text.
    return dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])))
