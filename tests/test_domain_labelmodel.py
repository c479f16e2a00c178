"""What labelled texts teach about words, how it is blended with the lists, and when it is used."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mingus_lib.domain import prose
from mingus_lib.domain.labelmodel import (
    OVERRIDE_WEIGHT,
    Example,
    PhaseModel,
    Refit,
    from_json,
    refit,
    words_of,
)
from mingus_lib.domain.labels import PHASES

UNSURE = dict.fromkeys(PHASES, 1 / 3)
LOG_3 = math.log(3)
# Each of these words makes BE three times as likely, "plan" makes DO so.
ODDS = {**{word: [LOG_3, 0.0, 0.0] for word in ("fear", "hope", "pride", "shame")}, "plan": [0.0, LOG_3, 0.0]}


@pytest.mark.parametrize(
    ("words", "strength", "odds_of_be"),
    [
        ((), 1.0, 1),
        (("unheard",), 1.0, 1),
        (("fear",), 1.0, 3),
        (("fear", "unheard"), 1.0, 3),
        (("fear",), 0.5, math.sqrt(3)),
        (("fear",), 2.0, 9),
        # Words are not independent: four of them count as two.
        (("fear", "hope", "pride", "shame"), 1.0, 9),
    ],
)
def test_words_multiply_the_odds(words: Sequence[str], strength: float, odds_of_be: float) -> None:
    found = PhaseModel("v", strength, ODDS).blend_words(UNSURE, words)
    whole = odds_of_be + 2
    assert found == pytest.approx({"BE": odds_of_be / whole, "DO": 1 / whole, "HAVE": 1 / whole})


def test_words_change_what_the_lists_say() -> None:
    model = PhaseModel("v", 1.0, ODDS)
    found = model.blend_words({"BE": 0.1, "DO": 0.2, "HAVE": 0.7}, ["fear"])
    assert found == pytest.approx({"BE": 0.3 / 1.2, "DO": 0.2 / 1.2, "HAVE": 0.7 / 1.2})
    # Two that disagree leave each other little.
    assert model.blend_words(UNSURE, ["fear", "plan"])["HAVE"] == pytest.approx(
        1 / (1 + 2 * math.exp(LOG_3 / math.sqrt(2)))
    )
    certain = model.blend_words({"BE": 0.0, "DO": 0.0, "HAVE": 1.0}, ["fear"])
    assert certain == pytest.approx({"BE": 3e-9, "DO": 1e-9, "HAVE": 1.0})


def test_the_different_words_of_title_and_text_count_from_three_letters() -> None:
    read = prose.read("A Plan", "We fear it. Fears of a tax?")
    assert words_of(read) == ("fear", "tax", "plan")
    model = PhaseModel("v", 1.0, ODDS)
    assert model.blend(UNSURE, read) == model.blend_words(UNSURE, ["fear", "plan"])


def test_a_model_comes_back_from_what_is_kept_of_it() -> None:
    model = PhaseModel("bayes-1", 0.5, {"fear": [1.0, -0.5, -0.5]})
    kept = {"version": "bayes-1", "strength": 0.5, "odds": {"fear": [1.0, -0.5, -0.5]}}
    assert json.loads(model.as_json()) == kept
    assert from_json(json.dumps(kept)) == model


def told(number: int = 60, sure: float = 0.34) -> list[Example]:
    """Texts of the phases in turn, each with its phase's word; the lists say BE of all, as sure as that."""
    prior = {"BE": sure, "DO": (1 - sure) / 2, "HAVE": (1 - sure) / 2}
    return [Example((PHASES[n % 3].lower(), f"own{n}"), prior, PHASES[n % 3]) for n in range(number)]


def edited() -> list[Example]:
    """The same, where an editor has said what is BE."""
    return [replace(each, weight=OVERRIDE_WEIGHT) if each.phase == "BE" else each for each in told()]


def used(examples: Sequence[Example]) -> PhaseModel:
    found = refit(examples).model
    assert found is not None
    return found


