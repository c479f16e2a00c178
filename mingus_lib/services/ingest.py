"""Addresses in, articles out: what a process_new_articles job does.

Fetching runs on threads, one per host at a time; reading and storing on the calling thread. Each
address's outcome is stored with its article in one transaction, so that a job that is killed or
retried goes on where it was. Longer than 300 lines on purpose: the way of an address, read as one.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from queue import Empty, Full
from queue import Queue as Handover

from mingus_lib.clients.web import OutOfTime, Web
from mingus_lib.domain.drafts import draft_article, held_article
from mingus_lib.domain.extract import extract
from mingus_lib.domain.library import HostPolicy
from mingus_lib.domain.models import (
    ArticleDraft,
    FetchedPage,
    ItemOutcome,
    Outcome,
    QualityPolicy,
)
from mingus_lib.domain.quality import assess
from mingus_lib.domain.urls import canonical, host_of
from mingus_lib.errors import MingusError, PermanentError, TransientError, UsageError
from mingus_lib.queues.context import JobContext
from mingus_lib.services.trackers import Following, Unwanted
from mingus_lib.store.article_rows import PLACEHOLDERS
from mingus_lib.store.articles import Articles
from mingus_lib.store.hosts import Hosts

log = logging.getLogger("mingus.ingest")

# So soon a thread notices that nobody takes its page any more.
HAND_OVER_SECONDS = 0.5


@cache
def load_readers() -> None:
    """Load what reading an English page needs: about half a second, once in a process."""
    body = f"<html><body><article><p>{'A plain sentence to read. ' * 40}</p></article></body></html>"
    read = extract(body.encode(), content_type="text/html", charset="utf-8", url="http://localhost/")
    assess(read, url="http://localhost/", policy=QualityPolicy())


@dataclass(slots=True)
class IngestResult:
    """What became of a job's addresses. `fresh` are the ids of articles to be labelled."""

    outcomes: list[ItemOutcome] = field(default_factory=list)
    fresh: list[int] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    bug: Exception | None = None
    retry_after: float | None = None
    # Seconds until the first host of `left_over` may be asked again.
    pause: float = 0.0

    @property
    def waiting(self) -> list[ItemOutcome]:
        """The addresses that failed for now."""
        return [item for item in self.outcomes if not item.final]

    def release_waiting(self) -> list[str]:
        """The addresses that failed for now, for another job to try again; they leave this result."""
        urls = [item.url for item in self.waiting]
        self.outcomes = [item for item in self.outcomes if item.final]
        return urls

    def raise_for_unfinished(self) -> None:
        """A bug first; else TransientError when some addresses want another attempt."""
        if self.bug is not None:
            raise self.bug
        if self.waiting:
            first = self.waiting[0]
            raise TransientError(
                f"{len(self.waiting)} of {len(self.outcomes)} addresses failed for now, the first is "
                f"{first.url}: {first.reason}",
                code="unfinished",
                retry_after=self.retry_after,
            )

    def as_json(self) -> list[dict[str, str | int | None]]:
        """The job's result: one object per address."""
        return [item.as_json() for item in self.outcomes]


@dataclass(frozen=True, slots=True)
class _Address:
    position: int
    url: str
    canonical_url: str


@dataclass(frozen=True, slots=True)
class Ingest:
    """Bound to its clients and store by runtime.py."""

    web: Web
    articles: Articles
    hosts: Hosts
    quality: QualityPolicy
    concurrency: int = 16
    hold_unknown_hosts: bool = False

    def process(self, urls: Sequence[str], *, job: JobContext, force: bool = False) -> IngestResult:
        """Bring every address to its outcome, or as many as the job's time allows.

        Failures of single addresses are outcomes, never exceptions. Raises StoreUnavailable or
        RedisUnavailable when mingus itself cannot work.
        """
        run = _Run(self, urls, job, force)
        run.settle_without_fetching()
        for address, fetched in _fetch_all(
            self.web, run.following, run.to_fetch, self.concurrency, run.stop_at, run.give_up_at
        ):
            run.conclude(address, fetched)
        return run.result()


