"""Blocks and the vote: how a page is cut, and which blocks two tools together make the article."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.extract.blocks import Block, Cutter, kept_in
from mingus_lib.domain.extract.markup import parse
from mingus_lib.domain.extract.tools import readability_choice, trafilatura_choice
from mingus_lib.domain.extract.vote import Choices, article_blocks, prose_choice

LINES = [
    "The first paragraph says what the page is about, and it does so in a full sentence.",
    "The second paragraph goes on at some length, because articles do, and ends in a point.",
    "The third paragraph brings an example, which nobody asked for but everybody remembers.",
    "The fourth paragraph winds down and repeats, in other words, what was said before.",
]


def cut(html: str) -> list[Block]:
    return Cutter().cut(parse(html))


def page(*paragraphs: str, before: str = "", after: str = "") -> str:
    inner = "".join(f"<p>{p}</p>" for p in paragraphs)
    return f"<html><body>{before}<main><div>{inner}</div></main>{after}</body></html>"


def chosen(blocks: list[Block], first: set[int], second: set[int], **more: object) -> list[str]:
    found = article_blocks(blocks, Choices(frozenset(first), frozenset(second)), **more)  # type: ignore[arg-type]
    return [block.text for block in found]


def test_blocks_are_runs_between_block_tags() -> None:
    blocks = cut("<div>one <b>two</b><br>three<p>four <a href=x>five</a></p>six</div>")
    assert [block.text for block in blocks] == ["one two", "three", "four five", "six"]
    assert [round(block.link_density, 1) for block in blocks] == [0, 0, 0.4, 0]


def test_silent_elements_are_not_cut() -> None:
    assert [b.text for b in cut("<p>a<script>b</script>c</p><noscript>d</noscript>")] == ["ac"]


# Among them letters that marks are made of, and the signs of which England's flag is made.
WORDS = st.text(alphabet="abc xyz.,\U00020000\U00020001\U0001f3f4\U000e0067\U000e007f", min_size=1)


@given(st.lists(WORDS.filter(str.strip), min_size=1, max_size=20), st.data())
def test_every_block_carries_a_mark_of_its_own(texts: list[str], data: st.DataObject) -> None:
    tree = parse("<body>" + "".join(f"<p>{text}</p>" for text in texts) + "</body>")
    before = tree.text_content()
    blocks = Cutter().cut(tree)
    assert kept_in(tree.text_content(), blocks) == set(range(len(blocks))) == set(range(len(texts)))
    assert not kept_in(before, blocks)
    gone = data.draw(st.sets(st.sampled_from(range(len(blocks)))))
    for number in gone:
        blocks[number].erase()
    assert kept_in(tree.text_content(), blocks) == set(range(len(blocks))) - gone


def test_a_mark_is_taken_out_again_and_nothing_else() -> None:
    tree = parse("<div>\U00020000 one <b>bold</b><p>two \U00020001</p> three </div>")
    before = tree.text_content()
    for block in Cutter().cut(tree):
        block.unmark()
    assert tree.text_content() == before


def test_erase_takes_a_block_out_of_the_tree() -> None:
    tree = parse("<div>one <b>bold</b><p>two</p></div>")
    Cutter().cut(tree)[0].erase()
    assert "bold" not in tree.text_content()


def test_what_both_kept_is_the_article() -> None:
    blocks = cut(page(*LINES))
    assert chosen(blocks, {0, 1, 2, 3}, {0, 1, 2, 3}) == LINES


def test_a_block_only_trafilatura_kept_stays_inside_and_goes_outside() -> None:
    blocks = cut(page(*LINES, before="<div><p>Written on a Sunday for the people at home</p></div>"))
    assert chosen(blocks, {1, 2, 4}, {0, 1, 2, 3, 4}) == LINES


def test_a_block_only_readability_kept_stays_among_its_kind() -> None:
    blocks = cut(page(*LINES, after="<div>Somebody else wrote this line under the text.</div>"))
    assert chosen(blocks, {0, 1, 2, 3, 4}, {0, 1, 3}) == LINES


def test_the_fuller_choice_wins_where_one_saw_little() -> None:
    blocks = cut(page(*LINES))
    assert chosen(blocks, {0}, {0, 1, 2, 3}) == LINES
    assert chosen(blocks, {0, 1, 2, 3}, {0}) == LINES


def test_trafilatura_wins_where_they_saw_different_things() -> None:
    blocks = cut(page(*LINES))
    assert chosen(blocks, {0, 1}, {2, 3}) == LINES[2:]


def test_the_declared_body_decides_a_dispute() -> None:
    long = [line * 3 for line in LINES]
    blocks = cut(page(*long))
    assert chosen(blocks, {0, 1}, {2, 3}, declared=" ".join(long[:2])) == long[:2]


def test_furniture_is_dropped() -> None:
    html = page(
        "A title that stands on the page again",
        LINES[0],
        "Photo credit: somebody with a camera",
        '<a href="/x">Another story that we would like you to read</a>',
        LINES[1],
        "Sign up for the letter",
        before=f"<aside><p>{LINES[0]}</p></aside>",
        after="<div><h2>What comes next</h2></div>",
    )
    blocks = cut(html)
    everything = set(range(len(blocks)))
    assert (
        chosen(blocks, everything, everything, titles=["A title that stands on the page again"]) == LINES[:2]
    )


def test_repeats_among_siblings_are_the_authors_own() -> None:
    blocks = cut(page(LINES[0], LINES[1], LINES[0]))
    assert chosen(blocks, {0, 1, 2}, {0, 1, 2}) == [LINES[0], LINES[1], LINES[0]]


def test_readability_does_not_get_a_consent_box() -> None:
    box = "<div class='privacy-modal'>" + f"<p>{LINES[3]}</p>" * 8 + "</div>"
    blocks = cut(page(*LINES[:2], after=box))
    assert chosen(blocks, set(range(10)), {0, 1}) == LINES[:2]


def test_a_body_that_notes_consent_is_no_consent_box() -> None:
    html = page(*LINES).replace("<body>", "<body class='cookie-consent-given'>")
    assert chosen(cut(html), {0, 1, 2, 3}, set()) == LINES


def test_prose_is_read_where_neither_tool_saw_anything() -> None:
    assert chosen(cut(page(*LINES)), set(), set()) == LINES


def test_large_pages_are_read_by_their_prose() -> None:
    blocks = cut(
        page(*LINES, before="<ul><li><a href=1>Home</a><li><a href=2>Letters to the editor</a></ul>")
    )
    choices = prose_choice(blocks)
    assert [block.text for block in article_blocks(blocks, choices)] == LINES


def test_both_tools_read_a_plain_article() -> None:
    tree = parse(page(*LINES * 3))
    blocks = Cutter().cut(tree)
    assert readability_choice(tree, blocks) == trafilatura_choice(tree, blocks) == frozenset(range(12))


def test_a_tool_that_fails_abstains() -> None:
    assert readability_choice(parse("<p>x").getroottree(), []) == frozenset()


@given(st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)), st.text(max_size=30))
def test_the_vote_only_ever_picks_from_the_page_in_its_order(
    first: set[int], second: set[int], title: str
) -> None:
    lines = LINES + [line.upper() for line in LINES]
    blocks = cut(page(*lines))
    found = chosen(blocks, first, second, titles=[title])
    positions = [lines.index(line) for line in found]
    assert positions == sorted(set(positions))
    assert set(found) <= set(lines)


def test_readability_may_begin_the_article_with_prose_but_not_end_it() -> None:
    long = [*LINES, *(line.replace("paragraph", "passage") for line in LINES[:2])]
    assert chosen(cut(page(*long)), {0, 1, 2, 3, 4, 5}, {1, 2, 3, 4}) == long[:5]
    short = ["Written at home", *long[1:]]
    assert chosen(cut(page(*short)), {0, 1, 2, 3, 4, 5}, {1, 2, 3, 4}) == long[1:5]


def test_readability_adds_what_stands_in_an_element_of_the_same_class() -> None:
    blocks = cut("".join(f"<div class=body><p>{line}</p></div>" for line in LINES))
    assert chosen(blocks, {0, 1, 2, 3}, {0, 1, 3}) == LINES
    other = cut("".join(f"<div class=c{n}><p>{line}</p></div>" for n, line in enumerate(LINES)))
    assert chosen(other, {0, 1, 2, 3}, {0, 1, 3}) == [*LINES[:2], LINES[3]]
