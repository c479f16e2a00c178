"""Every figure of a periodic report once more, by loops over all rows: slow, and with nothing of the real way in it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from mingus_lib.store.database import Store

LEVELS = ("Beginner", "Intermediate", "Advanced")
TARGETS = {
    "confidence_score": 0.8, "cultural_sensitivity": 8, "actionability_score": 7, "professional_development_value": 8,
}  # fmt: skip
TABLES = (
    "articles", "classifications", "label_reviews", "model_calls", "readers", "assessments", "events", "mails",
    "mail_links", "article_outcomes", "job_runs", "job_attempts", "schedule_slots", "worker_starts",
)  # fmt: skip


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


class Brute:
    """All rows of a store, looked at with a time zone's dates."""

    def __init__(self, store: Store, zone: str, budget: float | None = None) -> None:
        self.rows = {table: [dict(row) for row in store.rows(f"SELECT * FROM {table}")] for table in TABLES}
        self.zone, self.budget = ZoneInfo(zone), budget

    def day(self, text: str) -> date:
        return datetime.fromisoformat(text).astimezone(self.zone).date()

    def begun(self) -> date:
        times = [row["added_at"] for row in self.rows["articles"]]
        times += [row["at"] for row in self.rows["events"] if row["kind"] != "recommended"]
        return min(map(self.day, times))

    def figures(self, start: date, end: date) -> dict[tuple[str, str], Any]:
        """By section and key, over the days from start to before end."""

        def inside(text: str | None) -> bool:
            return text is not None and start <= self.day(text) < end

        found: dict[tuple[str, str], Any] = {}
        parts: dict[str, Callable[[Callable[[str | None], bool], date, date], dict[str, Any]]] = {
            "library": self._library, "readers": self._readers, "reading": self._reading, "funnel": self._funnel,
            "classification": self._classification, "recommendations": self._recommendations,
            "operations": self._operations,
        }  # fmt: skip
        for section, part in parts.items():
            found |= {(section, key): value for key, value in part(inside, start, end).items()}
        return found

    def _library(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        came = [row["status"] for row in self.rows["articles"] if inside(row["added_at"])]
        labels = {row["article_id"]: row for row in self.rows["classifications"]}
        stock = [
            row["id"]
            for row in self.rows["articles"]
            if row["status"] in ("published", "review") and self.day(row["added_at"]) < end
        ]
        mine = [labels[number] for number in stock if number in labels]
        found: dict[str, Any] = {
            "added": sum(status in ("published", "review", "archived") for status in came),
            "rejected": came.count("rejected"),
            "held": came.count("held"),
            "articles": len(stock),
        }
        for phase in ("BE", "DO", "HAVE"):
            found[f"mix_{phase}"] = ratio(sum(row["primary_phase"] == phase for row in mine), len(mine))
        for column, least in TARGETS.items():
            scored = [row[column] for row in mine if row[column] is not None]
            found[f"target_{column}"] = ratio(sum(value >= least for value in scored), len(scored))
        return found

    def _done(self, start: date, end: date) -> list[dict[str, Any]]:
        return [
            row
            for row in self.rows["events"]
            if row["kind"] != "recommended" and start <= self.day(row["at"]) < end
        ]

    def _readers(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        active = {row["reader"] for row in self._done(start, end)}
        before = {row["reader"] for row in self._done(date.min, start)}
        found = {
            "active": len(active),
            "active_7": len({row["reader"] for row in self._done(end - timedelta(7), end)}),
            "active_30": len({row["reader"] for row in self._done(end - timedelta(30), end)}),
            "new": len(active - before),
            "returning": len(active & before),
            "registered": sum(inside(row["created_at"]) for row in self.rows["readers"]),
        }
        highest = [max(self._levels(reader, end)) for reader in active]
        return found | {f"level_{name}": highest.count(place) for place, name in enumerate(LEVELS)}

    def _levels(self, reader: int, end: date) -> tuple[int, ...]:
        taken = [
            row
            for row in self.rows["assessments"]
            if row["reader"] == reader and row["is_valid"] and self.day(row["taken_at"]) < end
        ]
        return levels(max(taken, key=lambda row: row["taken_at"])) if taken else (0, 0, 0)

    def _reading(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        pairs: defaultdict[tuple[int, int], list[dict[str, Any]]] = defaultdict(list)
        for row in self._done(start, end):
            pairs[row["article"], row["reader"]].append(row)
        readings = list(map(pair, pairs.values()))
        opened = [each for each in readings if each["opened"]]
        articles = {article for (article, _), each in zip(pairs, readings, strict=True) if each["opened"]}

        def told(name: str) -> list[float]:
            return [each[name] for each in readings if each[name] is not None]

        return {
            "readings": len(opened),
            "articles_read": len(articles),
            **{
                name: sum(each[name] for each in readings)
                for name in ("views", "starts", "bookmarks", "shares")
            },
            "finishers": sum(each["finished"] for each in readings),
            "completion": ratio(sum(each["finished"] for each in readings), len(opened)),
            "mean_seconds": ratio(sum(told("seconds")), len(told("seconds"))),
            "mean_depth": ratio(sum(told("depth")), len(told("depth"))),
            "raters": len(told("stars")),
            "rating": ratio(sum(told("stars")), len(told("stars"))),
            "helpful": ratio(sum(told("helped")), len(told("helped"))),
            "unlocks": self._unlocks(inside),
        }

    def _unlocks(self, inside: Any) -> int:
        found = 0
        for reader in {row["reader"] for row in self.rows["assessments"]}:
            had: tuple[int, ...] = (0, 0, 0)
            for row in sorted(self.rows["assessments"], key=lambda row: str(row["taken_at"])):
                if row["reader"] == reader and row["is_valid"]:
                    now = levels(row)
                    if inside(row["taken_at"]):
                        found += sum(max(0, new - old) for old, new in zip(had, now, strict=True))
                    had = now
        return found

    def _funnel(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        mails = {row["id"] for row in self.rows["mails"] if inside(row["stored_at"])}
        links = [row for row in self.rows["mail_links"] if row["mail_id"] in mails]
        ends = {(row["job_id"], row["url"]): row["outcome"] for row in self.rows["article_outcomes"]}
        sent = [ends.get((row["job_id"], row["target"])) for row in links if row["decision"] == "fetch"]
        return {
            "mails": len(mails),
            "found": len(links),
            "known": sum(row["decision"] == "known" for row in links),
            "dropped": sum(row["decision"] == "drop" for row in links),
            "sent": len(sent),
            "fetched": sum(each is not None for each in sent),
            "kept": sent.count("added"),
            "duplicate": sent.count("duplicate"),
            "rejected": sent.count("rejected"),
            "failed": sent.count("failed"),
            "waiting": sent.count(None),
            "yield": ratio(sent.count("added"), len(links)),
        }

    def _classification(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        sure = [
            row["confidence_score"] for row in self.rows["classifications"] if inside(row["classified_at"])
        ]
        reviews = self.rows["label_reviews"]
        calls = [row for row in self.rows["model_calls"] if inside(row["at"])]
        cost = sum(row["cost_usd"] for row in calls)
        uncertain = sum(row["reserved_usd"] for row in calls if row["state"] in ("open", "unknown"))
        found = {
            "labels": len(sure),
            "sure": ratio(sum(each >= 0.8 for each in sure), len(sure)),
            "doubtful": ratio(sum(each < 0.7 for each in sure), len(sure)),
            "confidence": ratio(sum(sure), len(sure)),
            "reviews_open": sum(
                self.day(row["opened_at"]) < end
                and (
                    row["state"] == "open"
                    if row["decided_at"] is None
                    else self.day(row["decided_at"]) >= end
                )
                for row in reviews
            ),
            "reviews_opened": sum(inside(row["opened_at"]) for row in reviews),
            "reviews_decided": sum(inside(row["decided_at"]) for row in reviews),
            "calls": len(calls),
            "failed_calls": sum(row["state"] == "failed" for row in calls),
            "cost": cost,
            "uncertain": uncertain,
        }
        if self.budget:
            found["budget"] = (cost + uncertain) / (self.budget * (end - start).days)
        return found

    def _recommendations(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        shown: dict[tuple[int, int], datetime] = {}
        for row in self.rows["events"]:
            if row["kind"] == "recommended" and inside(row["at"]):
                key, at = (row["article"], row["reader"]), datetime.fromisoformat(row["at"])
                shown[key] = min(at, shown.get(key, at))
        answered = {
            key
            for row in self._done(start, end)
            if row["kind"] != "unbookmarked"
            and (key := (row["article"], row["reader"])) in shown
            and datetime.fromisoformat(row["at"]) >= shown[key]
        }
        published = {
            row["id"] for row in self.rows["articles"] if row["status"] == "published" and row["is_active"]
        }
        return {
            "shown": len(shown),
            "answered": len(answered),
            "click_through": ratio(len(answered), len(shown)),
            "shown_readers": len({reader for _, reader in shown}),
            "coverage": ratio(len(published & {article for article, _ in shown}), len(published)),
        }

    def _operations(self, inside: Any, start: date, end: date) -> dict[str, Any]:
        jobs = [row for row in self.rows["job_runs"] if inside(row["created_at"])]
        runs = [
            row
            for row in self.rows["job_attempts"]
            if start <= date.fromisoformat(row["ended_at"][:10]) < end
        ]
        failed = sum(row["state"] in ("dead", "lost") for row in runs)
        lags = sorted(
            max(0.0, seconds(row["slot"], row["decided_at"]))
            for row in self.rows["schedule_slots"]
            if row["outcome"] == "enqueued" and inside(row["decided_at"])
        )
        return {
            "jobs": len(jobs),
            "runs": len(runs),
            "failed_runs": ratio(failed, len(runs)),
            "retries": sum(max(0, row["attempts"] - 1) for row in jobs),
            "dead": sum(row["state"] == "dead" and inside(row["ended_at"]) for row in self.rows["job_runs"]),
            "lag_p50": lags[math.ceil(0.5 * len(lags)) - 1] if lags else None,
            "lag_p95": lags[math.ceil(0.95 * len(lags)) - 1] if lags else None,
            "missed": sum(
                row["slots"]
                for row in self.rows["schedule_slots"]
                if row["outcome"] == "missed" and inside(row["decided_at"])
            ),
            "worker_starts": sum(inside(row["at"]) for row in self.rows["worker_starts"]),
            "lost": sum(row["state"] == "lost" for row in runs),
        }

    def durations(self, start: date, end: date) -> list[float]:
        """Seconds of the runs that ended on these UTC days, ascending."""
        return sorted(
            seconds(row["started_at"], row["ended_at"])
            for row in self.rows["job_attempts"]
            if start <= date.fromisoformat(row["ended_at"][:10]) < end
        )

    def article(self, number: int) -> dict[str, Any]:
        """The totals of one article over all time."""
        pairs: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows["events"]:
            if row["article"] == number:
                pairs[row["reader"]].append(row)
        return total([pair(rows) for rows in pairs.values()])


def total(readings: list[dict[str, Any]]) -> dict[str, Any]:
    def told(name: str) -> list[Any]:
        return [each[name] for each in readings if each[name] is not None]

    counts = ("events", "views", "starts", "finishes", "bookmarks", "shares")
    return {
        **{name: sum(each[name] for each in readings) for name in counts},
        "readers": sum(each["opened"] for each in readings),
        "finishers": sum(each["finished"] for each in readings),
        "timed": len(told("seconds")),
        "seconds": sum(told("seconds")),
        "scrolled": len(told("depth")),
        "depth": sum(told("depth")),
        "raters": len(told("stars")),
        "stars": sum(told("stars")),
        "told": len(told("helped")),
        "helped": sum(told("helped")),
        "keepers": sum(each["kept"] for each in readings),
        "fans": sum(each["kept"] or each["shares"] > 0 for each in readings),
        "shown": sum(each["shown"] for each in readings),
        "answered": sum(each["answered"] for each in readings),
        "last_at": max(told("last_at"), default=None),
    }


def pair(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """What one reader did with one article."""
    kinds = [row["kind"] for row in rows]
    done = [row for row in rows if row["kind"] != "recommended"]
    shown = [row["at"] for row in rows if row["kind"] == "recommended"]
    signs = [row["at"] for row in done if row["kind"] != "unbookmarked"]

    def most(name: str) -> int | None:
        return max((row[name] for row in rows if row[name] is not None), default=None)

    def last(chosen: Iterable[tuple[str, int]]) -> int | None:
        # Of two words in one second the greater counts.
        return max(chosen, default=("", None))[1]

    marks = [
        (row["at"], int(row["kind"] == "bookmarked")) for row in rows if row["kind"].endswith("bookmarked")
    ]
    return {
        "events": len(done),
        "views": kinds.count("viewed"),
        "starts": kinds.count("started"),
        "finishes": kinds.count("finished"),
        "bookmarks": kinds.count("bookmarked"),
        "shares": kinds.count("shared"),
        "opened": bool({"viewed", "started", "finished"} & set(kinds)),
        "finished": "finished" in kinds,
        "seconds": most("time_spent_seconds"),
        "depth": most("scroll_depth"),
        "stars": last((row["at"], row["rating"]) for row in rows if row["rating"] is not None),
        "helped": last((row["at"], row["found_helpful"]) for row in rows if row["found_helpful"] is not None),
        "kept": bool(last(marks)),
        "shown": bool(shown),
        "answered": bool(shown and signs and max(signs) >= min(shown)),
        "last_at": max((row["at"] for row in done), default=None),
    }


def levels(assessment: dict[str, Any]) -> tuple[int, ...]:
    scores = (assessment["be_score"], assessment["do_score"], assessment["have_score"])
    return tuple(2 if score >= 80 else 1 if score >= 60 else 0 for score in scores)


def seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
