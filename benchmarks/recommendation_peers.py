"""implicit's BM25 and ALS, and a ten-line EASE, beside mingus: time on a store's readings, quality on ratings.

implicit lives in an environment of its own, build/peers-recommend, made when it is first needed; this file is what
it runs there: `recommendation_peers.py time|rank FILE`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

PEERS = Path(__file__).resolve().parent.parent / "build" / "peers-recommend"
CUT = 10
SEEDS = (0, 1, 2)


def _python() -> Path:
    """The peers' Python."""
    found = PEERS / "bin" / "python"
    if not found.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        subprocess.run(
            [str(found), "-m", "pip", "install", "--quiet", "implicit", "numpy", "scipy"], check=True
        )
    return found


def _ask(what: str, file: Path) -> None:
    environment = {"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    subprocess.run([str(_python()), "-W", "ignore", __file__, what, str(file)], check=True, env=environment)


def time_peers(home: Path) -> None:
    """Fit implicit's models on the readings of the store in `home`."""
    from datetime import UTC, datetime

    from mingus_lib import settings
    from mingus_lib.domain.recommend.readings import Places
    from mingus_lib.runtime import Runtime
    from mingus_lib.services import recommender_model

    here = Runtime(settings.load({"home": str(home)}))
    ids = recommender_model.load(home).ids
    readings = recommender_model.all_readings(here.readers, here.events, Places(ids), datetime.now(UTC))
    file = home / "readings.npz"
    sparse.save_npz(file, readings.seen)
    _ask("time", file)


def compare(ratings: Path) -> None:
    """nDCG@10 of all, full ranking, a random fifth held out, three splits."""
    from mingus_lib.domain.recommend import evaluation, fitting
    from mingus_lib.domain.recommend.parameters import FitOptions
    from mingus_lib.domain.recommend.readings import Readings

    rows = [line.split("\t")[:2] for line in ratings.read_text().splitlines()[1:]]
    users, items = (
        {name: n for n, name in enumerate(dict.fromkeys(column))} for column in zip(*rows, strict=True)
    )
    who, what = (np.array([names[row[n]] for row in rows]) for n, names in ((0, users), (1, items)))
    every = Readings.of(who, what, np.ones(len(rows), np.float32), None, (len(users), len(items)))
    for seed in SEEDS:
        train, test = every.split(0.2, temporal=False, draw=np.random.default_rng(seed))
        fitted = fitting.fit(train, None, FitOptions(temporal=False, seed=seed))
        popularity = np.bincount(train.seen.indices, minlength=len(items)).astype(np.float32)
        scorer = evaluation.by_matrix(fitted.taste, train.histories(1.0), popularity)
        ours = evaluation.measure(scorer, train, test, (CUT,), seed).figures["ndcg@10"]
        print(f"\nsplit {seed}: mingus with its defaults {ours:.4f}  {fitted.parameters}", flush=True)
        ridges = (100, 200, 400, 800)
        best = max(
            (_ndcg(train.seen @ _ten_line_ease(train.seen, ridge), train.seen, test.seen), ridge)
            for ridge in ridges
        )
        print(
            f"    ten-line EASE, best of {len(ridges)} by the test itself: {best[0]:.4f} (lambda {best[1]})",
            flush=True,
        )
        file = Path(f"/tmp/mingus-peers-{seed}.npz")
        np.savez(file, train=_flat(train.seen), test=_flat(test.seen), shape=train.seen.shape)
        _ask("rank", file)
        file.unlink()


def _flat(seen: Any) -> Any:
    return np.stack(seen.nonzero())


def _ten_line_ease(seen: Any, ridge: float) -> Any:
    dense = seen.toarray()
    inverse = np.linalg.inv(dense.T @ dense + ridge * np.eye(dense.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def _ndcg(scores: Any, train: Any, test: Any) -> float:
    """The same figure in other words than the recommender's own."""
    scores = np.asarray(scores).copy()
    scores[train.nonzero()] = -np.inf
    gains = []
    for row in range(len(scores)):
        wanted = set(test.indices[test.indptr[row] : test.indptr[row + 1]].tolist())
        if wanted:
            ranked = np.argsort(-scores[row], kind="stable")[:CUT]
            got = sum(1 / np.log2(place + 2) for place, item in enumerate(ranked.tolist()) if item in wanted)
            gains.append(got / sum(1 / np.log2(place + 2) for place in range(min(CUT, len(wanted)))))
    return float(np.mean(gains))


def _models() -> dict[str, Any]:
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender

    models: dict[str, Any] = {}
    for k1 in (20, 100, 300):
        for b in (0.2, 0.6):
            models[f"BM25 K1={k1} B={b}"] = partial(BM25Recommender, K=200, K1=k1, B=b)
    for factors in (32, 64):
        for alpha in (1.0, 4.0):
            for regular in (0.05, 1.0):
                models[f"ALS {factors} factors, alpha {alpha:g}, {regular}"] = partial(
                    AlternatingLeastSquares,
                    factors=factors,
                    regularization=regular,
                    alpha=alpha,
                    iterations=15,
                    random_state=0,
                )
    return models


def _rank(file: Path) -> None:
    found = np.load(file)
    train, test = (
        sparse.csr_matrix((np.ones(found[name].shape[1]), found[name]), shape=tuple(found["shape"]))
        for name in ("train", "test")
    )
    best: dict[str, tuple[float, str]] = {}
    for name, make in _models().items():
        model = make()
        model.fit(train.astype(np.float32), show_progress=False)
        if name.startswith("ALS"):
            scores = model.user_factors @ model.item_factors.T
        else:
            scores = (train @ model.similarity).toarray()
        best[name[:4]] = max(best.get(name[:4], (0.0, "")), (_ndcg(scores, train, test), name))
    for value, name in best.values():
        print(f"    implicit, best of its grid by the test itself: {value:.4f} ({name})", flush=True)


def _time(file: Path) -> None:
    seen = sparse.csr_matrix(sparse.load_npz(file)).astype(np.float32)
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender

    models = {
        "BM25, K=200": BM25Recommender(K=200),
        "ALS, 64 factors": AlternatingLeastSquares(factors=64, iterations=15),
    }
    for name, model in models.items():
        begun = time.perf_counter()
        model.fit(seen, show_progress=False)
        fitted = time.perf_counter()
        for start in range(0, seen.shape[0], 5_000):
            people = np.arange(start, min(start + 5_000, seen.shape[0]))
            model.recommend(people, seen[people], N=20)
        lists = time.perf_counter() - fitted
        print(f"  implicit {name:20} fit {fitted - begun:6.1f} s, all lists {lists:6.1f} s", flush=True)


if __name__ == "__main__":
    {"time": _time, "rank": _rank}[sys.argv[1]](Path(sys.argv[2]))