class _Run:
    """One call of Ingest.process."""

    def __init__(self, ingest: Ingest, urls: Sequence[str], job: JobContext, force: bool) -> None:
        self.ingest = ingest
        # Outcomes are kept by job and address: one that stands here twice has only one.
        self.urls = list(dict.fromkeys(urls))
        self.job = job
        self.force = force
        self.stop_at, self.give_up_at = job.stop_at(), job.give_up_at()
        self.to_fetch: list[_Address] = []
        self.first_spelling: dict[str, str] = {}
        self.second_spellings: list[_Address] = []
        self.done = {item.url: item for item in ingest.articles.outcomes(job.id) if item.final}
        self.earlier = frozenset(self.done)
        self.left_over: list[str] = []
        self.pauses: list[float] = []
        self.bug: Exception | None = None
        self.retry_after: float | None = None
        self.following = Following(ingest.hosts, ingest.hold_unknown_hosts)

    def settle_without_fetching(self) -> None:
        """Conclude what needs no request: bad, known, denied and held addresses."""
        for position, url in enumerate(self.urls):
            address = self._admit(position, url) if url not in self.done else None
            if address is None:
                continue
            if self.first_spelling.setdefault(address.canonical_url, url) == url:
                self.to_fetch.append(address)
            else:
                self.second_spellings.append(address)

    def _admit(self, position: int, url: str) -> _Address | None:
        try:
            address = canonical(url)
        except MingusError as error:
            self._note(position, ItemOutcome(url, Outcome.FAILED, None, error.reason))
            return None
        known = self.ingest.articles.known(address)
        if known is not None and known.status not in PLACEHOLDERS and not self.force:
            why = f"same-address: known as article {known.id}"
            self._note(position, ItemOutcome(url, Outcome.DUPLICATE, known.id, why))
            return None
        return self._admit_host(_Address(position, url, address))

    def _admit_host(self, address: _Address) -> _Address | None:
        host = host_of(address.canonical_url)
        policy = self.ingest.hosts.policy(host)
        if policy.policy is HostPolicy.DENY:
            why = f"denied-host: {host} is denied; `mingus hosts allow {host}` changes that"
            self._note(address.position, ItemOutcome(address.url, Outcome.REJECTED, None, why))
            return None
        held = policy.policy is HostPolicy.UNKNOWN and self.ingest.hold_unknown_hosts and not self.force
        # Where a tracker leads is what counts, and that is not known yet.
        if held and not self.following.follows(address.url):
            draft = held_article(address.url, address.canonical_url, source_quality=policy.quality)
            self._store(address, draft)
            return None
        return address

    def conclude(self, address: _Address, fetched: FetchedPage | Exception) -> None:
        """Turn what the fetch brought into the address's outcome."""
        if isinstance(fetched, FetchedPage):
            try:
                self._read(address, fetched)
            except (PermanentError, UsageError) as error:
                self._fail(address, error)
            # Of the store or of Redis: mingus itself cannot work.
            except MingusError:
                raise
            except Exception as error:
                # The other pages must not pay for a bug met on this one; the job reports it at its end.
                log.exception("reading %s", address.url, extra={"job_id": self.job.id})
                self.bug = error
        # Unwanted and OutOfTime are errors of ours, too: they have to be asked for first.
        elif isinstance(fetched, Unwanted):
            self._note(address.position, ItemOutcome(address.url, Outcome.REJECTED, None, fetched.reason))
        elif isinstance(fetched, OutOfTime):
            self.left_over.append(address.url)
            self.pauses.append(fetched.retry_after or 0.0)
        elif isinstance(fetched, MingusError):
            self._fail(address, fetched)
        else:
            self.bug = fetched

    def _read(self, address: _Address, page: FetchedPage) -> None:
        if self.following.holds(address.url, page.final_url) and not self.force:
            rule = self.ingest.hosts.policy(host_of(page.final_url))
            final = canonical(page.final_url)
            self._store(address, held_article(address.url, final, source_quality=rule.quality))
            return
        read = extract(page.body, content_type=page.content_type, charset=page.charset, url=page.final_url)
        verdict = assess(read, url=page.final_url, policy=self.ingest.quality)
        # Of the host where the page is: the address that was asked for may be a tracker's.
        quality = self.ingest.hosts.policy(host_of(page.final_url)).quality
        draft = draft_article(page, read, verdict, url=address.url, source_quality=quality)
        self._store(address, draft)

    def _store(self, address: _Address, draft: ArticleDraft) -> None:
        item = self.ingest.articles.record(
            draft,
            job_id=self.job.id,
            position=address.position,
            now=datetime.now(UTC),
            force=self.force,
            asked=address.canonical_url,
        )
        self._remember(item)

    def _fail(self, address: _Address, error: MingusError) -> None:
        # After the last attempt nobody comes back for it: what failed for now has failed.
        final = not isinstance(error, TransientError) or self.job.last_attempt
        if isinstance(error, TransientError) and error.retry_after:
            # The longest wait that a host has asked for: the addresses are tried again together.
            self.retry_after = max(self.retry_after or 0.0, error.retry_after)
        self._note(
            address.position, ItemOutcome(address.url, Outcome.FAILED, None, error.reason, final=final)
        )

    def _note(self, position: int, item: ItemOutcome) -> None:
        self.ingest.articles.note_outcome(self.job.id, position, item, now=datetime.now(UTC))
        self._remember(item)

    def _remember(self, item: ItemOutcome) -> None:
        self.done[item.url] = item
        self.job.report(len(self.done), len(self.urls), item.url)

    def result(self) -> IngestResult:
        """Everything concluded so far, by this attempt and earlier ones, in the order given."""
        self._settle_same_address()
        outcomes = [self.done[url] for url in self.urls if url in self.done]
        # An attempt that ended by itself handed its own on; what a kill left, improve_labels finds.
        added = (item for item in outcomes if item.outcome is Outcome.ADDED and item.url not in self.earlier)
        fresh = [item.article_id for item in added if item.article_id is not None]
        pause = min(self.pauses, default=0.0)
        return IngestResult(outcomes, fresh, self.left_over, self.bug, self.retry_after, pause)

    def _settle_same_address(self) -> None:
        """Second spellings of an address fetched above share its fate."""
        for address in self.second_spellings:
            first = self.done.get(self.first_spelling[address.canonical_url])
            if first is None:
                self.left_over.append(address.url)
            elif first.article_id is None:
                self._note(address.position, replace(first, url=address.url))
            else:
                why = f"same-address: known as article {first.article_id}"
                self._note(
                    address.position, ItemOutcome(address.url, Outcome.DUPLICATE, first.article_id, why)
                )


