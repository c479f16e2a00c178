"""Fit the small models of the offline engine on the tune part of the labelled set, and write data/fitted.toml.

    python benchmarks/fit_labels.py

The test part is not opened. Prints what eight-fold cross-validation says of each model.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from mingus_lib.domain import difficulty, phase, prose, softmax
from mingus_lib.domain.labels import LEVELS, PHASES
from mingus_lib.domain.scoring import expected_calibration_error
from mingus_lib.domain.wordlists import lists

ROOT = Path(__file__).resolve().parent.parent
TUNE = ROOT / "tests/labelled/tune.jsonl"
FITTED = ROOT / "mingus_lib/data/fitted.toml"
FOLDS = 8
# The one is taken that is right most often on held-out folds, less its calibration error.
PENALTIES = (0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
SHUFFLES = (1, 2, 3)


def rows_of(items: Sequence[dict[str, Any]]) -> dict[str, list[tuple[float, ...]]]:
    """Features of every article, for each model."""
    read = [prose.read(item["title"], item["text"]) for item in items]
    words = lists("phase")
    hits = [(*words.hits(each.title, in_title=True), *words.hits(each.words)) for each in read]
    return {
        "phase": [phase.features(each, found) for each, found in zip(read, hits, strict=True)],
        "difficulty": [difficulty.features(each) for each in read],
    }


def held_out(
    rows: Sequence[Sequence[float]], labels: Sequence[str], order: Sequence[str], penalty: float
) -> tuple[float, float]:
    """Calibration error and accuracy over the folds of all shuffles."""
    right, sure = [], []
    for seed, fold in product(SHUFFLES, range(FOLDS)):
        places = list(range(len(rows)))
        random.Random(seed).shuffle(places)
        test = places[fold::FOLDS]
        train = [place for place in places if place not in test]
        fitted = softmax.fit([rows[i] for i in train], [labels[i] for i in train], order, penalty=penalty)
        for place in test:
            found = fitted.probabilities(rows[place])
            best = max(found, key=lambda label: found[label])
            right.append(best == labels[place])
            sure.append(found[best])
    return expected_calibration_error(sure, right), sum(right) / len(right)


def main() -> None:
    items = [json.loads(line) for line in TUNE.read_text("utf-8").splitlines()]
    rows = rows_of(items)
    parts = [
        f"# Fitted by benchmarks/fit_labels.py on {TUNE.relative_to(ROOT)} ({len(items)} articles): do not edit."
    ]
    for name, order in (("phase", PHASES), ("difficulty", LEVELS)):
        labels = [item[name] for item in items]
        tried = [(*held_out(rows[name], labels, order, penalty), penalty) for penalty in PENALTIES]
        error, accuracy, penalty = min(tried, key=lambda each: each[0] - each[1])
        print(
            f"{name}: {accuracy:.3f} right, calibration error {error:.3f} over {FOLDS} folds, penalty {penalty}"
        )
        table = softmax.fit(rows[name], labels, order, penalty=penalty).as_table()
        lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
        parts.append("\n".join([f"[{name}]", f"held_out_accuracy = {accuracy:.3f}", *lines]))
    FITTED.write_text("\n\n".join(parts) + "\n", "utf-8")


if __name__ == "__main__":
    main()
