"""The indexes of events, by time and by article, and how a great many events come in without them.

Kept row by row, the indexes take more of an import's time than the events: each batch touches most of their pages.
Made at once, they are sorted and written in one go, in a third of that. `store/failures.py` tells what needs them
meanwhile. If an import is killed, the next import or update of the totals makes them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from mingus_lib.store.database import Store

Report = Callable[[int, int], None]
INDEXES = {
    # By time: what was done and what was shown are asked for apart, and each event is in one of the two. `kind` is in
    # them so that counting readers never looks at the table: trends take a third of the time.
    "events_done": "ON events (at, article, kind) WHERE kind <> 'recommended'",
    "events_shown": "ON events (at, article, kind) WHERE kind = 'recommended'",
    "events_article": "ON events (article, reader)",
}
STATEMENTS = tuple(f"CREATE INDEX IF NOT EXISTS {name} {of}" for name, of in INDEXES.items())
# Of fewer events, keeping the indexes takes less than a second.
MANY = 100_000
# Making them anew takes a third of the time that they take row by row, but for all events that there are.
_WORTH = 2


def make_way(connection: sqlite3.Connection, coming: int) -> None:
    """Inside the caller's transaction, before so many events: drop the indexes, if making them anew is quicker."""
    if coming < MANY:
        return
    sql = "SELECT count(*) FROM (SELECT 1 FROM events LIMIT ?)"
    if connection.execute(sql, (_WORTH * coming,)).fetchone()[0] < _WORTH * coming:
        for name in INDEXES:
            connection.execute(f"DROP INDEX IF EXISTS {name}")


def mend(store: Store, report: Report = lambda _done, _total: None) -> None:
    """Make those that are missing, if any are, each in a transaction of its own; three seconds for a million events.

    `report` is told how many are done, of how many. Outside any transaction of the caller. May raise what Store raises.
    """
    sql = "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name IN (?, ?, ?)"
    if store.value(sql, tuple(INDEXES)) == len(INDEXES):
        return
    with store.reading() as connection:
        # In memory, sorting ten million events takes a gigabyte.
        connection.execute("PRAGMA temp_store=FILE")
        # A second thread sorts while this one reads.
        connection.execute("PRAGMA threads=1")
        try:
            for done, statement in enumerate(STATEMENTS):
                report(done, len(STATEMENTS))
                connection.execute(statement)
        finally:
            connection.execute("PRAGMA threads=0")
            connection.execute("PRAGMA temp_store=MEMORY")
