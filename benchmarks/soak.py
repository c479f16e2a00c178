"""Mixed real work for an hour while processes are killed: what is lost, and what grows.

    python benchmarks/soak.py [--minutes 60] [--seed 1] [--plot FILE.svg] [--json]

A throw-away library runs as an operator would run it (`mingus up`). Addresses, newsletters and reading events come in
through the command line; pages come from a site on loopback, labels from an OpenAI-compatible server on loopback; the
timetable makes lists, reports, clean-ups and backups every minute. Once a minute a process or Redis is KILLed.
In the end all is waited for and counted. Memory, open files, Redis' memory and file sizes are looked at every two
seconds; what they are after warming up (the second quarter) is compared with the last quarter. The newest thousand
articles stay and older ones are archived, so that no memory grows because the library does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import plots
import processes
import psutil
from claims import Claim, publish
from slow_site import serve
from soak_watch import Watch, redis_of

from tests.fake_openai import FakeOpenAI

BEAT_SECONDS = 5.0
KILL_SECONDS = 60.0
ADDRESSES_A_BEAT = 4
LINKS_A_MAIL = 3
EVENTS_A_BEAT = 40
READERS = 200
# Reached before the second quarter of an hour begins.
LIVE_ARTICLES = 1_000
DRAIN_SECONDS = 120.0
TRIES = 12
WARM_MINUTES = 10
SETTINGS = """
[tasks.process_new_articles]
rate_limit = "off"
backoff = 1
retries = 10
[tasks.classify_article_batch]
rate_limit = "off"
backoff = 1
retries = 10
[tasks.process_email_articles]
backoff = 1
retries = 10
"""
# Every task of the shipped timetable, but for the mailbox, and more often: all run in two minutes.
TIMETABLE = (
    "sweep", "improve_labels", "poll_label_batches", "refit_label_model", "update_all_user_recommendations",
    "evaluate_recommendations", "update_article_analytics", "generate_daily_analytics_report",
    "generate_weekly_analytics_report", "cleanup_old_articles", "cleanup_expired_cache", "maintain_database",
)  # fmt: skip
OFTEN = "1m"


@dataclass
class Soak:
    """One run: the library, what was given to it, and what was done to it."""

    environment: dict[str, str]
    addresses: Iterator[str]
    dice: random.Random
    log: Path
    given: list[str] = field(default_factory=list)
    jobs: set[str] = field(default_factory=set)
    killed: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    mails: int = 0
    events: int = 0
    archived: int = 0
    up: subprocess.Popen[bytes] | None = None

    @property
    def home(self) -> Path:
        return Path(self.environment["MINGUS_HOME"])

    def ask(self, *arguments: str, given: str = "") -> Any:
        """The JSON of a command, tried again while its Redis is away, as a careful script would."""
        for _ in range(TRIES):
            done = subprocess.run(
                [processes.script("mingus"), *arguments],
                env=self.environment, input=given, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                return json.loads(done.stdout) if done.stdout.strip() else None
            self.refused += 1
            time.sleep(1)
        raise RuntimeError(f"mingus {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")

    def keep_up(self) -> None:
        """Start `mingus up`, or start it again after it was killed."""
        if self.up is None or self.up.poll() is not None:
            with self.log.open("ab") as log:
                self.up = subprocess.Popen(
                    [processes.script("mingus"), "up", "--concurrency", "2"],
                    env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip

    def stop(self) -> None:
        """End `mingus up`, whose workers finish their jobs."""
        if self.up is not None:
            self.up.terminate()
            self.up.wait(60)

    def feed(self) -> None:
        """One beat of what comes in: addresses, a newsletter, what readers did; and what goes, the oldest."""
        self.take(self.ask("add", "-", "--json", given="\n".join(self.next(ADDRESSES_A_BEAT))))
        self.take(self.ask("mail", "-", "--json", given=self.newsletter()))
        known = self.articles()
        self.ask("readers", "import", "-", "--json", given=self.reading(known))
        self.archive(known - LIVE_ARTICLES)

    def take(self, receipt: dict[str, Any]) -> None:
        self.jobs.update(job["id"] if isinstance(job, dict) else job for job in receipt["jobs"])

    def next(self, count: int) -> list[str]:
        fresh = [next(self.addresses) for _ in range(count)]
        self.given += fresh
        return fresh

    def newsletter(self) -> str:
        """A mail as JSON, with links that no other mail has."""
        self.mails += 1
        links = "".join(
            f'<p><a href="{url}">A long story about money and work</a></p>' for url in self.next(LINKS_A_MAIL)
        )
        return json.dumps(
            {
                "subject": f"Letter {self.mails}", "from": "letters@news.example", "html": links,
                "date": "2026-11-01T08:00:00Z", "message_id": f"<{self.mails}@news.example>",
            }
        )  # fmt: skip

    def archive(self, last: int) -> None:
        """Take the articles up to this number out of the library."""
        if last > self.archived:
            self.ask("articles", "archive", *map(str, range(self.archived + 1, last + 1)), "--json")
            self.archived = last

    def reading(self, known: int) -> str:
        """Events of readers with the newest of the articles known, which are numbered from 1."""
        if not known:
            return '{"kind": "reader", "id": "r0"}'
        lines = []
        for _ in range(EVENTS_A_BEAT):
            self.events += 1
            lines.append(
                {
                    "kind": "event", "id": f"e{self.events}", "reader": f"r{self.dice.randrange(READERS)}",
                    "article": self.dice.randint(max(1, known - LIVE_ARTICLES + 1), known),
                    "event": self.dice.choice(("viewed", "started", "finished", "bookmarked", "clicked")),
                    "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    "time_spent_seconds": self.dice.randrange(600),
                }
            )  # fmt: skip
        return "\n".join(map(json.dumps, lines))

    def articles(self) -> int:
        return sum(self.ask("status", "--json")["store"]["articles"].values())

    def kill_something(self) -> None:
        """KILL a process of `up`, of any rank, or Redis."""
        assert self.up is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = [psutil.Process(self.up.pid)]
            tree += tree[0].children(recursive=True)
            if redis := redis_of(self.home):
                tree.append(redis)
            victim = self.dice.choice(tree)
            self.killed[_rank(victim, redis, tree[0])] += 1
            victim.send_signal(signal.SIGKILL)

    def drain(self) -> list[str]:
        """Wait until nothing waits or runs; the ids of jobs that still do when none has ended for the patience."""
        before, deadline = set[str](), 0.0
        while waiting := self.open_jobs():
            # Not their number: the job of a mail that ends brings the job of its links.
            if before != set(waiting):
                before, deadline = set(waiting), time.monotonic() + DRAIN_SECONDS
            if time.monotonic() > deadline:
                return waiting
            self.keep_up()
            time.sleep(1)
        return []

    def open_jobs(self) -> list[str]:
        """Jobs of what was given that have no end yet, and their follow-ups."""
        states = ("queued", "scheduled", "started")
        found = [
            each for state in states for each in self.ask("jobs", "--state", state, "--json", "-n", "1000")
        ]
        return [each["id"] for each in found if not each["id"].startswith("cron-")]


def run(minutes: float, seed: int, plot: Path | None, *, as_json: bool) -> bool:
    """Run, print, and say whether every claim holds."""
    beats = int(minutes * 60 / BEAT_SECONDS) + 1
    pages = beats * (ADDRESSES_A_BEAT + LINKS_A_MAIL)
    with (
        processes.library(
            fetch_allow_networks="127.0.0.0/8",
            fetch_interval="0",
            results_ttl="60",
            ai_rate="50",
            # Else labels wait for tomorrow's money from the tenth minute on.
            ai_daily_budget="none",
        ) as environment,
        FakeOpenAI(latency=0.05) as model,
        serve("light", pages) as site,
    ):
        home = Path(environment["MINGUS_HOME"])
        (home / "mingus.toml").write_text(SETTINGS)
        (home / "schedules.toml").write_text(
            "".join(
                f'[{task}]\ntask = "{task}"\nevery = "{OFTEN}"\noverlap = "skip"\ncatch_up = "none"\n'
                for task in TIMETABLE
            )
        )
        environment |= {"OPENAI_API_KEY": "soak", "OPENAI_BASE_URL": model.url}
        soak = Soak(environment, iter(site.addresses), random.Random(seed), home / "up.log")
        soak.keep_up()
        with Watch(home, lambda: soak.up.pid if soak.up else None) as watch:
            _work(soak, minutes)
            left = soak.drain()
        claims, figures = _judge(soak, watch, left, model)
        # A shorter run ends before everything is warm.
        claims += watch.claims() if minutes >= WARM_MINUTES else []
        soak.stop()
    if plot:
        plot.write_text(
            plots.lines(f"{minutes:g} minutes of mixed work, a KILL every minute", watch.series())
        )
    publish(claims, figures, as_json=as_json)
    return all(claim.holds for claim in claims)


def _work(soak: Soak, minutes: float) -> None:
    begun = time.monotonic()
    next_kill = begun + KILL_SECONDS / 2
    while (now := time.monotonic()) < begun + minutes * 60:
        soak.keep_up()
        soak.feed()
        if now >= next_kill:
            soak.kill_something()
            next_kill += KILL_SECONDS
        if sys.stderr.isatty():
            told = f"{(now - begun) / 60:.1f} of {minutes:g} minutes, {len(soak.given)} addresses"
            print(f"\r{told}", end="", file=sys.stderr)
        time.sleep(max(0.0, now + BEAT_SECONDS - time.monotonic()))


def _judge(
    soak: Soak, watch: Watch, left: list[str], model: FakeOpenAI
) -> tuple[list[Claim], dict[str, Any]]:
    exported = processes.run(soak.environment, "articles", "export", "--format", "jsonl")
    stored = Counter(json.loads(line)["url"] for line in exported.splitlines())
    dead = soak.ask("dead", "list", "--json", "-n", "1000")
    everything = {each["id"]: each["state"] for each in soak.ask("jobs", "--json", "-n", "1000000")}
    states = Counter(everything.get(each, "lost") for each in soak.jobs)
    ran = {task: len(_ran(soak, task)) for task in TIMETABLE}
    disagreements = sum(each["count"] for each in soak.ask("doctor", "--jobs", "--json"))
    claims = [
        Claim("jobs accepted that did not finish", len(soak.jobs) - states["finished"], "==", 0),
        Claim("jobs left waiting", len(left), "==", 0),
        Claim("addresses accepted without their article", len(set(soak.given) - set(stored)), "==", 0),
        Claim("articles stored twice", sum(count - 1 for count in stored.values()), "==", 0),
        Claim("dead letters", len(dead), "==", 0),
        Claim(
            "tasks of the timetable that never finished", sum(not count for count in ran.values()), "==", 0
        ),
        Claim("jobs about which ledger and Redis disagree", disagreements, "==", 0),
    ]
    figures = {
        "What was done": {
            "addresses": len(soak.given), "mails": soak.mails, "events": soak.events, "archived": soak.archived,
            "jobs": len(soak.jobs),
            "kills": sum(soak.killed.values()), "commands tried again": soak.refused,
            "model calls": len(model.charged),
        },
        "Runs of the timetable that finished": ran,
        "Killed": dict(soak.killed),
        "Dead": {each["id"]: each.get("reason") for each in dead},
        "Growth, last quarter / second": watch.growth(),
        "At the end": watch.last(),
    }  # fmt: skip
    return claims, figures


def _rank(process: psutil.Process, redis: psutil.Process | None, top: psutil.Process) -> str:
    """Which kind of process of `up` it is; all have one command line."""
    if process == redis:
        return "Redis"
    if process == top:
        return "mingus up"
    return "a service of it" if process.ppid() == top.pid else "a process that does jobs"


def _ran(soak: Soak, task: str) -> list[str]:
    """The runs of the timetable's task that finished."""
    found = soak.ask("jobs", "--task", task, "--state", "finished", "--json", "-n", "1000000")
    return [each["id"] for each in found if each["id"].startswith("cron-")]


def main() -> None:
    """Run and print; exit 1 when a claim does not hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    sys.exit(not run(told.minutes, told.seed, told.plot, as_json=told.json))


if __name__ == "__main__":
    main()
