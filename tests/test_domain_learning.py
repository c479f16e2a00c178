"""Other people's labels from a few words, and what the library's own labels teach."""

from __future__ import annotations

import random
from functools import cache

import pytest

from mingus_lib.domain import blindlabels, labelmodel, lexicon, prose, scoring
from mingus_lib.domain.blindlabels import Guess
from mingus_lib.domain.labelmodel import Example
from mingus_lib.domain.labels import PHASES
from tests import newsroom
from tests.label_samples import labelled

UNSURE = dict.fromkeys(PHASES, 1 / 3)


@cache
def measured(blur: float, learn: int) -> tuple[list[str], list[Guess], list[str]]:
    texts, words = newsroom.corpus(300, 5, blur)
    names = [label for *_, label in texts]
    known: dict[int, str] = {}
    for label in newsroom.CLASSES:
        places = [number for number, name in enumerate(names) if name == label]
        known |= dict.fromkeys(places[:learn], label)
    pairs = [(title, text) for title, text, _ in texts]
    guesses = blindlabels.classify(pairs, newsroom.CLASSES, lexicon.read(dict(words), "lex"), known)
    rest = [number for number in range(len(names)) if number not in known]
    return [names[n] for n in rest], [guesses[n] for n in rest], [guesses[n].plain for n in rest]


def share_right(true: list[str], said: list[str]) -> float:
    return sum(a == b for a, b in zip(true, said, strict=True)) / len(true)


def test_confident_answers_teach_the_rest_of_the_vocabulary() -> None:
    true, guesses, plain = measured(0.25, 0)
    alone, taught = share_right(true, plain), share_right(true, [guess.label for guess in guesses])
    assert alone < 0.7
    assert taught > 0.9


def test_a_few_examples_help() -> None:
    true, guesses, _ = measured(0.25, 5)
    assert share_right(true, [guess.label for guess in guesses]) > 0.95


EIGHT_WORDS = {
    "BE": "confidence belong mindset identity feel fear voice impostor",
    "DO": "how step ask write negotiate budget apply list",
    "HAVE": "invest portfolio tax estate property wealth insurance fund",
}


@cache
def own(learn: int) -> tuple[float, float]:
    """Shares right on our own articles by phase: by eight words a phase alone, and by what those taught."""
    items = labelled("tune") + labelled("test")
    words = lexicon.read({name: dict.fromkeys(told.split(), 1) for name, told in EIGHT_WORDS.items()}, "lex")
    true = [item["phase"] for item in items]
    known = {n: name for name in PHASES for n in [n for n, label in enumerate(true) if label == name][:learn]}
    guesses = blindlabels.classify([(each["title"], each["text"]) for each in items], PHASES, words, known)
    rest = [(guesses[n], true[n]) for n in range(len(true)) if n not in known]
    plain = sum(guess.plain == label for guess, label in rest) / len(rest)
    return plain, sum(guess.label == label for guess, label in rest) / len(rest)


@pytest.mark.parametrize(("learn", "least"), [(0, 0.94), (5, 0.95)])
def test_on_our_own_articles_it_gains_much_over_the_words_alone(learn: int, least: float) -> None:
    plain, taught = own(learn)
    assert plain < 0.86
    assert taught >= least


def of_few(size: int, learn: int) -> tuple[float, float]:
    """The same on small made-up files, over several of them; also where the lexicon found something."""
    plain: list[bool] = []
    taught: list[bool] = []
    for seed in range(3):
        texts, words = newsroom.corpus(size, seed, 0.25)
        known = {n: texts[n][2] for n in range(learn)}
        guesses = blindlabels.classify(
            [(t, b) for t, b, _ in texts], newsroom.CLASSES, lexicon.read(dict(words), "l"), known
        )
        plain += [guesses[n].plain == texts[n][2] for n in range(learn, size)]
        taught += [guesses[n].label == texts[n][2] for n in range(learn, size)]
    return sum(plain) / len(plain), sum(taught) / len(taught)


