"""How good the recommender is, beside popularity and chance: on files, or on the library's own events.

Longer than 300 lines on purpose: reading the files, splitting them and measuring are one command's work.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mingus_lib.domain.recommend.parameters import FitOptions
from mingus_lib.errors import UsageError

if TYPE_CHECKING:
    from mingus_lib.domain.recommend.readings import Readings
    from mingus_lib.services.recommending import Recommender

Report = Callable[[int, int, str], None]
# user, item, weight, time
Columns = tuple[list[int], list[int], list[float], list[float] | None]
STEPS = 5
# A test is of the future when it lies wholly after what was learned for so many of its readers.
FUTURE_SHARE = 0.9
FIELD_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the files, how to split one, where lists are cut, and the seed of all chance."""

    train: str | None = None
    test: str | None = None
    items: str | None = None
    cutoffs: tuple[int, ...] = (10, 20)
    split: str = "time"
    holdout: float = 0.2
    seed: int = 0


@dataclass(slots=True)
class Problem:
    """What is learned from and what is to be found; `vectors`: content; `temporal`: the test is the future."""

    train: Readings
    test: Readings
    vectors: Any
    temporal: bool


def evaluate(question: Question, options: FitOptions, report: Report) -> dict[str, Any]:
    """The documented shape of `evaluate recommendations --json`, for files. Raises UsageError naming a bad line."""
    report(0, STEPS, "reading")
    return answer(_problem(question), question, options, report)


def evaluate_library(
    recommender: Recommender, question: Question, options: FitOptions, report: Report
) -> dict[str, Any]:
    """The same for the library's own events, each reader's latest held out; the figures are kept."""
    # Here and below it is imported where it is used: with scipy it takes a third of a second.
    import numpy as np

    from mingus_lib.domain.recommend.readings import Places
    from mingus_lib.services import recommender_model

    report(0, STEPS, "reading")
    now = datetime.now(UTC)
    ids, vectors = recommender_model.content_of(recommender.lists)
    readings = recommender_model.all_readings(recommender.readers, recommender.events, Places(ids), now)
    draw = np.random.default_rng(question.seed)
    train, test = readings.split(question.holdout, temporal=True, draw=draw)
    if not test.seen.nnz:
        raise UsageError("no reader has read two articles of this library yet: there is nothing to evaluate")
    found = answer(Problem(train, test, vectors, temporal=True), question, options, report)
    recommender.lists.keep_evaluation(found, now)
    return found


def answer(problem: Problem, question: Question, options: FitOptions, report: Report) -> dict[str, Any]:
    """Fit on the train part and measure the three recommenders."""
    import numpy as np

    from mingus_lib.domain.recommend import evaluation, fitting

    report(1, STEPS, "fitting")
    # Without an order in time, what comes late is no better guide than what comes early.
    given = options.given if problem.temporal else replace(options.given, recency=1.0)
    fitted = fitting.fit(
        problem.train,
        problem.vectors,
        replace(options, given=given, temporal=problem.temporal, seed=question.seed),
    )
    train, parameters = problem.train, fitted.parameters
    # Of the train part alone: what is to be found must not show in what it is found with.
    popularity = np.bincount(train.seen.indices, minlength=train.seen.shape[1]).astype(np.float32)
    known = train.flat() if parameters.flat else train
    scorers = {
        "mingus": evaluation.by_matrix(
            fitted.taste + fitted.likeness, known.histories(parameters.recency), popularity
        ),
        "popularity": evaluation.by_popularity(popularity),
        # What chance alone reaches: on a small library that is not nothing.
        "random": evaluation.at_random(train.seen.shape[1], question.seed),
    }
    scored = {}
    for number, (name, scorer) in enumerate(scorers.items()):
        report(2 + number, STEPS, f"measuring {name}")
        scored[name] = evaluation.measure(scorer, train, problem.test, question.cutoffs, question.seed)
    report(STEPS, STEPS, "done")
    told = {name: {**each.figures, "intervals": each.intervals} for name, each in scored.items()}
    return {**told, "data": _sizes(problem), "parameters": parameters.as_json()}


def _sizes(problem: Problem) -> dict[str, Any]:
    import numpy as np

    return {
        "readers": int(problem.train.seen.shape[0]),
        "articles": int(problem.train.seen.shape[1]),
        "train": int(problem.train.seen.nnz),
        "test": int(problem.test.seen.nnz),
        "test_readers": int(np.count_nonzero(np.diff(problem.test.seen.indptr))),
        "temporal": problem.temporal,
        "content": problem.vectors is not None,
    }


