"""Parameters that follow the reader and do not change the page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from mingus_lib.domain import datafiles
from mingus_lib.domain.urls.hosts import domains_of


@dataclass(frozen=True, slots=True)
class TrackingRules:
    """Parameter names, name prefixes and whole pairs, in lower case; `hosts` has more names by domain."""

    names: frozenset[str]
    prefixes: tuple[str, ...]
    pairs: frozenset[str]
    hosts: dict[str, frozenset[str]]

    def names_on(self, host: str) -> frozenset[str]:
        """The names to remove from addresses on `host`, a name or a domain above it having its own."""
        return self.names.union(*(self.hosts[each] for each in domains_of(host) if each in self.hosts))

    def cover(self, names: frozenset[str], pair: str) -> bool:
        """Whether `name=value` is there for tracking only."""
        lower = pair.lower()
        name = lower.partition("=")[0]
        return name in names or name.startswith(self.prefixes) or lower in self.pairs


def without_tracking(host: str, query: str) -> str:
    """The query without tracking parameters; the others keep their order and spelling."""
    rules = tracking_rules()
    names = rules.names_on(host)
    return "&".join(pair for pair in query.split("&") if not rules.cover(names, pair))


@cache
def tracking_rules() -> TrackingRules:
    """The rules of data/tracking_params.toml."""
    data = datafiles.table("tracking_params.toml")
    return TrackingRules(
        names=_lower(data["names"]),
        prefixes=tuple(_lower(data["prefixes"])),
        pairs=_lower(data["pairs"]),
        hosts={host: _lower(names) for host, names in data["hosts"].items()},
    )


def _lower(words: list[str]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)
