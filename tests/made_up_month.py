"""A month in the life of a library, made up and the same for a seed: articles, labels, readers, mails, jobs, costs.

Rows are written as they lie in the tables, so that times, states and gaps are the test's own.
"""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from mingus_lib.store.article_totals import ArticleTotals
from mingus_lib.store.database import Store

BEGUN = datetime(2026, 9, 28, 5, 30, tzinfo=UTC)
DAYS = 45
TOPICS = ("budgeting", "investing", "networking", "taxes", "mindset", "credit")
KINDS = (
    "viewed",
    "started",
    "finished",
    "bookmarked",
    "unbookmarked",
    "rated",
    "shared",
    "recommended",
    "clicked",
)
OFTEN = (30, 20, 18, 4, 2, 5, 3, 14, 4)
STATUSES = (
    "published",
    "published",
    "published",
    "review",
    "rejected",
    "rejected",
    "held",
    "archived",
    "pending",
)
REASONS = ("too-short: 12 words", "not-english", "error-page: 404", None)


def micro(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Month:
    """Fills a store. `scale` multiplies readers and events."""

    def __init__(self, store: Store, seed: int = 1, scale: int = 1) -> None:
        self.store, self.chance, self.scale = store, random.Random(seed), scale
        self.articles = list(range(1, 61))
        self.readers = list(range(1, 40 * scale + 1))

    def fill(self) -> Month:
        with self.store.transaction():
            for part in (self._articles, self._readers, self._events, self._mails, self._costs, self._jobs):
                part()
        return self

    def _put(self, table: str, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
            self.store.execute(sql, tuple(row.values()))

    def _when(self, days: int = DAYS) -> datetime:
        """Often on the hour, so that the edges of days are tried, too."""
        moment = BEGUN + timedelta(seconds=self.chance.randrange(days * 86_400))
        if self.chance.random() < 0.2:
            moment = moment.replace(minute=0, second=0) + timedelta(hours=self.chance.choice((0, 1)))
        return moment

    def _articles(self) -> None:
        draw = self.chance
        for number in self.articles:
            status, added = draw.choice(STATUSES), micro(self._when())
            reason = draw.choice(REASONS) if status == "rejected" else None
            url = f"https://host{number % 7}.example/{number}"
            self._put("articles", [{
                "id": number, "url": url, "canonical_url": url, "domain": f"host{number % 7}.example",
                "title": f"Article {number} on {TOPICS[number % 6]}", "added_at": added, "updated_at": added,
                "status": status, "reason": reason,
            }])  # fmt: skip
            if status in ("published", "review", "archived") and draw.random() < 0.85:
                self._label(number)

    def _label(self, number: int) -> None:
        draw = self.chance
        self._put("classifications", [{
            "article_id": number, "primary_phase": draw.choice(("BE", "DO", "HAVE")),
            "difficulty_level": draw.choice(("Beginner", "Intermediate", "Advanced")),
            "confidence_score": draw.choice((0.55, 0.69, 0.7, 0.8, 0.95)),
            "cultural_sensitivity": draw.choice((None, 3, 8, 9)), "actionability_score": draw.choice((None, 6, 7, 9)),
            "professional_development_value": draw.choice((None, 7, 8, 10)),
            "key_topics": json.dumps(draw.sample(TOPICS, 2)), "engine": draw.choice(("openai", "offline")),
            "classified_at": micro(self._when()),
        }])  # fmt: skip
        if draw.random() < 0.5:
            opened = self._when()
            decided = opened + timedelta(hours=draw.randrange(200)) if draw.random() < 0.6 else None
            state = "open" if decided is None else draw.choice(("accepted", "overridden"))
            self._put("label_reviews", [{
                "article_id": number, "state": state, "opened_at": micro(opened),
                "decided_at": decided and micro(decided),
            }])  # fmt: skip

    def _readers(self) -> None:
        draw = self.chance
        for number in self.readers:
            self._put(
                "readers", [{"number": number, "id": f"reader{number}", "created_at": micro(self._when())}]
            )
            for taken in sorted({micro(self._when()) for _ in range(draw.randrange(4))}):
                scores = {
                    f"{name}_score": draw.choice((20.0, 59.0, 60.0, 79.0, 80.0, 95.0))
                    for name in ("be", "do", "have")
                }
                self._put("assessments", [{"reader": number, "taken_at": taken, **scores,
                                           "is_valid": int(draw.random() < 0.85)}])  # fmt: skip

    def _events(self) -> None:
        for number in range(2_500 * self.scale):
            self._put("events", [self.event(number, self.chance.choice(self.readers))])
        # The rows went past the way in that notes them.
        ArticleTotals(self.store).doubt_all()

    def event(self, number: int, reader: int) -> dict[str, Any]:
        draw = self.chance
        kind = draw.choices(KINDS, OFTEN)[0]
        told = kind in ("viewed", "started", "finished")
        return {
            "reader": reader, "id": f"e{number}", "kind": kind,
            # Some are of articles that nobody knows any more.
            "article": draw.choice((*self.articles[:12], *self.articles, 999)),
            "at": self._when().isoformat(timespec="seconds"),
            "time_spent_seconds": draw.choice((None, 5, 60, 61, 300, 4_000)) if told else None,
            "scroll_depth": draw.choice((None, 0, 40, 100)) if told else None,
            "found_helpful": draw.choice((None, 0, 1)) if kind in ("finished", "rated") else None,
            "device": draw.choice((None, "mobile", "desktop", "tablet")) if told else None,
            "source": draw.choice((None, "letter", "search")) if told else None,
            "rating": draw.randrange(1, 6) if kind == "rated" else None,
        }  # fmt: skip

    def _mails(self) -> None:
        draw = self.chance
        for mail in range(1, 40):
            self._put("mails", [{
                "id": mail, "identity": f"id:{mail}", "subject": "x", "sender": f"letter{mail % 3}@a.example",
                "sender_name": "", "stored_at": micro(self._when()), "source": "imap", "size": 1, "state": "done",
            }])  # fmt: skip
            for position in range(draw.randrange(6)):
                self._link(mail, position)

    def _link(self, mail: int, position: int) -> None:
        draw = self.chance
        decision = draw.choice(("fetch", "fetch", "fetch", "known", "drop"))
        url, job = f"https://l.example/{mail}/{position}", f"job{mail}" if decision == "fetch" else None
        self._put("mail_links", [{
            "mail_id": mail, "position": position, "url": url, "target": url, "anchor": "", "place": "html",
            "hidden": 0,
            "wrappers": draw.choice(("[]", '["utm"]')), "decision": decision,
            "reason": "unsubscribe: x" if decision == "drop" else None, "host": "l.example", "quality": 0.5,
            "job_id": job,
        }])  # fmt: skip
        if job and draw.random() < 0.8:
            outcome = draw.choice(("added", "duplicate", "rejected", "failed"))
            self._put("article_outcomes", [{
                "job_id": job, "position": position, "url": url, "outcome": outcome, "article_id": None,
                "reason": "too-short: x" if outcome in ("rejected", "failed") else None, "at": micro(self._when()),
            }])  # fmt: skip

    def _costs(self) -> None:
        draw = self.chance
        for number in range(120):
            state = draw.choice(("answered", "answered", "failed", "unknown"))
            self._put("model_calls", [{
                "at": micro(self._when()), "state": state, "answer_key": f"k{number}", "model": "cheap",
                "prompt_version": "1", "reserved_usd": 0.25, "cost_usd": 0.125 if state == "answered" else 0.0,
            }])  # fmt: skip

    def _jobs(self) -> None:
        draw = self.chance
        for number in range(200):
            created = self._when()
            began, attempts = created + timedelta(seconds=draw.randrange(90)), draw.choice((1, 1, 1, 2, 3))
            ended, state = (
                began + timedelta(milliseconds=draw.randrange(60_000)),
                draw.choice(("finished", "finished", "dead")),
            )
            task = draw.choice(("sweep", "ping", "process_new_articles"))
            self._put("job_runs", [{
                "id": f"j{number}", "task": task, "queue": "cleanup", "args": "{}", "state": state, "origin": "cli",
                "created_at": micro(created), "started_at": micro(began), "ended_at": micro(ended),
                "attempts": attempts,
            }])  # fmt: skip
            self._put("job_attempts", [{
                "job_id": f"j{number}", "attempt": attempt, "started_at": micro(began), "ended_at": micro(ended),
                "state": state if attempt == attempts else draw.choice(("dead", "lost")),
            } for attempt in range(1, attempts + 1)])  # fmt: skip
            self._put("schedule_slots", [{
                "name": task, "slot": micro(created), "outcome": draw.choice(("enqueued", "enqueued", "missed")),
                "decided_at": micro(created + timedelta(milliseconds=draw.randrange(5_000))), "slots": 1,
            }])  # fmt: skip
        self._put(
            "worker_starts", [{"at": micro(self._when()), "worker": f"w{number}"} for number in range(20)]
        )
