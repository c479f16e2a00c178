"""An article's figures and its score, reckoned by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mingus_lib.domain import article_figures
from mingus_lib.domain.article_figures import NOTHING, bayesian_stars, figures, parts, score

COUNTS = st.integers(0, 1000)


def summed(**totals: Any) -> dict[str, Any]:
    return NOTHING | totals


# Half of all finish, the mean is 3 stars (half of the way from 1 to 5), and so on: every part's mean is a half.
HALVES = summed(
    readers=100, finishers=50, raters=20, stars=60, told=30, helped=15, scrolled=40, depth=2000, fans=50
)


@st.composite
def totals_of(draw: st.DrawFn) -> dict[str, Any]:
    """Totals that can be: no part larger than its whole, stars from 1 to 5, depth from 0 to 100."""
    whole = {name: draw(COUNTS) for name in ("readers", "raters", "told", "scrolled")}
    return summed(
        **whole,
        finishers=draw(st.integers(0, whole["readers"])),
        stars=draw(st.integers(whole["raters"], 5 * whole["raters"])),
        helped=draw(st.integers(0, whole["told"])),
        depth=draw(st.integers(0, 100 * whole["scrolled"])),
        fans=draw(COUNTS),
    )


def test_the_weights_are_the_documented_ones_and_make_one_whole() -> None:
    weights = article_figures.WEIGHTS
    assert weights == {"completion": 0.4, "rating": 0.25, "helpful": 0.15, "depth": 0.1, "fans": 0.1}
    assert sum(weights.values()) == pytest.approx(1)
    assert (article_figures.PRIOR, article_figures.LEAST_READERS) == (10, 5)


def test_each_part_is_a_sum_and_the_number_it_is_over() -> None:
    totals = summed(
        readers=10, finishers=7, raters=4, stars=14, told=3, helped=2, scrolled=5, depth=320, fans=6
    )
    assert parts(totals) == {
        "completion": (7, 10),
        # 14 stars of 4 raters are 10 above the least; 4 above the least is the most of one rater.
        "rating": (2.5, 4),
        "helpful": (2, 3),
        "depth": (3.2, 5),
        "fans": (6, 10),
    }


def test_one_star_from_all_is_nothing_and_five_are_everything() -> None:
    assert parts(summed(raters=3, stars=3))["rating"] == (0, 3)
    assert parts(summed(raters=3, stars=15))["rating"] == (3, 3)


def test_fans_who_did_not_read_raise_no_share_above_one() -> None:
    assert parts(summed(readers=2, fans=9))["fans"] == (2, 2)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        # Ten readers, as many as the prior: what they do is half of each part, (sum + 5) / 20.
        ({"finishers": 5, "fans": 5}, 50.0),
        # Completion 15/20: a quarter more of its 40.
        ({"finishers": 10, "fans": 5}, 60.0),
        ({"finishers": 0, "fans": 5}, 40.0),
        ({"finishers": 5, "fans": 10}, 52.5),
        # Five stars of ten raters: a quarter more of 25.
        ({"finishers": 5, "fans": 5, "raters": 10, "stars": 50}, 56.25),
        ({"finishers": 5, "fans": 5, "told": 10, "helped": 10}, 53.75),
        ({"finishers": 5, "fans": 5, "scrolled": 10, "depth": 1000}, 52.5),
        ({"finishers": 5, "fans": 5, "scrolled": 10, "depth": 0}, 47.5),
        # (1 + 5) / 20 of the completion, to two places.
        ({"finishers": 6, "fans": 5, "told": 1, "helped": 1}, 52.68),
    ],
)
def test_the_score_by_hand(more: dict[str, int], expected: float) -> None:
    assert score(summed(readers=10, **more), HALVES) == expected


def test_a_part_that_nobody_ever_told_lowers_no_score() -> None:
    library = summed(readers=100, finishers=50)
    # Completion 15/20 of weight 0.40, and fans 0 of weight 0.10: 100 * 0.3 / 0.5.
    assert score(summed(readers=10, finishers=10), library) == 60.0
    # The article's own ratings count for nothing while the library's sums have none.
    assert score(summed(readers=10, finishers=10, raters=3, stars=15), library) == 60.0


def test_a_part_that_all_others_fail_draws_towards_nothing() -> None:
    library = summed(readers=90, finishers=90)
    # Completion (0 + 10) / (30 + 10) of weight 0.40, fans (30 + 0) / (30 + 10) of weight 0.10; both of 0.5.
    assert score(summed(readers=30, fans=30), library) == 35.0


def test_who_has_no_reader_has_no_score() -> None:
    assert score(NOTHING, HALVES) is None
    assert score(summed(raters=3, stars=15), HALVES) is None


def test_a_library_without_any_sum_gives_no_score() -> None:
    assert score(summed(readers=3, finishers=3), NOTHING) is None


@given(totals_of(), totals_of())
def test_a_score_is_from_nought_to_a_hundred(article: dict[str, Any], library: dict[str, Any]) -> None:
    found = score(article, library)
    assert found is None or 0 <= found <= 100


@given(totals_of().filter(lambda totals: totals["readers"] > 0))
def test_one_more_who_finishes_lowers_no_score(article: dict[str, Any]) -> None:
    better = article | {"finishers": min(article["finishers"] + 1, article["readers"])}
    before, after = score(article, HALVES), score(better, HALVES)
    assert before is not None
    assert after is not None
    assert before <= after


@given(st.integers(1, 500))
def test_the_more_readers_finish_the_further_the_score_leaves_the_mean(readers: int) -> None:
    few, more = (
        score(summed(readers=number, finishers=number, fans=number), HALVES)
        for number in (readers, readers * 2)
    )
    assert few is not None
    assert more is not None
    # Completion and fans are half of the weights: at most 25 points above the mean.
    assert 50 < few < more < 75


@pytest.mark.parametrize(
    ("raters", "stars", "mean"),
    [
        # The library's 3 stars ten times, and the article's own.
        (0, 0, 3.0),
        (10, 50, 4.0),
        (5, 5, 2.333333),
    ],
)
def test_the_stars_are_drawn_to_the_mean_of_the_library(raters: int, stars: int, mean: float) -> None:
    assert bayesian_stars(summed(raters=raters, stars=stars), HALVES) == mean


def test_no_stars_anywhere_are_no_mean() -> None:
    assert bayesian_stars(summed(raters=2, stars=8), NOTHING) is None


def test_every_figure_by_its_name() -> None:
    totals = {
        "events": 99, "views": 40, "starts": 31, "finishes": 17, "bookmarks": 6, "shares": 4, "readers": 30,
        "finishers": 15, "timed": 8, "seconds": 1000, "scrolled": 16, "depth": 1200, "raters": 10, "stars": 50,
        "told": 3, "helped": 1, "keepers": 5, "fans": 9, "shown": 25, "answered": 10, "last_at": "2026-03-09",
    }  # fmt: skip
    assert figures(totals, HALVES) == {
        "views": 40,
        "readers": 30,
        "starts": 31,
        "finishes": 17,
        "finishers": 15,
        "bookmarks": 6,
        "keepers": 5,
        "shares": 4,
        "raters": 10,
        "shown": 25,
        "completion_rate": 0.5,
        "mean_seconds": 125.0,
        "mean_scroll_depth": 75.0,
        "rating": 5.0,
        "helpful_share": 0.333333,
        "click_through": 0.4,
        "bayesian_rating": 4.0,
        # 0.4 * 20/40 + 0.25 * 15/20 + 0.15 * 6/13 + 0.1 * 17/26 + 0.1 * 14/40
        "score": 55.71,
        "last_read_at": "2026-03-09",
    }


def test_an_article_that_nobody_opened_has_counts_of_nought_and_no_rates() -> None:
    found = figures(NOTHING, NOTHING)
    counts = {"views", "readers", "starts", "finishes", "finishers", "bookmarks", "keepers", "shares"}
    assert {name for name, value in found.items() if value == 0} == counts | {"raters", "shown"}
    assert all(value is None for value in found.values() if value != 0)


def test_nothing_names_every_total() -> None:
    names = (
        "events views starts finishes bookmarks shares readers finishers timed seconds"
        " scrolled depth raters stars told helped keepers fans shown answered"
    )
    assert dict.fromkeys(names.split(), 0) | {"last_at": None} == NOTHING