@pytest.mark.parametrize("learn", [0, 3])
@pytest.mark.parametrize("size", [8, 20, 30, 60])
def test_few_texts_teach_nothing_wrong(size: int, learn: int) -> None:
    plain, taught = of_few(size, learn)
    assert taught >= plain


def test_below_twenty_texts_the_lexicon_s_word_stands() -> None:
    texts, words = newsroom.corpus(19, 3, 0.25)
    read = lexicon.read(dict(words), "lex")
    pairs = [(title, text) for title, text, _ in texts]
    spoke = [bool(read.hits([lexicon.fold(word) for word in lexicon.words_of(f"{t} {b}")])) for t, b in pairs]
    assert 10 < sum(spoke) < 19
    taught = {0: "arts", 1: "sport"}
    for known, these in (({}, range(19)), (taught, [n for n in range(2, 19) if spoke[n]])):
        guesses = blindlabels.classify(pairs, newsroom.CLASSES, read, known)
        assert [guesses[n].label for n in these] == [guesses[n].plain for n in these]


def test_confidence_is_a_probability() -> None:
    true, guesses, _ = measured(0.25, 0)
    assert all(1 / len(newsroom.CLASSES) <= guess.confidence <= 1 for guess in guesses)
    found = scoring.single(true, [guess.label for guess in guesses], [guess.confidence for guess in guesses])
    assert found.ece < 0.15


def test_examples_alone_do_without_a_lexicon() -> None:
    texts, _ = newsroom.corpus(200, 7, 0.25)
    known = {number: label for number, (*_, label) in enumerate(texts[:60])}
    guesses = blindlabels.classify([(t, b) for t, b, _ in texts], newsroom.CLASSES, None, known)
    right = sum(guess.label == label for guess, (*_, label) in zip(guesses[60:], texts[60:], strict=True))
    assert right / 140 > 0.9


def test_two_texts_of_one_word_are_no_trouble() -> None:
    words = lexicon.read({"a": {"cat": 1}, "b": {"dog": 1}}, "lex")
    found = blindlabels.classify([("", "cat"), ("", "dog"), ("", "")], ("a", "b"), words, {})
    assert [guess.label for guess in found[:2]] == ["a", "b"]


def examples(number: int, telling: bool) -> list[Example]:
    rng = random.Random(4)
    made = []
    for place in range(number):
        phase = PHASES[place % 3]
        own = [f"{phase.lower()}word{rng.randrange(20)}" for _ in range(6)] if telling else []
        words = tuple(dict.fromkeys([*own, *(f"common{rng.randrange(300)}" for _ in range(40))]))
        made.append(Example(words, UNSURE, phase))
    return made


def test_what_is_learned_is_used_when_it_is_right_more_often() -> None:
    found = labelmodel.refit(examples(120, telling=True))
    assert found.model is not None
    assert found.blend_accuracy is not None
    assert found.lists_accuracy is not None
    assert found.blend_accuracy > 0.9 > found.lists_accuracy
    again = labelmodel.from_json(found.model.as_json())
    read = prose.read("", "haveword1 haveword2 haveword3")
    assert again.blend(UNSURE, read)["HAVE"] > 0.5
    assert again.version == labelmodel.refit(examples(120, telling=True)).model.version  # type: ignore[union-attr]


def test_what_teaches_nothing_is_not_used() -> None:
    perfect = [
        Example(e.words, {p: float(p == e.phase) for p in PHASES}, e.phase) for e in examples(120, False)
    ]
    found = labelmodel.refit(perfect)
    assert found.model is None
    assert found.reason.startswith("no-better")


@pytest.mark.parametrize("number", [0, 59])
def test_a_few_labels_are_too_few(number: int) -> None:
    found = labelmodel.refit(examples(number, telling=True))
    assert (found.model, found.reason.partition(":")[0]) == (None, "too-few")
