"""A made-up news corpus: five classes, Zipf's law, words shared between classes, texts of mixed subjects."""

from __future__ import annotations

import random
from collections.abc import Sequence

CLASSES = ("business", "politics", "sport", "technology", "arts")


def _word(rng: random.Random) -> str:
    return "".join(rng.choice("bcdfglmnprstv") + rng.choice("aeiou") for _ in range(rng.randint(2, 4)))


def _zipf(rng: random.Random, words: Sequence[str], count: int) -> list[str]:
    return rng.choices(words, weights=[1 / (rank + 2) for rank in range(len(words))], k=count)


def corpus(
    size: int, seed: int, blur: float = 0.25
) -> tuple[list[tuple[str, str, str]], dict[str, dict[str, float]]]:
    """(title, text, label) for each text, and a blind lexicon of eight words a class.

    `blur` is the share of a text's subject words that come from another class.
    """
    rng = random.Random(seed)
    common = [_word(rng) for _ in range(1500)]
    own = {name: [_word(rng) for _ in range(400)] for name in CLASSES}
    texts = []
    for _ in range(size):
        label = rng.choices(CLASSES, weights=(5, 4, 5, 4, 4))[0]
        other = rng.choice([name for name in CLASSES if name != label])
        length = rng.randint(60, 400)
        # Subjects within a class: a text keeps to some of its words.
        part = rng.sample(own[label], 60)
        words = _zipf(rng, common, length)
        words += _zipf(rng, part, round(length * 0.12)) + _zipf(rng, own[label], round(length * 0.05))
        words += _zipf(rng, own[other], round(length * 0.17 * blur))
        rng.shuffle(words)
        texts.append((" ".join(rng.sample(words, 6)), " ".join(words) + ".", label))
    lexicon = {}
    for name in CLASSES:
        # A person thinks of some frequent words, some rare ones, and one that misleads.
        chosen = rng.sample(own[name][:60], 4) + rng.sample(own[name][60:], 3) + [rng.choice(common[40:])]
        lexicon[name] = dict.fromkeys(chosen, 1.0)
    return texts, lexicon
