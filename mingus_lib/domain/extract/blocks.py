"""A page cut into blocks: runs of text between two block-level tags, each with where it stands.

Blocks are how the two extraction tools are compared. Every block gets one mark, a rare letter set into
its text; a tool has kept a block exactly if the mark is in what the tool returns. Nothing is guessed by
comparing texts, and one parse serves all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from lxml.etree import iterwalk
from lxml.html import HtmlElement

# Elements whose start and end part one run of text from the next.
_PARTING = """
    address article aside blockquote body br button caption center dd details dialog dir div dl dt
    fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html iframe label
    legend li main menu nav ol option optgroup p picture pre search section select summary table
    tbody td textarea tfoot th thead title tr ul video
"""
PARTING = frozenset(_PARTING.split())
_SILENT = """
    annotation annotation-xml audio button canvas head iframe noscript object script select style
    svg template textarea video
"""
SILENT = frozenset(_SILENT.split())
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
# CJK extension B: letters that hardly any page is written in, and that no tool strips or trims.
LETTERS = range(0x20000, 0x2A6DF)
# Classes and ids are searched by patterns: a hostile page has megabytes of them.
MAX_CLASSES = 1_000


# Compared as objects: the vote counts by place, and two places that look alike are still two.
@dataclass(slots=True, eq=False)
class Place:
    """An element's place in the tree, with what its ancestors say about the text inside."""

    parent: Place | None
    tag: str
    classes: str
    element: HtmlElement | None = field(default=None, repr=False)
    depth: int = 0

    def line(self) -> Iterator[Place]:
        """This place and all around it, innermost first."""
        place: Place | None = self
        while place is not None:
            yield place
            place = place.parent

    def near(self, tags: frozenset[str], steps: int = 3) -> bool:
        """Whether one of the innermost `steps` elements is among `tags`."""
        return any(place.tag in tags for place, _ in zip(self.line(), range(steps), strict=False))


@dataclass(slots=True, eq=False)
class Block:
    """One run of text: white space folded; `linked` of its characters stand in links."""

    text: str
    linked: int
    place: Place
    spots: tuple[tuple[HtmlElement, bool], ...] = field(default=(), repr=False)
    mark: str = field(default="", repr=False)

    def unmark(self) -> None:
        """Take the mark out of the tree."""
        element, tail = self.spots[0]
        _set_text(element, tail, _text(element, tail).replace(self.mark, "", 1))

    def erase(self) -> None:
        """Take the text out of the tree."""
        for element, tail in self.spots:
            _set_text(element, tail, " ")

    @property
    def link_density(self) -> float:
        """The share of the text that stands in links, 0-1."""
        return self.linked / max(len(self.text), 1)


class Cutter:
    """Walks a tree once, cuts it into blocks and sets a mark into each."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._linked = 0
        self._spots: list[tuple[HtmlElement, bool]] = []
        self._silent = 0
        self._links = 0
        self._spaced = 0
        self._headings = 0
        self._marks: Iterator[str] = iter(())

    def cut(self, tree: HtmlElement) -> list[Block]:
        """The blocks of `tree`, whose texts are marked on return."""
        own = set("".join(tree.itertext()))
        # A letter that the page itself is written with would tell of a block that no tool has kept.
        self._marks = (letter for letter in map(chr, LETTERS) if letter not in own)
        place: Place | None = None
        for event, element in iterwalk(tree, events=("start", "end")):
            place = self._open(element, place) if event == "start" else self._close(element, place)
        return self.blocks

    def _open(self, element: HtmlElement, place: Place | None) -> Place:
        tag = element.tag
        self._part(tag, place)
        self._headings += tag in HEADINGS
        self._silent += tag in SILENT
        self._links += tag == "a"
        self._spaced += tag == "pre"
        self._take(element, element.text, tail=False)
        return Place(
            place,
            tag,
            f"{element.get('class', '')[:MAX_CLASSES]} {element.get('id', '')[:MAX_CLASSES]}",
            element,
            place.depth + 1 if place else 0,
        )

    def _close(self, element: HtmlElement, place: Place | None) -> Place | None:
        tag = element.tag
        self._part(tag, place)
        self._headings -= tag in HEADINGS
        self._silent -= tag in SILENT
        self._links -= tag == "a"
        self._spaced -= tag == "pre"
        self._take(element, element.tail, tail=True)
        return place.parent if place else None

    def _part(self, tag: str, place: Place | None) -> None:
        # A line break in a heading sets it in two lines, and it is still one heading.
        if tag == "br" and self._headings:
            self._parts.append(" ")
        elif tag in PARTING:
            self._flush(place)

    def _take(self, element: HtmlElement, text: str | None, *, tail: bool) -> None:
        if not text or self._silent:
            return
        self._parts.append(text)
        # White space parts words, but no mark can be set into it.
        if text.isspace():
            if len(text) > 2 and not self._spaced:
                _set_text(element, tail, "\n" if "\n" in text else " ")
            return
        self._linked += len(text) if self._links else 0
        self._spots.append((element, tail))

    def _flush(self, place: Place | None) -> None:
        if self._spots and place and (mark := next(self._marks, None)):
            text = " ".join("".join(self._parts).split())
            _set_mark(*self._spots[0], mark)
            # Links were counted before white space was folded, so they may seem longer than the text.
            linked = min(self._linked, len(text))
            self.blocks.append(Block(text, linked, place, tuple(self._spots), mark))
        self._parts.clear()
        self._linked = 0
        self._spots.clear()


def kept_in(text: str, blocks: Sequence[Block]) -> frozenset[int]:
    """The numbers of the blocks whose marks are in `text`."""
    letters = set(text)
    return frozenset(n for n, block in enumerate(blocks) if block.mark in letters)


def squeeze(text: str) -> str:
    """Letters and digits only, in lower case: what two spellings of one line share."""
    return "".join(filter(str.isalnum, text)).lower()


def _set_mark(element: HtmlElement, tail: bool, mark: str) -> None:
    """Before the last letter, so that neither the start nor the end of a text looks different to a tool."""
    text = _text(element, tail)
    at = max(len(text.rstrip()) - 1, 1)
    _set_text(element, tail, text[:at] + mark + text[at:])


def _text(element: HtmlElement, tail: bool) -> str:
    return (element.tail if tail else element.text) or ""


def _set_text(element: HtmlElement, tail: bool, text: str) -> None:
    if tail:
        element.tail = text
    else:
        element.text = text
