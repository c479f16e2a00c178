"""What the store's file is made of: rows and bytes by table, without changing anything."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mingus_lib.store import failures, search
from mingus_lib.store.backups import count_rows
from mingus_lib.store.database import BUSY_TIMEOUT, raw_connection, schema_version
from mingus_lib.store.maintenance import Report, unseen

# Indexes count to their table, and the parts of a full-text index to it.
_OWNERS = "SELECT name, tbl_name FROM sqlite_master WHERE type IN ('table', 'index')"
_BYTES = "SELECT name, sum(pgsize) FROM dbstat WHERE aggregate = TRUE GROUP BY name"


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its indexes; `rows` is None for a full-text index, which has none of its own."""

    table: str
    rows: int | None
    bytes: int


@dataclass(frozen=True, slots=True)
class StoreSizes:
    """The file and its log, bytes; `free` is what `db vacuum` gives back; the largest tables first."""

    file: int
    log: int
    free: int
    schema: int
    tables: tuple[TableSize, ...]


def measure(path: Path, report: Report = unseen) -> StoreSizes:
    """Read every page's header: about a second for each GB. Raises NotFound and what Store raises."""
    if not path.exists():
        raise failures.absent(path)
    log = Path(f"{path}-wal")
    with failures.in_our_words(path), closing(raw_connection(path, BUSY_TIMEOUT, read_only=True)) as found:
        schema = schema_version(found, path)
        free, page = (
            found.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_size")
        )
        owners = {row[0]: _owner(row[1]) for row in found.execute(_OWNERS)}
        report(0, 2, "counting rows")
        rows = count_rows(found)
        report(1, 2, "weighing pages")
        held: dict[str, int] = {}
        for name, size in found.execute(_BYTES):
            # The table of the schema itself is in no schema.
            owner = owners.get(name, name)
            held[owner] = held.get(owner, 0) + size
    tables = sorted(
        (TableSize(name, rows.get(name), size) for name, size in held.items()), key=lambda t: -t.bytes
    )
    return StoreSizes(
        path.stat().st_size, log.stat().st_size if log.exists() else 0, free * page, schema, tuple(tables)
    )


def _owner(table: str) -> str:
    return next((name for name in search.INDEXES if table.startswith(name)), table)
