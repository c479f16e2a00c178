"""Recommendations: a reader's list with its reasons, figures of an evaluation, what became of lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from mingus_lib.domain.library import Article
from mingus_lib.domain.recommend.facts import PARTS
from mingus_lib.view import human, output
from mingus_lib.view.output import Column, Format, Kind

COLUMNS = (
    Column("id", "Id", Kind.ID),
    Column("score", "Score", Kind.NUMBER),
    Column("title", "Title"),
    Column("domain", "Host"),
    Column("why", "Why"),
)
EMPTY = "Nothing to recommend yet: publish and label articles, or let the reader take an assessment."
FIGURES = (
    Column("metric", "Metric"),
    Column("mingus", "mingus"),
    Column("interval", "95 %"),
    Column("popularity", "Popularity"),
    Column("random", "Random"),
)


class Place(Protocol):
    """One place of a list: the article, the stored suggestion, and titles of what led to it."""

    @property
    def article(self) -> Article:
        """What is recommended."""

    @property
    def suggestion(self) -> Mapping[str, Any]:
        """Score, parts, because and reasons."""

    @property
    def because(self) -> Mapping[int, str]:
        """Titles by id."""


def place_as_json(place: Place) -> dict[str, Any]:
    """The documented shape of one place."""
    article, suggestion = place.article, place.suggestion
    return {
        "id": article.id,
        "title": article.title,
        "canonical_url": article.canonical_url,
        "domain": article.domain,
        "score": suggestion["score"],
        "parts": {name: suggestion["parts"].get(name, 0.0) for name in PARTS},
        "because": [{"id": number, "title": title} for number, title in place.because.items()],
        "reasons": list(suggestion["reasons"]),
        "why": why(place),
    }


def why(place: Place) -> str:
    """The reasons in a sentence: what was read first, then the reader's own wishes."""
    told = []
    if place.because:
        told.append("because you read " + " and ".join(f"“{title}”" for title in place.because.values()))
    told += [_in_words(reason) for reason in place.suggestion["reasons"]]
    return "; ".join(told)


def _in_words(reason: str) -> str:
    kind, _, what = reason.partition(":")
    words = {
        "goal": f"matches your goal: {what}",
        "phase": f"strengthens {what}, where you need it most",
        "stage": "fits your career stage or income",
        "popular": "many readers read it",
        "new": "new, and worth a try",
    }
    # A kept list may be of a release that gives other reasons.
    return words.get(kind, reason)


@dataclass(frozen=True, slots=True)
class Head:
    """What is told of a list as a whole."""

    reader: str
    made_at: Any
    model: str | None
    refreshed: bool


def show_list(head: Head, places: Sequence[Place], form: Format, *, explain: bool = False) -> None:
    """A reader's list; the documented shape of `recommend --json`."""
    if form is Format.JSON:
        output.value(list_as_json(head, places))
        return
    show_places(places, form, explain=explain)


def list_as_json(head: Head, places: Sequence[Place]) -> dict[str, Any]:
    """A list with what is told of it as a whole."""
    return {
        "reader": head.reader,
        "made_at": head.made_at,
        "model": head.model,
        "refreshed": head.refreshed,
        "articles": [place_as_json(place) for place in places],
    }


def show_places(places: Sequence[Place], form: Format, *, explain: bool = False) -> None:
    """Recommended articles, best first; `explain` gives every part of the score a column."""
    rows = [_row(place, explain) for place in places]
    parts = tuple(Column(name, name.capitalize(), Kind.NUMBER) for name in PARTS) if explain else ()
    # On a terminal the host goes, and the reasons have its room.
    columns = (
        (*COLUMNS[:3], *parts, *COLUMNS[3:])
        if form is not Format.TABLE
        else (*COLUMNS[:3], *parts, COLUMNS[4])
    )
    # Where there is no room a part without points goes, and no other: they sum up to the score.
    blank = [part.key for part in parts if not any(row[part.key] for row in rows)]
    output.rows(rows, columns, form, empty=EMPTY, drop=blank)


def _row(place: Place, explain: bool) -> dict[str, Any]:
    told = place_as_json(place)
    # An empty cell for a part that added nothing: the others are found at a glance.
    parts = {name: round(value, 3) or None for name, value in told.pop("parts").items()}
    row = {**told, "title": told["title"] or told["canonical_url"]}
    return {**row, **parts} if explain else row


def show_similar(places: Sequence[Place], form: Format) -> None:
    """What goes with an article; the documented shape of `recommend --similar --json`."""
    if form is Format.JSON:
        output.value([place_as_json(place) for place in places])
    else:
        show_places(places, form)


def show_evaluation(found: Mapping[str, Any], form: Format) -> None:
    """The figures of an evaluation; the documented shape of `evaluate recommendations --json`."""
    if form is Format.JSON:
        output.value(found)
        return
    names = [name for name in found["mingus"] if name != "intervals"]
    output.rows([_figure(found, name) for name in names], FIGURES, form, id_key="metric")
    data = found["data"]
    output.message(
        f"{human.number(data['test'])} readings of {human.number(data['test_readers'])} "
        f"readers were to be found among {human.number(data['articles'])} articles."
    )


def _figure(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    low, high = found["mingus"]["intervals"].get(name, (None, None))
    told = {who: f"{found[who][name]:.4f}" for who in ("mingus", "popularity", "random")}
    return {"metric": name, **told, "interval": "" if low is None else f"{low:.4f} - {high:.4f}"}
