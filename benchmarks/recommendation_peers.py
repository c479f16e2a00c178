"""implicit's BM25 and ALS beside mingus: time on a store's readings, quality on a split of ratings.

implicit lives in an environment of its own, build/peers-recommend, made when it is first needed; this file is what
it runs there: `recommendation_peers.py time|rank FILE`, which prints one JSON object.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from peers import python_with
from scipy import sparse

PACKAGES = ("implicit", "numpy", "scipy")
CUT = 10


def ask(what: str, file: Path) -> dict[str, Any]:
    """What the peers say of that file: `time` of a matrix, `rank` of a split."""
    environment = {"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    asked = [python_with("peers-recommend", *PACKAGES), "-W", "ignore", __file__, what, str(file)]
    said = subprocess.run(asked, check=True, env=environment, stdout=subprocess.PIPE, text=True).stdout
    found: dict[str, Any] = json.loads(said)
    return found


def time_peers(home: Path) -> dict[str, Any]:
    """Fit implicit's models on the readings of the store in `home`; seconds by name."""
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
    return ask("time", file)


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


def ndcg(scores: Any, train: Any, test: Any) -> float:
    """nDCG@10 in other words than the recommender's own; both matrices are readers x articles."""
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


def _rank(file: Path) -> dict[str, Any]:
    """The best of each model's grid by the test itself."""
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
        kind = name.split()[0]
        best[kind] = max(best.get(kind, (0.0, "")), (ndcg(scores, train, test), name))
    return dict(best)


def _time(file: Path) -> dict[str, Any]:
    seen = sparse.csr_matrix(sparse.load_npz(file)).astype(np.float32)
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender

    models = {
        "BM25, K=200": BM25Recommender(K=200),
        "ALS, 64 factors": AlternatingLeastSquares(factors=64, iterations=15),
    }
    seconds: dict[str, float] = {}
    for name, model in models.items():
        begun = time.perf_counter()
        model.fit(seen, show_progress=False)
        fitted = time.perf_counter()
        for start in range(0, seen.shape[0], 5_000):
            people = np.arange(start, min(start + 5_000, seen.shape[0]))
            model.recommend(people, seen[people], N=20)
        seconds |= {f"{name}: fit, s": fitted - begun, f"{name}: all lists, s": time.perf_counter() - fitted}
    return seconds


if __name__ == "__main__":
    print(json.dumps({"time": _time, "rank": _rank}[sys.argv[1]](Path(sys.argv[2]))))
