"""What is sent to a model: the instruction, and an article cut to what it may cost."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import labels, prompting, topics
from tests.conftest import ROOT

PROMPT_1 = "d1d24988f672c97eec67abd72ecc76f3df2a53310e2cd4453fed1d550da32639"
ALPHABET = " ".join("abcdefghijklmnopqrst")
STRONG_TITLES = (
    "Your first Portfolio", "PORTFOLIOS", "An investment", "Investments", "On investing", "Tax", "taxes", "Taxation",
    "Real estate", "estates", "Advanced saving",
)  # fmt: skip


def test_the_prompt_of_this_version_is_the_one_that_was_released() -> None:
    # A changed prompt is a new version, in a file of its own: answers are kept by it.
    prompt = (ROOT / f"mingus_lib/data/prompts/{prompting.VERSION}.md").read_bytes()
    digest = hashlib.sha256(prompt).hexdigest()
    assert {"labels-1": PROMPT_1}[prompting.VERSION] == digest
    assert all(name in prompting.instruction() for name in (*topics.names(), *labels.CAREER_STAGES))


def test_the_messages_are_golden() -> None:
    ask = prompting.ask('A "title"', "Line one.\nLine <|im_end|> two\u202e.", "gpt-4.1-mini", 1500)
    assert [each["role"] for each in ask.messages] == ["system", "user"]
    assert (
        ask.messages[1]["content"]
        == '{"title": "A \\"title\\"", "text": "Line one.\\nLine < |im_end|> two."}'
    )


def test_a_question_has_one_key_for_content_prompt_and_model() -> None:
    one = prompting.ask("t", "text", "a", 100)
    assert one.key == prompting.ask("t", "text", "a", 100).key
    others = (
        prompting.ask("u", "text", "a", 100),
        prompting.ask("t", "x", "a", 100),
        prompting.ask("t", "text", "b", 100),
    )
    assert len({one.key, *(other.key for other in others)}) == 4


@given(st.text(max_size=3000), st.integers(20, 400))
def test_a_text_is_cut_to_its_budget(text: str, budget: int) -> None:
    found = prompting.cut(text, budget)
    assert prompting.estimate(found) <= budget
    assert found == text or prompting.CUT_MARK.strip() in found


def test_head_and_tail_of_a_long_text_stay() -> None:
    text = " ".join(f"word{n}" for n in range(5000))
    found = prompting.cut(text, 300)
    assert found.startswith("word0 word1 ")
    assert found.endswith(" word4999")


def test_the_instruction_has_the_words_of_every_closed_list() -> None:
    told = prompting.instruction()
    assert (
        '"identity and community", "systemic barriers", "career", "financial empowerment", "income"' in told
    )
    assert '"$40K-$60K", "$60K-$80K", "$80K-$100K", "All ranges"' in told
    assert '"Early career", "Mid-career", "Advanced", "All stages"' in told
    assert ", ".join(topics.names()) in told


def test_letters_are_sent_as_letters() -> None:
    ask = prompting.ask("é", "好\tß", "gpt-4.1", 100)
    assert ask.messages[1]["content"] == '{"title": "é", "text": "好\\tß"}'
    assert (ask.model, ask.tokens) == ("gpt-4.1", prompting.tokens_of(ask.messages))
    assert ask.key == prompting.answer_key(ask.messages, "gpt-4.1")


@given(st.text(), st.text())
def test_an_article_is_one_line_and_ends_no_role(title: str, text: str) -> None:
    sent = prompting.ask(title, text, "m", 1000).messages[1]["content"]
    assert len(sent.splitlines()) == 1
    assert "<|" not in sent
    assert list(json.loads(sent)) == ["title", "text"]


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00", "\x1b", "\x7f", "\x85", "\xad",
        # Joins, spaces without width, fillers and variants.
        "\u034f", "\u115f", "\u180e", "\u200b", "\u200d", "\u2060", "\u3164", "\ufe0f", "\ufeff", "\uffa0",
        # Marks of direction.
        "\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069",
        # Ends of a line, half a character, letters of a tag.
        "\u2028", "\u2029", "\ud800", "\U000e0001", "\U000e0041", "\U000e0100",
    ],
)  # fmt: skip
def test_nothing_is_sent_that_an_editor_cannot_see(hidden: str) -> None:
    sent = prompting.ask(hidden, f"<{hidden}|a{hidden}b", "m", 100).messages[1]["content"]
    assert json.loads(sent) == {"title": "", "text": "< |ab"}


def test_a_title_takes_sixty_tokens_and_a_text_its_budget() -> None:
    sent = json.loads(prompting.ask("a " * 60 + "b", "c " * 50 + "d", "m", 50).messages[1]["content"])
    assert sent == {
        "title": "a " * 38 + "[...] " + "a " * 16 + "b",
        "text": "c " * 31 + "[...] " + "c " * 13 + "d",
    }
    sent = json.loads(prompting.ask("a " * 59 + "b", "c " * 49 + "d", "m", 50).messages[1]["content"])
    assert sent == {"title": "a " * 59 + "b", "text": "c " * 49 + "d"}


def test_a_second_question_shows_the_answer_and_what_is_wrong_with_it() -> None:
    first = prompting.ask("t", "text", "gpt-4.1", 100)
    second = prompting.again(first, "x" * 4001, "key_topics: Field required")
    assert second.messages[:2] == first.messages
    assert second.messages[2:] == (
        {"role": "assistant", "content": "x" * 4000},
        {
            "role": "user",
            "content": "That answer will not do: key_topics: Field required. "
            "Answer again with the whole JSON object, corrected.",
        },
    )
    assert second.model == "gpt-4.1"
    assert second.key == prompting.answer_key(second.messages, "gpt-4.1") != first.key
    assert second.tokens == prompting.tokens_of(second.messages)


def test_kept_answers_are_found_again_by_what_was_asked() -> None:
    messages = ({"role": "system", "content": "Label."}, {"role": "user", "content": "é"})
    named = b"labels-1\0answer-1\0gpt-4.1\0system:Label.\0user:\xc3\xa9"
    assert prompting.answer_key(messages, "gpt-4.1") == hashlib.sha256(named).hexdigest()
    # Half a character, which a model's own answer may have.
    half = ({"role": "assistant", "content": "\ud800"},)
    assert len(prompting.answer_key(half, "gpt-4.1")) == 64


def test_messages_take_their_texts_what_is_around_each_and_the_schema() -> None:
    assert prompting.tokens_of(()) == 860
    assert prompting.tokens_of([{"role": "user", "content": "a b"}]) == 860 + 8 + 2
    assert prompting.tokens_of([{"role": "user", "content": "a"}] * 3) == 860 + 3 * (8 + 1)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0), (" ", 0), ("a", 1), ("abcdef", 1), ("abcdefg", 2), ("abcdefghijklm", 3),
        ("123", 1), ("1234", 2), ("abc123", 2), ("a b", 2), ("a  b", 3), ("a\nb", 3), ("a\t b", 3),
        ("a.", 2), ("...", 3), ("é", 2), ("好好", 4), ("naïve", 4),
    ],
)  # fmt: skip
def test_tokens_are_counted_rather_too_many(text: str, tokens: int) -> None:
    assert prompting.estimate(text) == tokens


@pytest.mark.parametrize(
    ("text", "budget", "found"),
    [
        (ALPHABET, 20, ALPHABET),
        # The mark takes five; of the ten that are left, seven are the beginning.
        (ALPHABET, 15, "a b c d e f g [...] r s t"),
        (ALPHABET, 19, "a b c d e f g h i [...] p q r s t"),
        (ALPHABET, 6, " [...] t"),
        (ALPHABET, 5, " [...] "),
        (ALPHABET, 0, " [...] "),
        (" " + ALPHABET + "\n", 15, " a b c d e f g [...] s t\n"),
        # No word is cut: what the long one leaves of the beginning goes to the end.
        ("a " + "b" * 60 + " c d e f g h i j k l m", 15, "a [...] e f g h i j k l m"),
    ],
)  # fmt: skip
def test_a_text_that_is_too_long_loses_its_middle(text: str, budget: int, found: str) -> None:
    assert prompting.cut(text, budget) == found


@pytest.mark.parametrize(
    ("title", "text", "words", "strong"),
    [
        ("Saving", "a calm text", 500, False),
        ("Saving", "a calm text", 501, True),
        *((title, "short", 100, True) for title in STRONG_TITLES),
        ("Saving", "on estate taxes", 100, True),
        ("Saving", "a taxi and a syntax", 100, False),
        ("Reinvesting", "advancedly", 100, False),
        ("on ta", "x", 100, False),
    ],
)  # fmt: skip
def test_long_and_difficult_texts_go_to_the_strong_model(
    title: str, text: str, words: int, strong: bool
) -> None:
    assert prompting.wants_strong(title, text, words) is strong
