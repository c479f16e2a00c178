"""How good labels are: accuracy, F1, confusion, calibration. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

BINS = 10


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class: shares 0-1 (0.0 where there is nothing to divide by), and how many texts truly have it."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Scores:
    """The measure of a run. `confusion[true][predicted]` counts texts; it is empty where a text has many labels."""

    n: int
    accuracy: float
    macro_f1: float
    micro_f1: float
    ece: float
    per_class: dict[str, ClassScore]
    confusion: dict[str, dict[str, int]]


def expected_calibration_error(
    confidences: Sequence[float], right: Sequence[bool], bins: int = BINS
) -> float:
    """ECE (Naeini et al. 2015): the mean gap between confidence and share right, over bins of equal width."""
    if not confidences:
        return 0.0
    held: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for confidence, was in zip(confidences, right, strict=True):
        # A confidence of 1 belongs to the last bin.
        held[min(bins - 1, int(confidence * bins))].append((confidence, was))
    gaps = (abs(sum(c for c, _ in each) - sum(was for _, was in each)) for each in held if each)
    return sum(gaps) / len(confidences)


def single(true: Sequence[str], guessed: Sequence[str], confidences: Sequence[float]) -> Scores:
    """Scores of one label a text."""
    # Those of the truth first: a label that was only guessed stands behind them in the table.
    names = list(dict.fromkeys([*sorted(set(true)), *sorted(set(guessed))]))
    confusion = {name: dict.fromkeys(names, 0) for name in names}
    for was, is_said in zip(true, guessed, strict=True):
        confusion[was][is_said] += 1
    per_class = _per_class([{label} for label in true], [{label} for label in guessed], names)
    right = [was == said for was, said in zip(true, guessed, strict=True)]
    accuracy = _ratio(sum(right), len(right))
    ece = expected_calibration_error(confidences, right)
    return Scores(len(true), accuracy, _macro(per_class), accuracy, ece, per_class, confusion)


def many(
    true: Sequence[Collection[str]], guessed: Sequence[Collection[str]], confidences: Sequence[float]
) -> Scores:
    """Scores of several labels a text. A text is right (accuracy, ECE) when its first guess is among its labels."""
    was = [set(labels) for labels in true]
    said = [set(labels) for labels in guessed]
    names = sorted(set().union(*was, *said))
    per_class = _per_class(was, said, names)
    first = [bool(found) and next(iter(found)) in labels for found, labels in zip(guessed, was, strict=True)]
    both = sum(len(a & b) for a, b in zip(was, said, strict=True))
    micro = _ratio(2 * both, sum(map(len, was)) + sum(map(len, said)))
    accuracy, ece = _ratio(sum(first), len(first)), expected_calibration_error(confidences, first)
    return Scores(len(was), accuracy, _macro(per_class), micro, ece, per_class, {})


def _per_class(
    true: Sequence[set[str]], guessed: Sequence[set[str]], names: Sequence[str]
) -> dict[str, ClassScore]:
    found: dict[str, ClassScore] = {}
    for name in names:
        support = sum(name in labels for labels in true)
        said = sum(name in labels for labels in guessed)
        both = sum(name in a and name in b for a, b in zip(true, guessed, strict=True))
        precision, recall = _ratio(both, said), _ratio(both, support)
        found[name] = ClassScore(precision, recall, _ratio(2 * both, said + support), support)
    return found


def _macro(per_class: dict[str, ClassScore]) -> float:
    """The mean F1 over the classes that occur, as scikit-learn's f1_score does with labels of the truth."""
    there = [score.f1 for score in per_class.values() if score.support]
    return _ratio(sum(there), len(there))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def as_json(scores: Scores) -> dict[str, Any]:
    """The documented shape, numbers to four places."""
    return {
        "n": scores.n,
        "accuracy": round(scores.accuracy, 4),
        "macro_f1": round(scores.macro_f1, 4),
        "micro_f1": round(scores.micro_f1, 4),
        "ece": round(scores.ece, 4),
        "per_class": {
            name: {
                "precision": round(each.precision, 4),
                "recall": round(each.recall, 4),
                "f1": round(each.f1, 4),
                "support": each.support,
            }
            for name, each in scores.per_class.items()
        },
        "confusion": scores.confusion,
    }