class _Numbers:
    """Texts by number, in the order they come."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def of(self, text: str) -> int:
        return self.known.setdefault(text, len(self.known))


def _problem(question: Question) -> Problem:
    import numpy as np

    assert question.train is not None
    # One numbering for all files: a reader and an article have the same row and column in each.
    users, items = _Numbers(), _Numbers()
    train = _columns(question.train, users, items)
    test = None if question.test is None else _columns(question.test, users, items)
    counts = None if question.items is None else _content(question.items, items)
    shape = (len(users.known), len(items.known))
    vectors = None if counts is None else _vectors(counts, shape[1])
    learned = _readings(train, shape)
    if test is not None:
        held = _without(_readings(test, shape), learned)
        temporal = learned.at is not None and held.at is not None and _is_future(learned, held)
    else:
        temporal = question.split == "time"
        if temporal and learned.at is None:
            raise UsageError(
                f"{question.train}: --split time needs a column `at`; give one, or --split random"
            )
        draw = np.random.default_rng(question.seed)
        learned, held = learned.split(question.holdout, temporal=temporal, draw=draw)
    if not held.seen.nnz:
        raise UsageError(
            f"{question.test or question.train}: nothing is left to be found that was not in the train part"
        )
    return Problem(learned, held, vectors, temporal)


def _is_future(learned: Readings, held: Readings) -> bool:
    """Whether most readers' test readings come after all their others."""
    import numpy as np

    assert learned.at is not None and held.at is not None
    latest = np.full(learned.seen.shape[0], -np.inf)
    np.maximum.at(latest, learned.owners(), learned.at)
    first = np.full(held.seen.shape[0], np.inf)
    np.minimum.at(first, held.owners(), held.at)
    tested = np.isfinite(first)
    return bool(np.mean(first[tested] >= latest[tested]) >= FUTURE_SHARE)


def _without(held: Readings, learned: Readings) -> Readings:
    """What is not in the train part: a reader cannot be recommended what they have."""
    import numpy as np

    # A reading as one number, so that pairs of reader and article are compared at once.
    width = held.seen.shape[1]
    known = np.isin(
        held.owners() * width + held.seen.indices, learned.owners() * width + learned.seen.indices
    )
    return held.kept(~known)


def _readings(columns: Columns, shape: tuple[int, int]) -> Readings:
    import numpy as np

    from mingus_lib.domain.recommend.readings import Readings

    users, items, weights, at = columns
    times = None if at is None else np.array(at, np.float64)
    return Readings.of(
        np.array(users, np.int64), np.array(items, np.int64), np.array(weights, np.float32), times, shape
    )


def _columns(name: str, users: _Numbers, items: _Numbers) -> Columns:
    """user, item, weight (1 without one) and at (None without the column). Weights of 0 and less are left out."""
    rows, columns, weights, times = [], [], [], []
    timed = False
    for line, record in _records(name, ("user", "item")):
        try:
            weight = _weight(record.get("weight") or "1")
            at = _seconds(record["at"]) if record.get("at") else 0.0
        except ValueError as error:
            raise UsageError(f"{name}, line {line}: {error}") from error
        if weight <= 0:
            continue
        timed = timed or at != 0.0
        rows.append(users.of(record["user"]))
        columns.append(items.of(record["item"]))
        weights.append(weight)
        times.append(at)
    if not rows:
        raise UsageError(
            f"{name}: no line with a user and an item; write CSV with the columns user,item,weight,at"
        )
    return rows, columns, weights, times if timed else None


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    # float() also reads nan and inf, and one of them spoils every sum that it is part of.
    if not math.isfinite(weight):
        # Cut, since a field may have millions of characters.
        raise ValueError(f"weight: {text[:60]!r} is no number")
    return weight


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = _moment(text)
    if not math.isfinite(found):
        raise ValueError(f"at: {text[:60]!r} is no time")
    return found


def _moment(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        message = f"at: {text[:60]!r} is no time; write Unix seconds or 2026-03-01T12:00:00Z"
        raise ValueError(message) from None


def _content(name: str, items: _Numbers) -> tuple[dict[int, Any], int]:
    """Counts of words by item's number, and how many words there are."""
    from mingus_lib.domain.recommend.content import Vocabulary

    vocabulary, counts = Vocabulary(), {}
    for _, record in _records(name, ("item",)):
        counts[items.of(record["item"])] = vocabulary.count(
            record.get("title") or "", record.get("text") or ""
        )
    return counts, len(vocabulary)


def _vectors(content: tuple[dict[int, Any], int], articles: int) -> Any:
    from mingus_lib.domain.recommend.content import Vocabulary, tfidf

    (counts, words), nothing = content, Vocabulary().count("", "")
    return tfidf([counts.get(number, nothing) for number in range(articles)], words)


def _records(name: str, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file by column, numbered by line. Raises UsageError naming file, line and fix."""
    # The module's own limit is 128 KiB, and texts may be longer.
    csv.field_size_limit(FIELD_LIMIT)
    with _opened(name) as stream:
        rows = csv.reader(stream)
        try:
            header = [column.strip().lower() for column in next(rows, [])]
            if missing := [column for column in needed if column not in header]:
                raise UsageError(
                    f"{name}: no column {missing[0]!r} in its first line; it needs {', '.join(needed)}"
                )
            for row in rows:
                if len(row) == len(header):
                    yield rows.line_num, dict(zip(header, row, strict=True))
                # csv gives an empty list for an empty line, which is no fault.
                elif row:
                    fields = f"{len(row)} fields instead of {len(header)}"
                    raise UsageError(f"{name}, line {rows.line_num}: {fields}; quote texts that hold commas")
        except csv.Error as error:
            raise UsageError(f"{name}, line {rows.line_num}: {error}") from error


def _opened(name: str) -> io.TextIOBase:
    try:
        # csv wants newline='' and finds the line ends inside quotes by itself.
        return Path(name).open(encoding="utf-8-sig", errors="replace", newline="")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}; name a readable CSV file") from error
