"""The picture of `mingus top`: lines of text that fit the terminal, whatever its size."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mingus_lib.view import human, output
from mingus_lib.view.topkeys import Item, Place, now

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

SPARKS = "▁▂▃▄▅▆▇█"
FOOT = "↑↓ choose  p pause  r retry  c cancel  / filter  ? help  q quit"
HELP = """
  ↑ ↓  j k      choose a row; PgUp and PgDn move by ten
  p             pause the queue of the chosen row, or let it go on
  r             retry the chosen failed job, with all its tries
  c             cancel the chosen running job; asks first
  /             show only rows that contain what you type; Enter keeps it, Esc ends it
  Esc           no filter, nothing chosen
  q             quit; so does Ctrl-C

  Done and failed are jobs a second by the workers' own counters, a bar a look.
  Ages are since the start of a job, or since its end for a failed one.

  Any key goes back."""


def spark(rates: Sequence[float], width: int) -> str:
    """The last `width` rates as bars, the highest one full; nothing is the lowest bar."""
    shown = list(rates)[-width:]
    most = max(shown, default=0.0) or 1.0
    return "".join(SPARKS[min(7, round(rate / most * 7))] for rate in shown)


def items(seen: Any, place: Place) -> list[Item]:
    """The rows that can be chosen, from top to bottom, under the filter."""
    paused = {queue.name for queue in seen.queues if queue.paused}
    found = [Item("queue", queue.name, queue.name, queue.paused) for queue in seen.queues]
    for kind, jobs in (("running", seen.running), ("failure", seen.failures)):
        found += [
            Item(kind, job.id, job.queue, job.queue in paused) for job in jobs if _passes(job, place.filter)
        ]
    return [item for item in found if item.kind != "queue" or place.filter.lower() in item.name]


def _passes(job: Any, wanted: str) -> bool:
    told = f"{job.id} {job.task} {job.queue} {job.reason or ''} {job.worker or ''}".lower()
    return wanted.lower() in told


def _is_shown(worker: Any, wanted: str) -> bool:
    return wanted.lower() in f"{worker.name} {worker.state} {worker.current_job or ''}".lower()


def _none(unfiltered: Sequence[Any], empty: str) -> str:
    """What an empty block says: that there is nothing, or that the filter hides it."""
    return "No row matches." if unfiltered else empty


def draw(seen: Any, place: Place, width: int, height: int, moment: datetime) -> list[str]:
    """Exactly the lines of the picture, at most `height`, none wider than `width`, with their colours."""
    console = _console(width)
    if place.mode == "help":
        lines = [_bold("mingus top"), *map(_plain, HELP.splitlines())]
    else:
        lines = _picture(seen, place, width, height, moment)
    return [_rendered(line, console, width) for line in lines[:height]]


def _console(width: int) -> Console:
    from rich.console import Console

    # The system of colours is found out from the environment, also when NO_COLOR wants none.
    return Console(
        file=io.StringIO(), width=width, force_terminal=True, highlight=False, markup=False, emoji=False
    )


def _rendered(line: Text, console: Console, width: int) -> str:
    # A line that the terminal folds would push the picture's end off the screen.
    line.truncate(max(1, width), overflow="ellipsis")
    with console.capture() as capture:
        console.print(line, end="", no_wrap=True, crop=True)
    return capture.get()


def _picture(seen: Any, place: Place, width: int, height: int, moment: datetime) -> list[Text]:
    chosen = now(place.chosen, items(seen, place))
    head = [*_head(seen, width, moment), *_queues(seen, place, chosen)]
    workers = [worker for worker in seen.workers if _is_shown(worker, place.filter)]
    running = [job for job in seen.running if _passes(job, place.filter)]
    failures = [job for job in seen.failures if _passes(job, place.filter)]
    room = height - len(head) - 1
    blocks = [
        (_worker_lines(workers, width), _none(seen.workers, "No worker runs. Start one: mingus up")),
        (_running_lines(running, chosen, moment, width), _none(seen.running, "Nothing runs.")),
        (_failure_lines(failures, chosen, moment), _none(seen.failures, "No job has failed.")),
    ]
    titles = (f"Workers ({len(workers)})", f"Running ({len(running)})", "Last failures")
    shares = share(room - len(blocks), [max(1, len(lines)) for lines, _ in blocks])
    body: list[Text] = []
    for title, (lines, empty), size in zip(titles, blocks, shares, strict=True):
        body += [_bold(title), *_scrolled(lines or [_dim(f"  {empty}")], size)]
    body = body[: max(0, room)]
    return [*head, *body, *[_plain("")] * (room - len(body)), _foot(place)]


def share(room: int, wanted: Sequence[int]) -> list[int]:
    """Lines for each block: what it wants, or as even a part of the room as the others leave."""
    given = [0] * len(wanted)
    for _ in range(max(0, room)):
        hungry = [index for index, want in enumerate(wanted) if given[index] < want]
        if not hungry:
            break
        given[min(hungry, key=lambda index: given[index])] += 1
    return given


def _scrolled(lines: Sequence[Text], size: int) -> Sequence[Text]:
    """The part of the lines that holds the chosen one."""
    at = next((index for index, line in enumerate(lines) if line.plain.startswith("▸")), 0)
    first = min(max(0, at - size + 1), max(0, len(lines) - size))
    return lines[first : first + size]


def _head(seen: Any, width: int, moment: datetime) -> Iterator[Text]:
    line = _bold(f"mingus top  {moment.astimezone():%H:%M:%S}  ")
    if seen.redis is not None:
        redis = seen.redis
        line.append_text(output.state("up"))
        line.append(f", Redis {redis.version}, {human.size(redis.memory_bytes)}")
    else:
        line.append("✗ Redis is away", style="red")
    yield line
    if seen.trouble:
        line = _plain("")
        yield line.append(human.printable(seen.trouble), style="yellow")
    size = max(5, min(60, (width - 40) // 2))
    rates = _plain("done ")
    rates.append(spark(seen.done, size), style="green").append(f" {_last(seen.done)}/s   failed ")
    rates.append(spark(seen.failed, size), style="red").append(f" {_last(seen.failed)}/s")
    yield rates


def _last(rates: Sequence[float]) -> str:
    return f"{rates[-1]:.1f}" if rates else "-"


def _queues(seen: Any, place: Place, chosen: Item | None) -> Iterator[Text]:
    yield _bold(
        f"  {'Queue':<20}{'Queued':>9}{'Scheduled':>11}{'Running':>9}{'Dead':>8}{'Oldest':>10}  State"
    )
    for queue in seen.queues:
        if place.filter.lower() not in queue.name:
            continue
        line = _row(chosen == ("queue", queue.name, queue.name, queue.paused))
        line.append(f"{queue.name:<20}{queue.queued:>9,}{queue.scheduled:>11,}{queue.started:>9,}")
        line.append(f"{queue.dead:>8,}{human.age(queue.oldest_age_seconds):>10}  ")
        yield line.append_text(output.state("paused" if queue.paused else "open"))


def _worker_lines(workers: Sequence[Any], width: int) -> list[Text]:
    lines = []
    # Of 80 columns the numbers take 58 and the age, the last, up to 7.
    room = max(8, min(40, width - 66))
    # The busy first: where there is no room for all, it is the idle ones that scroll out.
    for worker in sorted(workers, key=lambda each: (each.current_job is None, each.name)):
        line = _plain("  ").append_text(_padded(_plain(human.printable(worker.name)), room))
        line.append_text(_padded(output.state(worker.state), 13))
        memory = (worker.memory_bytes or 0) + (worker.child_memory_bytes or 0)
        line.append(f"{worker.done:>8,} done {worker.failed:>6,} failed {human.size(memory):>9}  ")
        lines.append(line.append(human.age(worker.job_seconds)))
    return lines


def _running_lines(jobs: Sequence[Any], chosen: Item | None, moment: datetime, width: int) -> list[Text]:
    lines = []
    for job in jobs:
        line = _row(chosen is not None and chosen[:2] == ("running", job.id))
        line.append(f"{job.id:<18}{human.printable(job.task):<24}{_since(job.started_at, moment):>8}  ")
        lines.append(line.append_text(_progress(job, max(8, min(24, width - 70)))))
    return lines


def _progress(job: Any, size: int) -> Text:
    if not job.progress_total:
        return _dim(f"attempt {job.attempts}")
    # A job may do more than it had announced; its bar ends where it is full.
    done = min(job.progress_done or 0, job.progress_total)
    filled = size * done // job.progress_total
    bar = _plain("").append("━" * filled, style="green").append("━" * (size - filled), style="dim")
    return bar.append(f" {done}/{job.progress_total} {human.printable(job.progress_text or '')}")


def _failure_lines(jobs: Sequence[Any], chosen: Item | None, moment: datetime) -> list[Text]:
    lines = []
    for job in jobs:
        line = _row(chosen is not None and chosen[:2] == ("failure", job.id))
        line.append(f"{job.id:<18}{human.printable(job.task):<24}{_since(job.ended_at, moment):>8}  ")
        lines.append(line.append(human.printable(job.reason or ""), style="red"))
    return lines


def _since(then: str | None, moment: datetime) -> str:
    return human.age((moment - datetime.fromisoformat(then).astimezone(UTC)).total_seconds()) if then else ""


def _foot(place: Place) -> Text:
    if place.mode == "filter":
        return _plain("/").append(human.printable(place.filter), style="bold").append("▏")
    if place.said:
        return _plain("").append(human.printable(place.said), style="yellow")
    kept = f"filter: {human.printable(place.filter)}   " if place.filter else ""
    return _dim(f"{kept}{FOOT}")


def _row(chosen: bool) -> Text:
    """The beginning of a row; a chosen one has a mark beside its colours."""
    from rich.text import Text

    return Text("▸ " if chosen else "  ", style="reverse" if chosen else "")


def _padded(text: Text, width: int) -> Text:
    text.truncate(width - 1, overflow="ellipsis", pad=True)
    return text.append(" ")


def _bold(text: str) -> Text:
    return _plain("").append(text, style="bold")


def _dim(text: str) -> Text:
    return _plain("").append(text, style="dim")


def _plain(text: str) -> Text:
    from rich.text import Text

    return Text(text, no_wrap=True)
