"""What became of the lists: were they clicked, how much of the library do they show, and is anybody left out?"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from mingus_lib.domain.report_document import share
from mingus_lib.services.recommending import Recommender
from mingus_lib.store.list_reports import ListReports, Showing

HOSTS = 20
# Readers with so few readings have little that a list could be made from.
LITTLE_HISTORY = 5


def report(recommender: Recommender, days: int, now: datetime) -> dict[str, Any]:
    """The documented shape of `report recommendations --json`, over the last `days`."""
    reports = ListReports(recommender.lists.store)
    shown = reports.showings(now - timedelta(days=days), LITTLE_HISTORY)
    articles = reports.published()
    exposure = Counter(each.article for each in shown)
    popularity, readers = reports.popularity()
    lists = reports.hosts_of_lists()
    return {
        "days": days,
        "shown": len(shown),
        "clicked": sum(each.clicked for each in shown),
        "click_through": share(sum(each.clicked for each in shown), len(shown)),
        "readers": len({each.reader for each in shown}),
        "coverage": share(len({each.article for each in shown if each.published}), articles),
        "novelty": _mean(_bits(popularity.get(each.article, 0), readers) for each in shown),
        "diversity": _mean(lists),
        "concentration": gini(
            # What was never shown counts, too: it got nothing. More may have been shown than is published by now.
            [*exposure.values()] + [0] * max(0, articles - len(exposure))
        ),
        "by_phase": _by([each.phase or "none" for each in shown], shown),
        "by_difficulty": _by([each.difficulty or "none" for each in shown], shown),
        "by_host": _by([each.host for each in shown], shown)[:HOSTS],
        "by_history": _by(["little" if each.history < LITTLE_HISTORY else "some" for each in shown], shown),
        "evaluations": [_brief(at, figures) for at, figures in recommender.lists.evaluations(10)],
    }


def _brief(at: str, figures: dict[str, Any]) -> dict[str, Any]:
    ours = figures["mingus"]
    return {
        "at": at,
        **{name: value for name, value in ours.items() if name.startswith(("ndcg", "coverage"))},
    }


def _by(names: Sequence[str], shown: Sequence[Showing]) -> list[dict[str, Any]]:
    """Each name's share of what was shown, and how much of that was clicked; the largest first."""
    counts, clicks = Counter(names), Counter[str]()
    for name, each in zip(names, shown, strict=True):
        clicks[name] += each.clicked
    return [
        {"name": name, "share": count / len(shown), "click_through": clicks[name] / count}
        for name, count in counts.most_common()
    ]


def _bits(had_by: int, readers: int) -> float:
    # What nobody has had counts as had by one: its novelty would have no bound.
    return -math.log2(max(had_by, 1) / max(readers, 1))


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return share(sum(found), len(found))


def gini(values: Sequence[int]) -> float | None:
    """0 when all are shown alike, near 1 when one gets everything (C. Gini, 1912); None when nothing is shown."""
    total, count = sum(values), len(values)
    if not total:
        return None
    ranked = sorted(values)
    weighted = sum(place * value for place, value in enumerate(ranked, 1))
    return (2 * weighted) / (count * total) - (count + 1) / count
