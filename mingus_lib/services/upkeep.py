"""The store as a file: migrated, copied, checked, measured, tidied."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from mingus_lib.store import backups, maintenance, statistics
from mingus_lib.store import salvage as salvaging
from mingus_lib.store.database import Store


def migrate(path: Path) -> dict[str, Any]:
    """Create or update the schema; the documented shape of `db migrate --json`."""
    before, after = maintenance.migrate(path)
    return {"path": str(path), "before": before, "after": after}


def backup(path: Path, destination: Path, *, overwrite: bool, report: backups.Progress) -> dict[str, Any]:
    """Copy the store and check the copy; the documented shape of `db backup --json`. Raises Refused."""
    # Where there is no store none is made, or its backup would be one of nothing.
    written = backups.backup(Store(path, create=False), destination, overwrite=overwrite, progress=report)
    return {"path": str(destination), "size_bytes": written.size, "rows": sum(written.rows.values())}


def vacuum(path: Path, *, rebuild: bool, full: bool, report: maintenance.Report) -> dict[str, Any]:
    """Tidy the store up; the documented shape of `db vacuum --json`."""
    store = Store(path, create=False)
    freed = maintenance.tidy(store, rebuild=rebuild, report=report)
    if full:
        report(3, 3, "writing the file anew")
        freed += maintenance.write_anew(store)
    return {"path": str(path), "freed_bytes": freed}


def check(path: Path, report: maintenance.Report) -> dict[str, Any]:
    """Look for damage; the documented shape of `db check --json`."""
    found = maintenance.check(path, report=report)
    return {"facts": dict(found.facts), "problems": list(found.problems)}


def salvage(path: Path, destination: Path, report: maintenance.Report) -> dict[str, Any]:
    """Save what can be read; the documented shape of `db salvage --json`. Raises what store/salvage.py raises."""
    tables = salvaging.salvage(path, destination, report)
    return {
        "path": str(destination),
        "rows": sum(each.rows for each in tables),
        "damaged": [each.table for each in tables if each.damaged],
        "tables": [asdict(each) for each in tables],
    }


def stats(path: Path, report: maintenance.Report) -> dict[str, Any]:
    """Rows and bytes by table; the documented shape of `db stats --json`."""
    found = statistics.measure(path, report)
    return {
        "path": str(path),
        "file_bytes": found.file,
        "log_bytes": found.log,
        "free_bytes": found.free,
        "schema": found.schema,
        "tables": [asdict(each) for each in found.tables],
    }
