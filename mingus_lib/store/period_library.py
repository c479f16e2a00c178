"""What became of the library in some adjoining periods: articles, labels, reviews and what models cost."""

# ruff: noqa: S608  (statements are put together from constants of this room only)
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mingus_lib.domain.labels import SECOND_LOOK, SURE
from mingus_lib.store.database import Store
from mingus_lib.store.reading_sql import PUBLISHED, Spans
from mingus_lib.store.values import code_of

_IN = "a.status IN ('review', 'published')"
_CODE = code_of("coalesce(reason, 'unknown')")


class PeriodLibrary:
    """The library of one store. Every method may raise what Store raises."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def arrivals(self, spans: Spans) -> list[dict[str, int]]:
        """Articles that came in each span, by the status that they have now."""
        sql = f"""SELECT {spans.place("added_at")}, status, count(*) FROM articles
                  WHERE {spans.within("added_at")} GROUP BY 1, 2"""
        found: list[dict[str, int]] = [{} for _ in range(spans.count)]
        for place, status, count in self._store.rows(sql, spans.texts):
            found[place][status] = count
        return found

    def reasons(self, spans: Spans) -> list[tuple[str, int]]:
        """The codes of why pages that came in the last span were rejected, the most frequent first."""
        sql = f"""SELECT {_CODE}, count(*) FROM articles WHERE status = 'rejected' AND added_at >= ? AND added_at < ?
                  GROUP BY 1 ORDER BY 2 DESC, 1"""
        return [(row[0], row[1]) for row in self._store.rows(sql, spans.texts[-2:])]

    def hosts(self, spans: Spans, most: int) -> list[dict[str, Any]]:
        """The hosts that most came from in the last span: `came`, and `kept` in the library."""
        sql = f"""SELECT a.domain AS host, count(*) AS came, sum({_IN}) AS kept FROM articles AS a
                  WHERE added_at >= ? AND added_at < ? GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"""
        return [dict(row) for row in self._store.rows(sql, (*spans.texts[-2:], most))]

    def stock(self, spans: Spans, targets: Sequence[tuple[str, float, str]]) -> list[dict[str, int]]:
        """The library at the end of each span: `articles`, `labelled`, each phase, `scored N` and `good N` of targets.

        One pass; what has gone since then is gone, and labels are as they are now.
        """
        counted = ", ".join(
            f"count(c.{column}) AS 'scored {number}', coalesce(sum(c.{column} >= {least:f}), 0) AS 'good {number}'"
            for number, (column, least, _) in enumerate(targets)
        )
        phases = ", ".join(
            f"coalesce(sum(c.primary_phase = '{phase}'), 0) AS {phase}" for phase in ("BE", "DO", "HAVE")
        )
        sql = f"""SELECT {spans.place("a.added_at")} AS place, count(*) AS articles, count(c.article_id) AS labelled,
                    {phases}, {counted} FROM articles AS a LEFT JOIN classifications AS c ON c.article_id = a.id
                  WHERE {_IN} AND a.added_at < ?{len(spans.texts)} GROUP BY 1"""
        rows = {row["place"]: dict(row) for row in self._store.rows(sql, spans.texts)}
        return _added_up(rows, spans.count)

    def labels(self, spans: Spans) -> list[dict[str, float]]:
        """Labels made in each span: `all`, by engine, `sure` (>= 0.8), `doubtful` (< 0.7), and `confidence` summed."""
        sql = f"""SELECT {spans.place("classified_at")} AS place, engine, count(*) AS number,
                    sum(confidence_score) AS summed, sum(confidence_score >= {SURE}) AS sure,
                    sum(confidence_score < {SECOND_LOOK}) AS doubtful FROM classifications
                  WHERE {spans.within("classified_at")} GROUP BY 1, 2"""
        found: list[dict[str, float]] = [
            {"all": 0, "confidence": 0.0, "sure": 0, "doubtful": 0} for _ in range(spans.count)
        ]
        for row in self._store.rows(sql, spans.texts):
            here = found[row["place"]]
            here[f"engine {row['engine']}"] = row["number"]
            for name, column in (
                ("all", "number"),
                ("confidence", "summed"),
                ("sure", "sure"),
                ("doubtful", "doubtful"),
            ):
                here[name] += row[column]
        return found

    def reviews(self, spans: Spans) -> list[dict[str, int]]:
        """Of each span: reviews `opened`, `decided`, and those `open` at its end."""
        ends = " ".join(
            f", coalesce(sum({_open_at(place)}), 0) AS open{place}" for place in range(spans.count)
        )
        # The first column only gives the commas something to follow.
        row = self._store.rows(f"SELECT ?1 {ends} FROM label_reviews", spans.texts)[0]
        found = [{"opened": 0, "decided": 0, "open": row[f"open{place}"]} for place in range(spans.count)]
        for name, column in (("opened", "opened_at"), ("decided", "decided_at")):
            sql = f"SELECT {spans.place(column)}, count(*) FROM label_reviews WHERE {spans.within(column)} GROUP BY 1"
            for place, count in self._store.rows(sql, spans.texts):
                found[place][name] = count
        return found

    def costs(self, spans: Spans) -> list[dict[str, float]]:
        """Calls of models made in each span: `calls`, `failed`, `usd`, and `uncertain` dollars without an end."""
        sql = f"""SELECT {spans.place("at")} AS place, count(*) AS calls, sum(state = 'failed') AS failed,
                    coalesce(sum(cost_usd), 0.0) AS usd,
                    coalesce(sum(CASE WHEN state IN ('open', 'unknown') THEN reserved_usd END), 0.0) AS uncertain
                  FROM model_calls WHERE {spans.within("at")} GROUP BY 1"""
        found: list[dict[str, float]] = [
            {"calls": 0, "failed": 0, "usd": 0.0, "uncertain": 0.0} for _ in range(spans.count)
        ]
        for row in self._store.rows(sql, spans.texts):
            found[row["place"]] = {name: row[name] for name in found[0]}
        return found

    def published(self) -> int:
        """How many articles readers may be shown now."""
        return int(self._store.value(f"SELECT count(*) FROM ({PUBLISHED})"))


def _open_at(place: int) -> str:
    # Undecided, or decided later: then it was open until that moment.
    return (
        f"opened_at < ?{place + 2} AND (decided_at IS NULL AND state = 'open' OR decided_at >= ?{place + 2})"
    )


def _added_up(rows: dict[int, dict[str, int]], places: int) -> list[dict[str, int]]:
    names = [name for row in rows.values() for name in row if name != "place"]
    sums = dict.fromkeys(names, 0)
    found = []
    for place in range(places):
        for name, value in rows.get(place, {}).items():
            if name != "place":
                sums[name] += value
        found.append(dict(sums))
    return found
