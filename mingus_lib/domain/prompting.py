"""What is sent to a model: a versioned instruction, and the article as data, cut to a token budget. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from mingus_lib.domain import datafiles, topics
from mingus_lib.domain.labels import CAREER_STAGES, FOCUS_GROUPS, INCOME_RANGES

# Kept answers go by it: a changed text is a new version, in a file of its own.
VERSION = "labels-1"
SCHEMA_VERSION = "answer-1"
# The most an answer may take, and what a message costs beside its text.
ANSWER_TOKENS = 900
MESSAGE_TOKENS = 8
# The schema of the answer is charged as input, too.
SCHEMA_TOKENS = 860
TITLE_TOKENS = 60
# Of a text that is too long: so much from its beginning, the rest from its end.
HEAD_SHARE = 0.7
CUT_MARK = " [...] "
STRONG_WORDS = 500
STRONG_SUBJECTS = re.compile(
    r"\b(investments?|investing|portfolios?|tax(?:es|ation)?|estates?|advanced)\b", re.IGNORECASE
)

_PIECE = re.compile(r"[A-Za-z]+|[0-9]+|\s+|[^\sA-Za-z0-9]")
# Marks by which some servers tell roles apart: in an article they are only letters.
_ROLE_MARK = re.compile(r"<\|")
# Besides controls, what shows nothing (default-ignorable in Unicode), turns the direction of writing or ends a line:
# an editor could not see what it tells a model.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)

Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to a model. `key` is the same for the same content, prompt, model and form of answer."""

    model: str
    messages: tuple[Message, ...]
    key: str
    tokens: int


@cache
def instruction() -> str:
    """The system message of this VERSION, with the vocabulary filled in."""
    return datafiles.text("prompts", f"{VERSION}.md").format(
        topics=", ".join(topics.names()),
        focus_groups=_quoted(FOCUS_GROUPS),
        income_ranges=_quoted(INCOME_RANGES),
        career_stages=_quoted(CAREER_STAGES),
    )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def ask(title: str, text: str, model: str, budget: int) -> Ask:
    """The question for an article whose text is cut to `budget` tokens.

    The article is one line of JSON: nothing in it can end the fence, whatever it contains.
    """
    article = {"title": cut(_cleaned(title), TITLE_TOKENS), "text": cut(_cleaned(text), budget)}
    messages = (
        {"role": "system", "content": instruction()},
        # As letters, since each escape of a letter costs several tokens.
        {"role": "user", "content": json.dumps(article, ensure_ascii=False)},
    )
    return Ask(model, messages, answer_key(messages, model), tokens_of(messages))


def again(first: Ask, answer: str, problem: str) -> Ask:
    """The same question once more, after an answer that will not do."""
    request = f"That answer will not do: {problem}. Answer again with the whole JSON object, corrected."
    messages = (
        *first.messages,
        # Cut, as it is paid for as input.
        {"role": "assistant", "content": answer[:4000]},
        {"role": "user", "content": request},
    )
    return Ask(first.model, messages, answer_key(messages, first.model), tokens_of(messages))


def answer_key(messages: Sequence[Message], model: str) -> str:
    """A digest of content, prompt, model and the form of the answer."""
    # A new prompt or form of answer must not meet an answer that was kept for the old one.
    parts = [VERSION, SCHEMA_VERSION, model, *(f"{each['role']}:{each['content']}" for each in messages)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def tokens_of(messages: Sequence[Message]) -> int:
    """An upper estimate of what the messages take, with the schema that goes with them."""
    return SCHEMA_TOKENS + sum(MESSAGE_TOKENS + estimate(each["content"]) for each in messages)


def estimate(text: str) -> int:
    """Tokens of a text, rather too many than too few: a word is one for each begun 6 letters, 3 digits are one.

    Without the provider's own vocabulary this can only be an estimate; the ledger books what the provider counts.
    """
    return sum(map(_tokens, _PIECE.findall(text)))


def _tokens(piece: str) -> int:
    if piece.isspace():
        return 0 if piece == " " else 1
    if piece.isascii():
        return -(-len(piece) // (6 if piece.isalpha() else 3))
    return 2


def cut(text: str, budget: int) -> str:
    """The text within `budget` tokens: its beginning and its end, cut between words, with a mark between."""
    if estimate(text) <= budget:
        return text
    room = max(0, budget - estimate(CUT_MARK))
    pieces = _PIECE.findall(text)
    head = _taken(pieces, int(room * HEAD_SHARE))
    tail = _taken(pieces[len(head) :][::-1], room - sum(map(_tokens, head)))
    return "".join(head).rstrip() + CUT_MARK + "".join(reversed(tail)).lstrip()


def _taken(pieces: Sequence[str], budget: int) -> list[str]:
    taken: list[str] = []
    for piece in pieces:
        budget -= _tokens(piece)
        if budget < 0:
            break
        taken.append(piece)
    return taken


def _cleaned(text: str) -> str:
    return _ROLE_MARK.sub("< |", UNPRINTABLE.sub("", text))


def wants_strong(title: str, text: str, words: int) -> bool:
    """Whether the strong model should read it: long, or about what a cheap one gets wrong."""
    return words > STRONG_WORDS or STRONG_SUBJECTS.search(f"{title}\n{text}") is not None