Fetched = tuple[_Address, FetchedPage | Exception]


def _fetch_all(
    web: Web,
    following: Following,
    addresses: Sequence[_Address],
    concurrency: int,
    stop_at: float,
    give_up_at: float,
) -> Iterator[Fetched]:
    """Fetch with at most `concurrency` threads, never two of one host at once; yields as pages arrive.

    No request begins after `stop_at`; what has not arrived at `give_up_at` counts as out of time.
    """
    hosts: dict[str, deque[_Address]] = {}
    for address in addresses:
        # One thread has all addresses of a host, so that two of them are never asked for at once.
        hosts.setdefault(host_of(address.canonical_url), deque()).append(address)
    waiting = deque(hosts.values())
    # Bounded: fetching waits for reading, so that pages do not pile up in memory.
    arrived: Handover[Fetched] = Handover(maxsize=concurrency)
    guard = threading.Lock()
    over = threading.Event()

    def next_host() -> deque[_Address] | None:
        with guard:
            return waiting.popleft() if waiting else None

    def fetch_hosts() -> None:
        while (queue := next_host()) is not None:
            for address in queue:
                if over.is_set():
                    return
                _hand_over(arrived, (address, _fetch_one(web, following, address, stop_at)), over)

    # Daemons: a server that never ends its answer must not keep the process from ending.
    threads = [
        threading.Thread(target=fetch_hosts, daemon=True) for _ in range(min(concurrency, len(waiting)))
    ]
    for thread in threads:
        thread.start()
    missing = {address.position: address for address in addresses}
    try:
        # While the first pages are on their way.
        load_readers()
        while missing:
            try:
                # Queue.get() raises ValueError for a time below zero.
                address, fetched = arrived.get(timeout=max(0.0, give_up_at - time.monotonic()))
            except Empty:
                yield from ((address, OutOfTime("it did not arrive in time")) for address in missing.values())
                return
            del missing[address.position]
            yield address, fetched
    finally:
        # The process goes on to other jobs: nothing of this one may.
        over.set()


def _hand_over(arrived: Handover[Fetched], fetched: Fetched, over: threading.Event) -> None:
    while not over.is_set():
        try:
            arrived.put(fetched, timeout=HAND_OVER_SECONDS)
        except Full:
            continue
        return


def _fetch_one(web: Web, following: Following, address: _Address, stop_at: float) -> FetchedPage | Exception:
    try:
        if time.monotonic() >= stop_at:
            return OutOfTime(f"no time left for {address.url}")
        page = web.fetch(address.canonical_url, deadline=stop_at, onward=following.guard(address.url))
        # Where the way ended; its stations were judged on it.
        following.judge(address.url, page.final_url)
        return page
    except Exception as error:
        # Raised on this thread it would be lost, and its address be waited for until the time is out.
        return error
