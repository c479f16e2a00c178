"""Articles: lists, one article with its text, search hits with the found words marked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.library import MARK_END, MARK_START, Article, SearchHit, SearchResult
from mingus_lib.view import facts as facts_view
from mingus_lib.view import human, output
from mingus_lib.view.output import Column, Format, Kind

if TYPE_CHECKING:
    from rich.text import Text

COLUMNS = (
    Column("id", "Id", Kind.ID),
    Column("status", "Status", Kind.STATE),
    Column("title", "Title"),
    Column("domain", "Host"),
    Column("word_count", "Words", Kind.NUMBER),
    Column("added_at", "Added", Kind.TIME),
)
# Documented for scripts, in this order; the text, which is most of an article, only `show` gives.
LIST_KEYS = (
    "id", "status", "title", "canonical_url", "domain", "author", "site_name", "language",
    "published_at", "word_count", "reading_time_minutes", "reason", "added_at", "fetched_at",
)  # fmt: skip
SHOWN_FACTS = (
    "id", "status", "reason", "canonical_url", "aliases", "author", "site_name", "published_at", "language",
    "word_count", "reading_time_minutes", "source_quality", "fetched_at", "admin_notes",
)  # fmt: skip
# Lines as wide as a wide screen are hard to read.
TEXT_WIDTH = 80
EMPTY = "No articles here yet. Add some: mingus add https://..."
NO_MATCH = "No article matches."


def show_list(found: Sequence[Article], form: Format, *, narrowed: bool = False) -> None:
    """Articles, one a row; the documented shape of `articles list --json`. `narrowed`: filters have chosen them."""
    row = _titled if form is Format.TABLE else listed
    drop = ("added_at", "word_count", "domain")
    empty = NO_MATCH if narrowed else EMPTY
    output.rows([row(article) for article in found], COLUMNS, form, empty=empty, drop=drop)


def listed(article: Article) -> dict[str, Any]:
    """What a list tells of an article."""
    return {key: getattr(article, key) for key in LIST_KEYS}


def whole(article: Article) -> dict[str, Any]:
    """Everything; the documented shape of `articles show --json`."""
    return dataclasses.asdict(article)


def show_article(article: Article, form: Format) -> None:
    """One article: what is known of it, then its text."""
    if form is Format.JSON:
        output.value(whole(article))
    elif form is Format.IDS:
        output.lines([str(article.id)])
    elif form is Format.TSV:
        output.lines(f"{name}\t{value}" for name, value in facts(article))
        output.lines(["", human.printable(article.text or "", keep_lines=True)])
    else:
        _draw(article)


def facts(article: Article) -> Iterator[tuple[str, str]]:
    """The metadata that is there, in words safe to print."""
    yield "title", human.printable(article.title)
    for name in SHOWN_FACTS:
        value = getattr(article, name)
        if value not in (None, "", ()):
            yield name.replace("canonical_url", "url"), _in_words(name, value)
    if (labels := article.classification) is not None:
        topics = "; ".join(labels["key_topics"]) or "no topics"
        yield "labels", human.printable(f"{labels['primary_phase']}, {labels['difficulty_level']}: {topics}")


def _in_words(name: str, value: Any) -> str:
    if name.endswith("_at") and name != "published_at":
        return human.moment(value)
    return human.printable(" ".join(value) if isinstance(value, tuple) else str(value))


def _draw(article: Article) -> None:
    from rich.padding import Padding
    from rich.text import Text

    screen = output.console()
    screen.print(Text(human.printable(article.title) or "(no title)", style="bold"))
    screen.print(facts_view.grid((name, value) for name, value in facts(article) if name != "title"))
    width = min(screen.width, TEXT_WIDTH)
    for paragraph in paragraphs(article.text or ""):
        screen.print(Padding(Text(paragraph), (1, 0, 0, 0), expand=False), width=width)


def paragraphs(text: str) -> list[str]:
    """The text's paragraphs, safe to print."""
    return [human.printable(part.strip(), keep_lines=True) for part in text.split("\n") if part.strip()]


def show_hits(result: SearchResult, form: Format) -> None:
    """What a search found, best first; the documented shape of `articles search --json`."""
    if form is Format.JSON:
        output.value({"exact": result.exact, "hits": [hit_as_json(hit) for hit in result.hits]})
    elif form is Format.IDS:
        output.lines(str(hit.article.id) for hit in result.hits)
    elif form is Format.TSV:
        output.lines(_hit_line(hit) for hit in result.hits)
    else:
        _draw_hits(result)
    if not result.hits and form in (Format.TABLE, Format.TSV):
        output.message("Nothing found. See what there is: mingus articles list")


def hit_as_json(hit: SearchHit) -> dict[str, Any]:
    """A hit; `snippet` marks found words with `**`, as Markdown does."""
    return {**listed(hit.article), "score": float(f"{hit.score:.4g}"), "snippet": _marked(hit.snippet, "**")}


def _hit_line(hit: SearchHit) -> str:
    cells = (str(hit.article.id), f"{hit.score:.4f}", hit.article.title, _marked(hit.snippet, ""))
    return "\t".join(human.printable(cell) for cell in (*cells, hit.article.canonical_url))


def _marked(snippet: str, mark: str) -> str:
    # A snippet has the line ends of its text, and a hit is one line.
    return " ".join(snippet.replace(MARK_START, mark).replace(MARK_END, mark).split())


def _draw_hits(result: SearchResult) -> None:
    from rich.text import Text

    screen = output.console()
    for hit in result.hits:
        head = Text(f"{hit.article.id}", style="cyan").append("  ")
        head.append(human.printable(hit.article.title) or "(no title)", style="bold")
        screen.print(head, Text(f"  {human.printable(hit.article.domain)}", style="dim"), sep="")
        screen.print(highlighted(hit.snippet))
        screen.print()
    # Without this the order would be taken for that of the best fit.
    if not result.exact:
        output.message("A word is in very many articles: newest first. Add a rarer word to rank by.")


def highlighted(snippet: str) -> Text:
    """The snippet with its found words in bold yellow."""
    from rich.text import Text

    text = Text(overflow="fold")
    for index, part in enumerate(" ".join(snippet.split()).split(MARK_START)):
        found, end, rest = part.partition(MARK_END)
        # Bold only between two marks: a text of a stranger may hold one of the signs.
        text.append(human.printable(found), style="bold yellow" if index and end else "")
        text.append(human.printable(rest))
    return text


def _titled(article: Article) -> dict[str, Any]:
    """A row whose title is never blank: an article without one is known by its address."""
    return {**listed(article), "title": article.title or article.canonical_url}


def show_changed(what: str, changed: Sequence[int], left: Mapping[int, str], form: Format) -> None:
    """Which articles were `what` ("archived", "restored"), and what those are that stayed as they were."""
    if form is Format.JSON:
        output.value({what: list(changed), "unchanged": list(left)})
        return
    output.lines(map(str, changed))
    # Off a terminal too, where the exit code says that some stayed, and not which.
    if form is Format.TABLE or left:
        told = ", ".join(f"{number} ({state})" for number, state in left.items())
        output.message(f"{len(changed):,} {what}{f', {len(left):,} not: {told}' if left else ''}.")
