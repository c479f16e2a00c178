"""How good the recommender is beside implicit's BM25 and ALS and a ten-line EASE, on ratings.

    python benchmarks/quality.py --ratings FILE [--seeds 3] [--json]

FILE is tab-separated with a header, user and item first, such as MovieLens 100K. A random fifth of each reader's is
held out and every other item competes (full ranking). mingus has its defaults; peers have the best of a small grid
by the test itself, which is more than a user of theirs would get.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import recommendation_peers
from claims import Claim, publish
from recommendation_peers import ndcg

from mingus_lib.domain.recommend import evaluation, fitting
from mingus_lib.domain.recommend.parameters import FitOptions
from mingus_lib.domain.recommend.readings import Readings

MINGUS, EASE = "mingus, its defaults", "ten-line EASE"
RIDGES = (100, 200, 400, 800)
# A random fifth differs by more than this from the next one.
CLOSE = 0.01


def main() -> None:
    """Measure each split and publish the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ratings", type=Path, required=True, help="user, item, ...; tab-separated, with a header"
    )
    parser.add_argument("--seeds", type=int, default=3, help="so many splits")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    every = _read(options.ratings)
    figures: dict[str, Mapping[str, Any]] = {}
    for seed in range(options.seeds):
        figures[f"nDCG@10, split {seed}"] = _compare(every, seed)
        print(figures[f"nDCG@10, split {seed}"], file=sys.stderr, flush=True)
    means = {
        name: statistics.mean(each[name] for each in figures.values())
        for name in next(iter(figures.values()))
    }
    best = max(value for name, value in means.items() if name not in (MINGUS, EASE))
    claims = [
        Claim("nDCG@10 over the best of implicit's", means[MINGUS] - best, ">=", 0.0),
        Claim("nDCG@10 over a ten-line EASE", means[MINGUS] - means[EASE], ">=", -CLOSE),
    ]
    publish(claims, {"nDCG@10, mean of the splits": means, **figures}, as_json=options.json)


def _read(file: Path) -> Readings:
    rows = [line.split("\t")[:2] for line in file.read_text().splitlines()[1:]]
    users, items = (
        {name: n for n, name in enumerate(dict.fromkeys(column))} for column in zip(*rows, strict=True)
    )
    who, what = (np.array([names[row[n]] for row in rows]) for n, names in ((0, users), (1, items)))
    return Readings.of(who, what, np.ones(len(rows), np.float32), None, (len(users), len(items)))


def _compare(every: Readings, seed: int) -> dict[str, float]:
    """nDCG@10 by name."""
    train, test = every.split(0.2, temporal=False, draw=np.random.default_rng(seed))
    fitted = fitting.fit(train, None, FitOptions(temporal=False, seed=seed))
    popularity = np.bincount(train.seen.indices, minlength=train.seen.shape[1]).astype(np.float32)
    scorer = evaluation.by_matrix(fitted.taste, train.histories(1.0), popularity)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "split.npz"
        np.savez(file, train=_flat(train.seen), test=_flat(test.seen), shape=train.seen.shape)
        peers = recommendation_peers.ask("rank", file)
    return {
        MINGUS: evaluation.measure(scorer, train, test, (10,), seed).figures["ndcg@10"],
        EASE: max(
            ndcg(train.seen @ _ten_line_ease(train.seen, ridge), train.seen, test.seen) for ridge in RIDGES
        ),
        **{f"implicit's {name}": value for name, (value, _) in peers.items()},
        "popularity": ndcg(np.repeat(popularity[None, :], train.seen.shape[0], 0), train.seen, test.seen),
    }


def _flat(seen: Any) -> Any:
    return np.stack(seen.nonzero())


def _ten_line_ease(seen: Any, ridge: float) -> Any:
    dense = seen.toarray()
    inverse = np.linalg.inv(dense.T @ dense + ridge * np.eye(dense.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


if __name__ == "__main__":
    main()
