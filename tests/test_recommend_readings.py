"""Readings as matrices: whose they are, how old, which are held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain.recommend.readings import Places, Readings

# A reader, an article, how strongly and when it was read.
Entry = tuple[int, int, float, float]
SHAPE = (4, 5)
# Reader 1 has read nothing, and neither has the last.
GIVEN: list[Entry] = [(0, 0, 1.0, 10), (0, 2, 0.5, 30), (0, 3, 1.0, 20), (2, 1, 2.0, 6), (2, 4, 1.0, 5)]


def made(entries: Sequence[Entry], shape: tuple[int, int] = SHAPE, *, timed: bool = True) -> Readings:
    rows, columns, strengths, at = np.array(entries, np.float64).reshape(-1, 4).T
    return Readings.of(
        rows.astype(np.int64),
        columns.astype(np.int64),
        strengths.astype(np.float32),
        at if timed else None,
        shape,
    )


def entries(found: Readings) -> list[Entry]:
    at = np.zeros(found.seen.nnz) if found.at is None else found.at
    return list(
        zip(
            found.owners().tolist(),
            found.seen.indices.tolist(),
            found.seen.data.tolist(),
            at.tolist(),
            strict=True,
        )
    )


def of_reader(found: Readings, reader: int) -> list[int]:
    return [article for owner, article, *_ in entries(found) if owner == reader]


def one_reader(times: Sequence[float]) -> Readings:
    return made([(0, article, 1.0, at) for article, at in enumerate(times)], (1, len(times)))


@pytest.mark.parametrize("order", [range(5), [4, 1, 3, 0, 2], [3, 2, 4, 1, 0]])
def test_readings_are_kept_by_reader_and_article_whatever_order_they_come_in(order: Sequence[int]) -> None:
    found = made([GIVEN[number] for number in order])
    assert entries(found) == GIVEN
    assert found.seen.shape == SHAPE
    assert found.seen.dtype == np.float32
    assert made([GIVEN[number] for number in order], timed=False).at is None


def test_an_article_read_again_counts_once_for_each_reader() -> None:
    again = [(0, 2, 0.25, 40.0), (2, 2, 1.0, 7.0), (0, 2, 0.75, 1.0)]
    assert entries(made([*GIVEN, *again])) == [
        (0, 0, 1, 10), (0, 2, 0.75, 40), (0, 3, 1, 20), (2, 1, 2, 6), (2, 2, 1, 7), (2, 4, 1, 5),
    ]  # fmt: skip


def test_no_readings_have_a_shape_and_no_times() -> None:
    found = made([])
    assert (found.seen.shape, found.seen.nnz, found.seen.dtype, found.at) == (SHAPE, 0, np.float32, None)


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ([2, 0], [(0, 1, 2, 6), (0, 4, 1, 5), (1, 0, 1, 10), (1, 2, 0.5, 30), (1, 3, 1, 20)]),
        ([1], []),
        ([False, True, True, False], [(1, 1, 2, 6), (1, 4, 1, 5)]),
    ],
)
def test_the_readings_of_some_readers(chosen: list[int], found: list[Entry]) -> None:
    assert entries(made(GIVEN).rows(np.array(chosen))) == found
    untimed = made(GIVEN, timed=False).rows(np.array(chosen))
    assert untimed.at is None
    assert entries(untimed) == [(*entry[:3], 0) for entry in found]


def test_what_is_kept_keeps_its_time_and_the_shape() -> None:
    keep = np.array([False, True, False, False, True])
    found = made(GIVEN).kept(keep)
    assert entries(found) == [GIVEN[1], GIVEN[4]]
    assert found.seen.shape == SHAPE
    assert made(GIVEN, timed=False).kept(keep).at is None


def test_flat_readings_are_all_of_strength_1() -> None:
    assert entries(made(GIVEN).flat()) == [(owner, article, 1, at) for owner, article, _, at in GIVEN]
    assert made(GIVEN).flat().seen.shape == SHAPE


def test_ages_are_counted_reader_by_reader() -> None:
    assert made(GIVEN).ages().tolist() == [2, 0, 1, 0, 1]
    assert made(GIVEN, timed=False).ages().tolist() == [0] * 5


@pytest.mark.parametrize(("count", "numbers"), [(0, []), (1, [1, 3]), (2, [1, 2, 3, 4]), (9, range(5))])
def test_the_newest_of_each_reader(count: int, numbers: Sequence[int]) -> None:
    assert entries(made(GIVEN).newest(count)) == [GIVEN[number] for number in numbers]
    assert made(GIVEN, timed=False).newest(count).seen.nnz == 5, "without times none is newer"


def test_a_history_weighs_strength_and_age_and_sums_to_1() -> None:
    # Weights 1/4, 1/2 and 1/2 of the first; 2 and 1/2 of the third.
    assert made(GIVEN).histories(0.5).toarray() == pytest.approx(
        np.array([[1 / 5, 0, 2 / 5, 2 / 5, 0], [0] * 5, [0, 4 / 5, 0, 0, 1 / 5], [0] * 5])
    )
    by_strength = made(GIVEN, timed=False).histories(0.5)
    assert by_strength.data == pytest.approx([2 / 5, 1 / 5, 2 / 5, 2 / 3, 1 / 3])


def test_beyond_60_newer_ones_age_makes_no_difference() -> None:
    weights = one_reader(range(63)).histories(0.5).data[::-1]
    assert weights[58] == pytest.approx(2 * weights[59])
    assert weights[59] == pytest.approx(2 * weights[60])
    assert weights[60] == weights[61] == weights[62] > 0


@pytest.mark.parametrize(
    ("read", "share", "held"),
    [(1, 0.5, 0), (2, 0.01, 1), (4, 0.25, 1), (5, 0.25, 2), (3, 1.0, 2), (3, 0.0, 0)],
)
@pytest.mark.parametrize("temporal", [True, False])
def test_a_share_is_held_out_rounded_up_but_never_all(
    read: int, share: float, held: int, temporal: bool
) -> None:
    train, test = one_reader(range(read)).split(share, temporal=temporal, draw=np.random.default_rng(1))
    assert (train.seen.nnz, test.seen.nnz) == (read - held, held)


def held_out(readings: Readings, *, temporal: bool) -> set[tuple[int, ...]]:
    """What is held out of the only reader by a dozen draws."""
    draws = (np.random.default_rng(seed) for seed in range(12))
    return {tuple(of_reader(readings.split(0.4, temporal=temporal, draw=d)[1], 0)) for d in draws}


def test_the_latest_are_held_out_and_of_one_second_any() -> None:
    assert held_out(one_reader([5, 9, 7, 8, 6]), temporal=True) == {(1, 3)}
    # A second is more than the trifle that orders what is of one.
    assert held_out(one_reader([5, 9, 8, 8, 6]), temporal=True) == {(1, 2), (1, 3)}
    assert len(held_out(one_reader([5, 9, 7, 8, 6]), temporal=False)) > 2
    untimed = made([(0, article, 1, 0) for article in range(5)], (1, 5), timed=False)
    assert len(held_out(untimed, temporal=True)) > 2


@given(st.lists(st.integers(-5, 50), unique=True, max_size=12), st.lists(st.integers(-9, 60), max_size=12))
def test_the_place_of_an_id_is_where_it_was_given(ids: list[int], wanted: list[int]) -> None:
    found = Places(np.array(ids, np.int64)).of(np.array(wanted, np.float64))
    assert found.tolist() == [ids.index(each) if each in ids else -1 for each in wanted]
    assert Places(np.array(ids, np.int64)).count == len(ids)


def test_what_is_between_two_ids_has_no_place() -> None:
    assert Places(np.array([3, 1, 2])).of(np.array([1.5, 2.0, np.inf])).tolist() == [-1, 2, -1]
