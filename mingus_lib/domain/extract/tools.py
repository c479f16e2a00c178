"""The two extraction tools, run on copies of one marked tree."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from copy import deepcopy

import trafilatura
from lxml.html import HtmlElement
from readability import Document

from mingus_lib.domain.extract.blocks import Block, kept_in

# Both tools log page text and addresses; our reasons say what matters.
for noisy in ("readability", "trafilatura", "htmldate"):
    logging.getLogger(noisy).setLevel(logging.CRITICAL + 1)

UNSEEN = ("script", "style", "noscript", "template", "link")
HIDDEN = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)\s*(?:!important\s*)?(?:;|$)", re.I
)


class _Copying(Document):  # type: ignore[misc]
    """readability-lxml on a tree that is parsed already: a copy a try, less what is not shown."""

    def _parse(self, source: HtmlElement) -> HtmlElement:
        self.encoding = "utf-8"
        # readability takes its tree apart, and parses again, less strictly, when it found too little.
        tree = deepcopy(source)
        unseen = list(tree.iter(*UNSEEN)) + tree.xpath("//*[@hidden]")
        unseen += [e for e in tree.xpath("//*[@style]") if HIDDEN.search(e.get("style"))]
        for element in unseen:
            if element.getparent() is not None:
                element.drop_tree()
        return tree

    def get_link_density(self, elem: HtmlElement) -> float:
        """As the original, whose three regular expressions a text are a third of its time."""
        linked = sum(_length(link.text_content()) for link in elem.iter("a") if link is not elem)
        return linked / max(_length(elem.text_content()), 1)


def _length(text: str) -> int:
    return len(" ".join(text.split()))


def readability_choice(tree: HtmlElement, blocks: Sequence[Block]) -> frozenset[int]:
    """The numbers of the tree's blocks that readability-lxml keeps; none if it fails."""
    try:
        return kept_in(_Copying(tree).summary(html_partial=True), blocks)
    except Exception:  # the other tool decides alone where this one breaks
        return frozenset()


def trafilatura_choice(tree: HtmlElement, blocks: Sequence[Block]) -> frozenset[int]:
    """The numbers of the tree's blocks that trafilatura's fast mode keeps, comments left out; none if it fails."""
    try:
        # Fast, since its other mode falls back to readability: then the two would judge as one.
        found = trafilatura.bare_extraction(tree, fast=True, include_comments=False)
    except Exception:  # the other tool decides alone where this one breaks
        return frozenset()
    body = getattr(found, "body", None)
    return kept_in("".join(body.itertext()), blocks) if body is not None else frozenset()
