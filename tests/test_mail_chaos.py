"""A Maildir of 200 mails through workers killed at random, and the same undisturbed: one set of articles.

A part of it in the normal run; all of it with MINGUS_TEST_CRASH=1 (`make crash`).
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from mingus_lib.errors import NotFound
from mingus_lib.queues import embedded
from mingus_lib.store.summary import read_summary
from tests.conftest import CommandLine, wait_for
from tests.crash_lab import WHOLE
from tests.sites import Reply, Site, Sites
from tests.test_chaos import Crew, word
from tests.test_services_ingest import page

MAILS = 200 if WHOLE else 40
KILLS = 40 if WHOLE else 4
HOSTS = 6
PER_MAIL = 4
SEED = int(os.environ.get("MINGUS_TEST_SEED", "1"))


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as running:
        yield running


def story(number: int) -> str:
    return f"/a-story-of-{word(number)}"


def fill(folder: Path, sites: list[Site]) -> set[str]:
    """Mails whose links overlap, some behind trackers; the addresses of the articles they lead to."""
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    targets: set[str] = set()
    for number in range(MAILS):
        stories = [(number * PER_MAIL + offset * 7) % (MAILS * 2) for offset in range(PER_MAIL)]
        urls = []
        for each in stories:
            site = sites[each % HOSTS]
            targets.add(site.on(story(each), Reply(page(word(each)))))
            urls.append(site.url(story(each)))
        body = "\n".join((*urls, "Unsubscribe: https://a.example/unsubscribe/1"))
        text = f"From: n{number % 5}@a.example\nMessage-ID: <{number}@x>\nSubject: {number}\n\n{body}\n"
        (folder / "new" / f"{number}.host").write_text(text)
    return targets


def revive(mingus: CommandLine) -> None:
    """A job that was killed three times is dead by rights; an operator has it run again. Nothing else may be dead."""
    reasons = {job["reason"].partition(":")[0] for job in mingus("dead", "list", "--json").json}
    assert reasons <= {"killed-its-worker"}
    mingus("dead", "requeue", "--error", "killed-its-worker")


def settle(mingus: CommandLine, crew: Crew, mails: int) -> None:
    """Wait until every mail is done and no job is left."""

    def settled() -> bool:
        crew.fill()
        states = mingus("mails", "list", "--json", "-n", "1000").json
        queues = mingus("queues", "--json").json
        if any(queue["dead"] for queue in queues):
            revive(mingus)
            return False
        waiting = sum(queue[key] for queue in queues for key in ("queued", "scheduled", "started"))
        return len(states) == mails and all(mail["state"] == "done" for mail in states) and not waiting

    wait_for(settled, "the last job")


def test_killed_workers_end_in_the_same_articles(mingus: CommandLine, sites: Sites, tmp_path: Path) -> None:
    dice = random.Random(SEED)
    box = tmp_path / "Maildir"
    targets = fill(box, [sites.add() for _ in range(HOSTS)])
    mingus.home.mkdir()
    (mingus.home / "mingus.toml").write_text(
        '[tasks.classify_article_batch]\nrate_limit = "off"\n'
        '[tasks.process_new_articles]\nrate_limit = "off"\nbackoff = 1\n'
    )
    crew = Crew(
        mingus, tmp_path / "log", queues=("email_processing", "article_processing", "ai_classification")
    )
    feeder = mingus.start("mail", str(box))
    try:
        for _ in range(KILLS):
            crew.fill()
            before = _articles(mingus)
            if before < len(targets):
                wait_for(partial(_moved, mingus, crew, before), "progress")
            crew.kill_one(dice)
        with suppress(ProcessLookupError):
            feeder.send_signal(signal.SIGKILL)
        feeder.communicate()
        assert mingus("mail", str(box)).code == 0
        settle(mingus, crew, MAILS)
    finally:
        feeder.kill()
        feeder.communicate()
        crew.stop()
        embedded.stop(mingus.home)
    assert sum(crew.killed.values()) > 0
    found = mingus("articles", "list", "--json", "-n", "10000").json
    assert {article["canonical_url"] for article in found} == targets
    assert len(found) == len(targets)
    total = mingus("mails", "links", "--by", "reason", "--json").json
    assert sum(row["kept"] for row in total) == len(targets)
    assert mingus("db", "check").code == 0


def _moved(mingus: CommandLine, crew: Crew, before: int) -> bool:
    crew.fill()
    return _articles(mingus) > before


def _articles(mingus: CommandLine) -> int:
    try:
        return sum(read_summary(mingus.home / "mingus.db").articles.values())
    except NotFound:
        return 0
