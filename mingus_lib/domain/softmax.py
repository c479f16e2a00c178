"""Multinomial logistic regression over a handful of features, small enough to be kept in a file. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDS = 400
RATE = 0.5


@dataclass(frozen=True, slots=True)
class Softmax:
    """A fitted model: p(label) is the softmax of `weights` times the standardised features plus `bias`."""

    labels: tuple[str, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]

    def probabilities(self, features: Sequence[float]) -> dict[str, float]:
        """The probability of every label; they add up to 1."""
        scaled = standardised(features, self.means, self.spreads)
        scores = [
            bias + sum(weight * value for weight, value in zip(row, scaled, strict=True))
            for row, bias in zip(self.weights, self.bias, strict=True)
        ]
        return dict(zip(self.labels, softmax(scores), strict=True))

    def as_table(self, digits: int = 4) -> dict[str, Any]:
        """What a data file keeps of it."""
        return {
            "labels": list(self.labels),
            "means": [round(value, digits) for value in self.means],
            "spreads": [round(value, digits) for value in self.spreads],
            "weights": [[round(value, digits) for value in row] for row in self.weights],
            "bias": [round(value, digits) for value in self.bias],
        }


def from_table(table: Mapping[str, Any]) -> Softmax:
    """The reverse of as_table."""
    return Softmax(
        tuple(table["labels"]),
        tuple(table["means"]),
        tuple(table["spreads"]),
        tuple(tuple(row) for row in table["weights"]),
        tuple(table["bias"]),
    )


def softmax(scores: Sequence[float]) -> list[float]:
    """Probabilities from scores."""
    # Less the largest, which changes no share: exp of a large score overflows.
    top = max(scores)
    raised = [math.exp(score - top) for score in scores]
    total = sum(raised)
    return [value / total for value in raised]


def standardised(features: Sequence[float], means: Sequence[float], spreads: Sequence[float]) -> list[float]:
    """Features in standard deviations from their means, held to 4: no odd text may outvote everything."""
    pairs = zip(features, means, spreads, strict=True)
    return [max(-4.0, min(4.0, (value - mean) / spread)) for value, mean, spread in pairs]


def fit(
    rows: Sequence[Sequence[float]], labels: Sequence[str], order: Sequence[str], *, penalty: float = 0.02
) -> Softmax:
    """Fit by gradient descent with an L2 `penalty`; the same rows always give the same model."""
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    spreads = [
        # 1 for a feature that is the same in all rows, which would divide by nothing.
        math.sqrt(sum((value - mean) ** 2 for value in column) / len(rows)) or 1.0
        for column, mean in zip(zip(*rows, strict=True), means, strict=True)
    ]
    scaled = [standardised(row, means, spreads) for row in rows]
    weights = [[0.0] * len(means) for _ in order]
    bias = [0.0] * len(order)
    targets = [order.index(label) for label in labels]
    for _ in range(ROUNDS):
        _step(scaled, targets, weights, bias, penalty)
    return Softmax(tuple(order), tuple(means), tuple(spreads), tuple(map(tuple, weights)), tuple(bias))


def _step(
    rows: Sequence[Sequence[float]],
    targets: Sequence[int],
    weights: list[list[float]],
    bias: list[float],
    penalty: float,
) -> None:
    slopes = [[penalty * weight for weight in row] for row in weights]
    bias_slopes = [0.0] * len(bias)
    for features, target in zip(rows, targets, strict=True):
        scores = [
            bias[k] + sum(w * x for w, x in zip(row, features, strict=True)) for k, row in enumerate(weights)
        ]
        for label, share in enumerate(softmax(scores)):
            error = (share - (label == target)) / len(rows)
            bias_slopes[label] += error
            row = slopes[label]
            for index, value in enumerate(features):
                row[index] += error * value
    for label, row in enumerate(slopes):
        bias[label] -= RATE * bias_slopes[label]
        weights[label] = [w - RATE * slope for w, slope in zip(weights[label], row, strict=True)]
