"""Values as the pages show them: the words of the command line, in HTML."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from markupsafe import Markup

from mingus_lib.dashboard import charts
from mingus_lib.domain.jobs import JobRun
from mingus_lib.view import human
from mingus_lib.view.table import STATES

BRIEF = 160
# Which colour a state has; a symbol and its word are always beside it.
TONES = {"green": "good", "red": "bad", "yellow": "warn", "blue": "busy", "cyan": "wait", "dim": "quiet"}


def install(app: Flask) -> None:
    """Give the templates their filters."""
    app.jinja_env.filters.update(
        age=human.age,
        size=human.size,
        number=human.number,
        say=say,
        lines=lines,
        state=state,
        moment=moment,
        ago=ago,
        seconds=seconds,
        percent=percent,
        pretty=pretty,
        brief=brief,
        took=took,
    )
    app.jinja_env.globals.update(share_bar=charts.share)


def say(value: Any) -> str:
    """One line of text in which nothing is invisible; empty for None. Escaping is the template's."""
    return "" if value is None else human.printable(str(value))


def lines(value: str) -> str:
    """Text of several lines."""
    return human.printable(value, keep_lines=True)


def state(word: Any) -> Markup:
    """A state as its symbol and word in its colour."""
    symbol, style = STATES.get(str(word), ("·", "dim"))
    return Markup('<span class="state {}"><span aria-hidden="true">{}</span> {}</span>').format(
        # A style of rich ends with its colour.
        TONES.get(style.split()[-1] if style else "", "quiet"),
        symbol,
        say(word),
    )


def moment(value: str | datetime | None) -> Markup:
    """A time in UTC, for people and machines."""
    shown = human.moment(value)
    if not shown or value is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(say(value), shown)


def ago(value: str | datetime | None, now: datetime | None = None) -> Markup:
    """How long ago, with the time itself on hovering."""
    then = _parsed(value)
    if then is None:
        return moment(value)
    age = human.age(((now or datetime.now(UTC)) - then).total_seconds()) or "0s"
    return Markup('<time datetime="{}" title="{} UTC">{} ago</time>').format(
        say(value), human.moment(then), age
    )


def seconds(value: float | None) -> str:
    """A duration: `34 ms`, `1.4 s`, `3m 12s`; empty for None."""
    if value is None:
        return ""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    return f"{value:.1f} s" if value < 60 else human.age(value)


def percent(part: float) -> str:
    """`0 %`, `0.3 %`, `12 %`."""
    return f"{part * 100:.1f} %" if 0 < part < 0.1 else f"{part * 100:.0f} %"


def pretty(value: Any) -> str:
    """JSON over several lines."""
    return human.printable(json.dumps(value, ensure_ascii=False, indent=2), keep_lines=True)


def brief(value: Any) -> str:
    """JSON on one line, cut."""
    text = json.dumps(value, ensure_ascii=False)
    return human.printable(text if len(text) <= BRIEF else text[: BRIEF - 1] + "…")


def took(job: JobRun) -> str:
    """How long a job's last attempt took."""
    started, ended = _parsed(job.started_at), _parsed(job.ended_at)
    return "" if started is None or ended is None else seconds(max(0.0, (ended - started).total_seconds()))


def _parsed(value: str | datetime | None) -> datetime | None:
    if not isinstance(value, str):
        return value
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
