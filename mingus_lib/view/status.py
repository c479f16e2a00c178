"""The one screen of `mingus status`. Shows what it is given; the shape is that of `status --json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mingus_lib.view import human, output
from mingus_lib.view.control import BREAKER_COLUMNS, NARROW_WORKERS, SEEN_WORKER_COLUMNS, seen_worker
from mingus_lib.view.output import Column, Format, Kind

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Facts = Mapping[str, Any]

QUEUE_COLUMNS = (
    Column("name", "Queue", Kind.ID),
    Column("queued", "Queued", Kind.NUMBER),
    Column("scheduled", "Scheduled", Kind.NUMBER),
    Column("started", "Started", Kind.NUMBER),
    Column("dead", "Dead", Kind.NUMBER),
    Column("oldest_age_seconds", "Oldest", Kind.AGE),
    Column("next_in_seconds", "Next in", Kind.AGE),
    Column("state", "State", Kind.STATE),
)
# What a narrow screen goes without, one after another.
NARROW_QUEUES = ("next_in_seconds", "oldest_age_seconds", "scheduled")
FAILURE_COLUMNS = (
    Column("at", "When", Kind.TIME),
    Column("what", "What"),
    Column("reason", "Reason"),
)


def show_status(seen: Facts, form: Format) -> None:
    """Print it: one screen on a terminal, `section, subject, fact, value` lines elsewhere, or JSON."""
    if form is Format.JSON:
        output.value(seen)
    elif form is Format.TABLE:
        _draw(seen, output.console())
    else:
        output.lines("\t".join(human.printable(part) for part in row) for row in facts(seen))


def facts(seen: Facts) -> Iterator[tuple[str, str, str, str]]:
    """Every single value, for scripts that want lines: `queue  cleanup  queued  0`."""
    for section, subject, table in _subjects(seen):
        for key, value in table.items():
            text = output.plain(value)
            yield section, subject, key, "" if value is None else text


def _subjects(seen: Facts) -> Iterator[tuple[str, str, Facts]]:
    yield "redis", "", seen["redis"]
    yield "store", "", {key: value for key, value in seen["store"].items() if key != "articles"}
    yield "articles", "", seen["store"]["articles"]
    yield "scheduler", "", seen["scheduler"]
    for section in ("queues", "workers", "breakers", "schedule"):
        for row in seen.get(section, ()):
            yield section.removesuffix("s"), str(row["name"]), row
    for row in seen["failures"]:
        yield "failure", row["what"], row


def _draw(seen: Facts, screen: Console) -> None:
    _draw_servers(seen, screen)
    screen.print()
    screen.print(output.table([_queue(row) for row in seen["queues"]], QUEUE_COLUMNS, drop=NARROW_QUEUES))
    _draw_workers(seen, screen)
    if seen.get("breakers"):
        screen.print(output.table(seen["breakers"], BREAKER_COLUMNS, "Circuit breakers"))
    if seen["failures"]:
        screen.print(output.table(seen["failures"], FAILURE_COLUMNS, "Last failures"))


def _draw_servers(seen: Facts, screen: Console) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("Redis", _redis_line(seen["redis"]))
    grid.add_row("Store", _store_line(seen["store"]))
    grid.add_row("Articles", _articles_lines(seen["store"]["articles"], screen.width - len("Scheduler") - 2))
    grid.add_row("Scheduler", _scheduler_line(seen["scheduler"]))
    # Without a leader no slot comes true, and its time would promise one.
    if seen["schedule"] and seen["scheduler"]["state"] == "leading":
        # The list begins with the comma that _joined puts before each part.
        grid.add_row("Next", _joined([_slot(slot) for slot in seen["schedule"]])[2:])
    screen.print(grid)


def _redis_line(redis: Facts) -> Text:
    persistence = {"none": "not persistent", "aof": "append-only file", "rdb": "snapshots"}
    said = [
        f"version {redis['version']}" if redis.get("version") else "",
        human.size(redis.get("memory_bytes")),
        persistence.get(redis.get("persistence") or "", redis.get("persistence") or ""),
        redis.get("url") or "",
    ]
    return output.state(redis["state"]).append_text(_joined(said))


def _store_line(store: Facts) -> Text:
    size = human.size(store["size_bytes"]) if store["size_bytes"] else ""
    return output.state(store.get("state", "ok")).append_text(_joined([size, str(store["path"])]))


def _articles_lines(articles: Facts, width: int) -> Text:
    """The counts, as many on a line as fit whole: rich would break a line within one."""
    from rich.text import Text

    lines: list[Text] = []
    for status, count in articles.items():
        item = Text(f"{human.number(count)} ").append_text(output.state(status))
        if lines and lines[-1].cell_len + 2 + item.cell_len <= width:
            lines[-1].append("  ").append_text(item)
        else:
            lines.append(item)
    return Text("\n").join(lines) if lines else Text("none yet; add some: mingus add https://...")


def _slot(slot: Facts) -> str:
    """`sweep at 14:15`, with the date when that is far."""
    moment = human.moment(slot["next_at"])
    near = moment[:10] == datetime.now(UTC).strftime("%Y-%m-%d")
    return f"{slot['name']} at {moment[11:16] if near else moment[:16]}"


def _scheduler_line(scheduler: Facts) -> Text:
    from rich.text import Text

    if scheduler["state"] == "leading":
        since = f"for {human.age(scheduler['since_seconds'])}"
        return output.state("leading").append_text(_joined([scheduler["name"], since]))
    if scheduler["state"] == "unknown":
        return Text("unknown, since Redis does not answer", style="yellow")
    return Text(
        "none leads: the timetable stands still. Start one: mingus up, or mingus scheduler", style="yellow"
    )


def _joined(parts: list[str]) -> Text:
    from rich.text import Text

    return Text("".join(f", {human.printable(part)}" for part in parts if part))


def _queue(row: Facts) -> Facts:
    return {**row, "state": "paused" if row["paused"] else "open"}


def _draw_workers(seen: Facts, screen: Console) -> None:
    workers = seen["workers"]
    screen.print()
    # They may be at work: "none" would make somebody start more.
    if not workers and seen["redis"]["state"] == "unreachable":
        screen.print("Workers: unknown, since Redis does not answer.", style="yellow", highlight=False)
        return
    if not workers:
        screen.print("No worker is running. Start one: mingus up", style="yellow", highlight=False)
        return
    rows = [seen_worker(worker) for worker in workers]
    screen.print(output.table(rows, SEEN_WORKER_COLUMNS, drop=NARROW_WORKERS))
