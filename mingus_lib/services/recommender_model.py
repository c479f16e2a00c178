"""The fitted model of this library: made from the store, kept as a file, loaded by whoever makes lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.readers import HALF_LIFE_DAYS
from mingus_lib.domain.recommend.parameters import FitOptions, Parameters
from mingus_lib.errors import PermanentError
from mingus_lib.store import model_file
from mingus_lib.store.events import EPOCH_DAY, Events
from mingus_lib.store.readers import Readers
from mingus_lib.store.recommendations import Recommendations

if TYPE_CHECKING:
    from mingus_lib.domain.recommend.readings import Places, Readings
    from mingus_lib.store.events import Reading

FILE = "recommender.npz"
# Readers whose events are turned into a matrix at once.
READERS_AT_ONCE = 1_000
# Of one reader the newest; it bounds what one tireless reader costs, which grows with the square.
READINGS_OF_A_READER = 300
SECONDS_A_DAY = 86_400.0

Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Model:
    """`ids`: the articles by place; `popularity`: 0-1 of each; `taste` and `likeness`: places x places."""

    version: str
    made_by: str
    parameters: Parameters
    ids: Any
    popularity: Any
    taste: Any
    likeness: Any


def fit(
    readers: Readers, events: Events, lists: Recommendations, options: FitOptions, now: datetime, made_by: str,
    report: Report = lambda *_: None,
) -> Model:  # fmt: skip
    """Learn from all events and all articles that some reader may see. `made_by` is the job's id."""
    import numpy as np

    from mingus_lib.domain.recommend import fitting
    from mingus_lib.domain.recommend.readings import Places

    report(0, 4, "reading articles")
    ids, vectors = content_of(lists)
    report(1, 4, "reading events")
    readings = all_readings(readers, events, Places(ids), now)
    report(2, 4, "fitting")
    fitted = fitting.fit(readings, vectors, options)
    report(3, 4, "keeping the model")
    counts = np.bincount(readings.seen.indices, minlength=len(ids)).astype(np.float32)
    # Without a single reading all are 0, instead of nothing divided by nothing.
    popularity = np.log1p(counts) / max(np.log1p(counts.max(initial=0)), 1e-9)
    # With the job's id, since two fits may end in one second.
    version = f"{now:%Y%m%dT%H%M%S}-{made_by[:16]}"
    return Model(version, made_by, fitted.parameters, ids, popularity, fitted.taste, fitted.likeness)


def content_of(lists: Recommendations) -> tuple[Any, Any]:
    """The ids of all articles that some reader may see, ascending, and the vectors of their words."""
    import numpy as np

    from mingus_lib.domain.recommend import content

    vocabulary, ids, counts = content.Vocabulary(), [], []
    for article, title, text, labels in lists.texts(content.TEXT_CHARACTERS):
        ids.append(article)
        counts.append(vocabulary.count(title, text, labels))
    return np.array(ids, np.int64), content.tfidf(counts, len(vocabulary))


def all_readings(readers: Readers, events: Events, places: Places, now: datetime) -> Readings:
    """What all readers read of these articles, in chunks of readers."""
    import numpy as np

    from mingus_lib.domain.recommend.matrix import stacked
    from mingus_lib.domain.recommend.readings import Readings

    seen, times = [], []
    for first, last in readers.chunks(READERS_AT_ONCE):
        found, _, _ = readings_of(events.readings(first, last), first, last - first + 1, places, now)
        newest = found.newest(READINGS_OF_A_READER)
        seen.append(newest.seen)
        times += [] if newest.at is None else [newest.at]
    return Readings(stacked(seen, places.count), np.concatenate(times) if times else None)


def readings_of(
    batches: Iterator[list[Reading]], first: int, count: int, places: Places, now: datetime
) -> tuple[Readings, Any, Any]:
    """Readings of readers `first` and following, and the (row, place) of all that they finished.

    An event's strength fades with its age; of several the strongest counts.
    """
    import itertools

    import numpy as np

    from mingus_lib.domain.recommend.readings import Readings

    # One stream of numbers: a list of as many tuples would take gigabytes.
    flat = np.fromiter(itertools.chain.from_iterable(itertools.chain.from_iterable(batches)), np.float64)
    table = flat.reshape(-1, 5)
    found = places.of(table[:, 1])
    # What no reader may see any more has no place, and its readings do not count.
    table, found = table[found >= 0], found[found >= 0]
    rows = (table[:, 0] - first).astype(np.int64)
    days = table[:, 3] - EPOCH_DAY
    # An event that is dated ahead counts as of now: else its strength would grow instead of fading.
    age = np.maximum(now.timestamp() / SECONDS_A_DAY - days, 0)
    strengths = (table[:, 2] * np.exp2(-age / HALF_LIFE_DAYS)).astype(np.float32)
    ended = table[:, 4] > 0
    liked = strengths > 0
    made = Readings.of(rows[liked], found[liked], strengths[liked], days[liked], (count, places.count))
    return made, rows[ended], found[ended]


def save(model: Model, home: Path) -> None:
    """Keep the model in the state directory. Raises StoreUnavailable."""
    arrays = {"ids": model.ids, "popularity": model.popularity}
    # In their parts: a matrix as an object could only be pickled, and a pickle may run any code.
    for name in ("taste", "likeness"):
        matrix = getattr(model, name)
        arrays |= {f"{name}_{part}": getattr(matrix, part) for part in ("data", "indices", "indptr")}
    facts = {"version": model.version, "made_by": model.made_by, "parameters": model.parameters.as_json()}
    model_file.save(home / FILE, facts, arrays)


def load(home: Path) -> Model:
    """The model of the state directory. Raises NotFound or PermanentError."""
    facts, arrays = model_file.load(home / FILE)
    try:
        return _model(facts, arrays)
    except (KeyError, TypeError, ValueError) as error:
        message = f"the model {home / FILE} is damaged or of another release: {model_file.RENEW}"
        raise PermanentError(message, code="model-damaged") from error


def _model(facts: dict[str, Any], arrays: dict[str, Any]) -> Model:
    from scipy import sparse

    size = len(arrays["ids"])

    def matrix(name: str) -> Any:
        parts = tuple(arrays[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
        return sparse.csr_array(parts, shape=(size, size))

    parameters = Parameters(**facts["parameters"])
    names = (facts["version"], facts["made_by"])
    return Model(*names, parameters, arrays["ids"], arrays["popularity"], matrix("taste"), matrix("likeness"))


def without_model() -> Model:
    """What stands in before the first fit: nothing is known of readers or content."""
    import numpy as np

    from mingus_lib.domain.recommend.matrix import empty

    none = empty((0, 0))
    return Model("none", "", Parameters(), np.empty(0, np.int64), np.empty(0, np.float32), none, none)
