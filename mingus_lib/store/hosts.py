"""Which hosts may feed the library, and how good they are: seeds from a file, overruled by people."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import tomllib
from datetime import UTC, datetime
from functools import cache
from itertools import islice

from mingus_lib.domain import datafiles
from mingus_lib.domain.library import HostPolicy, HostRule
from mingus_lib.domain.urls import domains_of, plain_host
from mingus_lib.errors import NotFound, UsageError
from mingus_lib.store.database import Row, Store
from mingus_lib.store.values import as_text

# The lengths are those of DNS: 63 for a label, 253 for a name.
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")

_COLUMNS = "host, policy, quality, note, origin"
# All that match are ends of one name, so the longest is the most specific.
_COVERING = f"""
SELECT {_COLUMNS} FROM hosts WHERE host IN (SELECT value FROM json_each(?))
ORDER BY length(host) DESC LIMIT 1
"""  # noqa: S608  (a constant)
_LIST = f"SELECT {_COLUMNS} FROM hosts WHERE ?1 IS NULL OR policy = ?1 ORDER BY host"  # noqa: S608
_SET = """
INSERT INTO hosts (host, policy, quality, note, origin, updated_at) VALUES (?, ?, ?, ?, 'operator', ?)
ON CONFLICT (host) DO UPDATE SET policy = excluded.policy, quality = excluded.quality,
  note = coalesce(excluded.note, note), origin = 'operator', updated_at = excluded.updated_at
"""
# An operator's word stays when the file of seeds changes.
_SEED = """
INSERT INTO hosts (host, policy, quality, note, origin, updated_at) VALUES (?, ?, ?, ?, 'seed', ?)
ON CONFLICT (host) DO UPDATE SET policy = excluded.policy, quality = excluded.quality,
  note = excluded.note, updated_at = excluded.updated_at
WHERE hosts.origin = 'seed'
"""


class Hosts:
    """The host rules of one store. Every method may raise what Store raises.

    A rule covers the host and its subdomains; the most specific rule counts. The seeds are brought in on
    first use and again when the file changed; a host that left the file loses its seed.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seeded = False

    def policy(self, host: str) -> HostRule:
        """The rule for a host; policy `unknown` and quality 0.5 when nobody said anything."""
        self._seed_once()
        name = plain_host(host)
        # No name has more than 127 labels: what has is not worth a longer query.
        names = [*islice(domains_of(name), 128)]
        row = self.store.row(_COVERING, (json.dumps(names),))
        return HostRule(name) if row is None else _rule(row)

    def list(self, policy: HostPolicy | None = None) -> list[HostRule]:
        """All rules, by host; of one policy only, when given."""
        self._seed_once()
        return [_rule(row) for row in self.store.rows(_LIST, (None if policy is None else policy.value,))]

    def set(
        self,
        host: str,
        policy: HostPolicy | None = None,
        *,
        quality: float | None = None,
        note: str | None = None,
        now: datetime | None = None,
    ) -> HostRule:
        """Make an operator's rule; what is not given stays as it applies now. Raises UsageError."""
        name = _valid(host)
        current = self.policy(name)
        grade = current.quality if quality is None else quality
        if not 0 <= grade <= 1:
            raise UsageError(f"quality {grade} of {host}: a number from 0 to 1 is wanted")
        rule = (
            name,
            (policy or current.policy).value,
            grade,
            note,
            as_text(now or datetime.now(UTC)),
        )
        self.store.execute(_SET, rule)
        return self.policy(name)

    def allow(self, host: str, *, quality: float | None = None, note: str | None = None) -> HostRule:
        """Fetch from this host and its subdomains."""
        return self.set(host, HostPolicy.ALLOW, quality=quality, note=note)

    def deny(self, host: str, *, note: str | None = None) -> HostRule:
        """Never fetch from this host and its subdomains."""
        return self.set(host, HostPolicy.DENY, note=note)

    def forget(self, host: str) -> HostRule:
        """Take an operator's rule back; the rule that applies then. Raises UsageError, NotFound where there is none."""
        name = _valid(host)
        with self.store.transaction() as connection:
            gone = connection.execute("DELETE FROM hosts WHERE host = ? AND origin = 'operator'", (name,))
            if not gone.rowcount:
                raise NotFound(
                    f"you set no rule for {name} that could be taken back; `mingus hosts list` shows who set which"
                )
            # It may have taken the place of a seed.
            _plant(connection)
        return self.policy(name)

    def _seed_once(self) -> None:
        if self._seeded:
            return
        # Looked at first, so that hardly any process takes the write lock for its seeds.
        if self.store.value("SELECT value FROM meta WHERE key = 'hosts_seed'") != _seed_mark():
            with self.store.transaction() as connection:
                _plant(connection)
        self._seeded = True


def _plant(connection: sqlite3.Connection) -> None:
    now = as_text(datetime.now(UTC))
    seeds = tomllib.loads(_seed_text())["host"]
    keep = json.dumps([seed["host"] for seed in seeds])
    connection.execute(
        "DELETE FROM hosts WHERE origin = 'seed' AND host NOT IN (SELECT value FROM json_each(?))", (keep,)
    )
    rows = [(each["host"], each["policy"], each["quality"], each.get("note"), now) for each in seeds]
    connection.executemany(_SEED, rows)
    connection.execute(
        "INSERT INTO meta VALUES ('hosts_seed', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (_seed_mark(),),
    )


def _seed_mark() -> str:
    return hashlib.sha256(_seed_text().encode()).hexdigest()


@cache
def _seed_text() -> str:
    return datafiles.text("hosts.toml")


def _valid(host: str) -> str:
    name = plain_host(host)
    if not _HOST.fullmatch(name):
        raise UsageError(
            f"{host[:80]!r} is not a host name: give it like example.org, without http:// or a path"
        )
    return name


def _rule(row: Row) -> HostRule:
    return HostRule(row["host"], HostPolicy(row["policy"]), row["quality"], row["note"], row["origin"])