def test_a_word_s_odds_are_how_much_more_often_a_phase_has_it() -> None:
    found = refit(told())
    # In 20 of 20 texts and in none of 20, half a text more each: 41 times as often. Words of one text are left out.
    high, low = round(math.log(41) * 2 / 3, 4), round(-math.log(41) / 3, 4)
    assert found.model is not None
    assert found.model.odds == {
        "be": [high, low, low],
        "do": [low, high, low],
        "have": [low, low, high],
    }
    assert (found.examples, found.blend_accuracy) == (60, 1.0)
    assert found.lists_accuracy == pytest.approx(1 / 3)
    assert found.reason.startswith("better: ")


def test_an_editor_s_text_counts_as_three_but_is_one_text() -> None:
    odds = used(edited()).odds
    # BE: 60.5 of 61; the others: 0.5 of 21.
    be, other = math.log(60.5 / 61), math.log(0.5 / 21)
    assert odds["be"] == [round(value - (be + 2 * other) / 3, 4) for value in (be, other, other)]
    assert "own0" not in odds


def test_an_editor_s_text_counts_as_three_in_the_shares_that_are_right() -> None:
    # The lists are right about BE alone: 20 of 60, or 60 of 100.
    assert refit(edited()).lists_accuracy == pytest.approx(0.6)


# On folds of 16 texts a phase, a phase's word has odds of 33 against each other phase, to the power of the strength.
@pytest.mark.parametrize(("sure", "strength"), [(0.34, 0.25), (0.7, 0.5), (0.9, 1.0), (0.99, 2.0)])
def test_the_weakest_strength_that_corrects_the_lists_is_taken(sure: float, strength: float) -> None:
    assert used(told(sure=sure)).strength == strength


def test_the_same_texts_in_any_order_are_the_same_version() -> None:
    version = used(told()).version
    assert version == used(told()[::-1]).version != used(told(63)).version
    assert (version[:6], len(version)) == ("bayes-", 14)


def test_the_words_of_most_texts_are_kept_up_to_twenty_thousand() -> None:
    examples = told()
    many = [f"w{n:05}" for n in range(20_000)]
    for place in (0, 1):
        found = examples[place]
        examples[place] = Example((*found.words, *many), found.prior, found.phase)
    # Three words are in more texts; of the others, the first by the alphabet stay.
    assert set(used(examples).odds) == {"be", "do", "have", *many[:-3]}


def test_what_is_as_good_as_the_lists_is_not_used() -> None:
    right = [Example(e.words, {p: float(p == e.phase) for p in PHASES}, e.phase) for e in told()]
    found = refit(right)
    assert (found.model, found.examples) == (None, 60)
    assert (found.lists_accuracy, found.blend_accuracy) == (1.0, 1.0)
    assert found.reason.startswith("no-better: ")
    assert refit(told(sure=0.999)).model is None


def test_what_is_only_known_by_heart_is_not_used() -> None:
    # Texts 15 apart share a word, a phase and a fold: no other fold has seen the word.
    known = [Example((f"w{n % 15}",), e.prior, e.phase) for n, e in enumerate(told())]
    found = refit(known)
    assert found.model is None
    assert found.blend_accuracy == found.lists_accuracy == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("counts", "enough"), [((40, 10, 10), True), ((41, 10, 9), False), ((39, 10, 10), False)]
)
def test_sixty_texts_are_needed_ten_of_each_phase(counts: Sequence[int], enough: bool) -> None:
    examples = [
        Example((phase,), UNSURE, phase)
        for phase, count in zip(PHASES, counts, strict=True)
        for _ in range(count)
    ]
    found = refit(examples)
    assert (found.model is not None) is enough
    if not enough:
        need = "at least 60 labelled articles are needed, 10 of each phase"
        number = len(examples)
        assert found == Refit(None, number, None, None, f"too-few: {number} labelled articles; {need}")
