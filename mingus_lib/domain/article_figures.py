"""What an article's totals say: rates, means and one score for how well it does. Pure.

Small numbers prove little, so every part is drawn towards the library's own mean as if `PRIOR` more readers had done as
all do (an m-estimate: B. Cestnik, "Estimating probabilities", ECAI 1990; for stars it is the weighted rating that IMDb
publishes). The score is the weighted mean of the parts, 0-100; what nobody in the library ever tells is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mingus_lib.domain.report_document import rounded, share

PRIOR = 10
# Fewer readers than this are not ranked.
LEAST_READERS = 5
WEIGHTS = {"completion": 0.40, "rating": 0.25, "helpful": 0.15, "depth": 0.10, "fans": 0.10}

Totals = Mapping[str, Any]


def parts(totals: Totals) -> dict[str, tuple[float, int]]:
    """Each part of the score as a sum of values from 0 to 1, and the number of readers it is a sum over."""
    return {
        "completion": (totals["finishers"], totals["readers"]),
        # One star is the least there is: it counts as 0.
        "rating": ((totals["stars"] - totals["raters"]) / 4, totals["raters"]),
        "helpful": (totals["helped"], totals["told"]),
        "depth": (totals["depth"] / 100, totals["scrolled"]),
        # Who shares or keeps an article need not have opened it.
        "fans": (min(totals["fans"], totals["readers"]), totals["readers"]),
    }


def score(totals: Totals, library: Totals) -> float | None:
    """0-100, the higher the better; None without a reader. `library`: the sums over all articles."""
    if not totals["readers"]:
        return None
    means = {name: total / count for name, (total, count) in parts(library).items() if count}
    # Of the parts that the library knows, so that a missing one lowers no score.
    weight = sum(WEIGHTS[name] for name in means)
    found = parts(totals)
    drawn = {name: (found[name][0] + PRIOR * mean) / (found[name][1] + PRIOR) for name, mean in means.items()}
    return (
        round(100 * sum(WEIGHTS[name] * value for name, value in drawn.items()) / weight, 2)
        if weight
        else None
    )


def bayesian_stars(totals: Totals, library: Totals) -> float | None:
    """The mean of the stars, drawn towards the library's mean; None where nobody ever rated anything."""
    if not library["raters"]:
        return None
    mean = library["stars"] / library["raters"]
    return rounded((totals["stars"] + PRIOR * mean) / (totals["raters"] + PRIOR))


def figures(totals: Totals, library: Totals) -> dict[str, Any]:
    """Every figure that follows from the totals, by name; None where there is nothing to divide by."""
    shares = {
        "completion_rate": ("finishers", "readers"),
        "mean_seconds": ("seconds", "timed"),
        "mean_scroll_depth": ("depth", "scrolled"),
        "rating": ("stars", "raters"),
        "helpful_share": ("helped", "told"),
        "click_through": ("answered", "shown"),
    }
    counts = (
        "views",
        "readers",
        "starts",
        "finishes",
        "finishers",
        "bookmarks",
        "keepers",
        "shares",
        "raters",
        "shown",
    )
    return {
        **{name: totals[name] for name in counts},
        **{name: rounded(share(totals[part], totals[whole])) for name, (part, whole) in shares.items()},
        "bayesian_rating": bayesian_stars(totals, library),
        "score": score(totals, library),
        "last_read_at": totals["last_at"],
    }


NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "events", "views", "starts", "finishes", "bookmarks", "shares", "readers", "finishers", "timed", "seconds",
        "scrolled", "depth", "raters", "stars", "told", "helped", "keepers", "fans", "shown", "answered",
    ),
    0,
) | {"last_at": None}  # fmt: skip
