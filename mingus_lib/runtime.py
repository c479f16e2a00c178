"""The only place that wires: opens the store, Redis and the clients lazily from Settings.

Longer than 300 lines on purpose: one property for each part, each a few lines, in one place.

A process has one current Runtime: the command line makes it from flags, a worker's child
makes its own after every fork.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from mingus_lib.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from redis import Redis

    from mingus_lib.clients.mailbox_imap import ImapMailbox
    from mingus_lib.clients.model import Manner
    from mingus_lib.clients.web import Web
    from mingus_lib.domain.gate import Levels
    from mingus_lib.domain.pricing import Prices
    from mingus_lib.queues.control import Control
    from mingus_lib.queues.delivery import Delivery
    from mingus_lib.queues.enqueue import Enqueuer, Submits
    from mingus_lib.queues.keyring import KeyRing
    from mingus_lib.queues.limits import Limits
    from mingus_lib.queues.modelgate import OwnGate, SharedGate
    from mingus_lib.services.ai_labels import AiLabels, Models
    from mingus_lib.services.cancelling import Canceller
    from mingus_lib.services.celery_migration import Migration
    from mingus_lib.services.classify import Classify
    from mingus_lib.services.clean_articles import ArticleCleaning
    from mingus_lib.services.clean_cache import CacheCleaning
    from mingus_lib.services.housekeeping import Housekeeping
    from mingus_lib.services.ingest import Ingest
    from mingus_lib.services.label_batches import LabelBatches
    from mingus_lib.services.mail_reading import MailReading
    from mingus_lib.services.metrics import Counted
    from mingus_lib.services.periodic_reports import PeriodicReports
    from mingus_lib.services.reader_records import ReaderRecords
    from mingus_lib.services.recommending import Recommender
    from mingus_lib.services.refit import Refitting
    from mingus_lib.services.reprocess import Reprocess
    from mingus_lib.services.restoring import Restoring
    from mingus_lib.services.retrying import Retrier
    from mingus_lib.services.sweeping import Sweeper
    from mingus_lib.services.watching import Watcher
    from mingus_lib.store.article_totals import ArticleTotals
    from mingus_lib.store.articles import Articles
    from mingus_lib.store.batches import Batches
    from mingus_lib.store.browsing import Browsing
    from mingus_lib.store.costs import Budget, Costs
    from mingus_lib.store.database import Store
    from mingus_lib.store.events import Events
    from mingus_lib.store.followups import FollowUps
    from mingus_lib.store.history import History
    from mingus_lib.store.hosts import Hosts
    from mingus_lib.store.interventions import Interventions
    from mingus_lib.store.labels import LabelStore
    from mingus_lib.store.ledger import Ledger
    from mingus_lib.store.mail_funnel import MailFunnel
    from mingus_lib.store.mails import Mails
    from mingus_lib.store.period_operations import PeriodOperations
    from mingus_lib.store.readers import Readers
    from mingus_lib.store.slots import Slots
    from mingus_lib.store.task_days import TaskDays


class Runtime:
    """Everything a command or job may need, opened at its first use."""

    def __init__(self, settings: Settings, *, busy_timeout: float | None = None) -> None:
        self.settings = settings
        self.started_redis = False
        self._busy_timeout = busy_timeout
        self._patience: float | None = None

    def hurry(self, seconds: float) -> None:
        """Wait no longer than this for a locked store or an answer of Redis: for a process that must hear signals."""
        # What is open has the old patience.
        self.close()
        self._busy_timeout = self._patience = seconds

    @cached_property
    def store(self) -> Store:
        """The library's SQLite file, created and migrated when needed."""
        # Here and below imports stand where they are used: a command pays for what it opens.
        from mingus_lib.store.database import BUSY_TIMEOUT, Store

        return Store(self.settings.store_path, busy_timeout=self._busy_timeout or BUSY_TIMEOUT)

    @cached_property
    def ledger(self) -> Ledger:
        """Every job on the record."""
        from mingus_lib.store.ledger import Ledger

        return Ledger(self.store)

    @cached_property
    def history(self) -> History:
        """The ledger as people read it."""
        from mingus_lib.store.history import History

        return History(self.store)

    @cached_property
    def browsing(self) -> Browsing:
        """The ledger page by page."""
        from mingus_lib.store.browsing import Browsing

        return Browsing(self.store)

    @cached_property
    def task_days(self) -> TaskDays:
        """Runs and jobs as they are counted."""
        from mingus_lib.store.task_days import TaskDays

        return TaskDays(self.store)

    @cached_property
    def hand(self) -> Interventions:
        """The operator's hand in the ledger."""
        from mingus_lib.store.interventions import Interventions

        return Interventions(self.store)

    @cached_property
    def slots(self) -> Slots:
        """The timetable's memory."""
        from mingus_lib.store.slots import Slots

        return Slots(self.store, self.ledger)

    @cached_property
    def keyring(self) -> KeyRing:
        """The keys that jobs are signed with."""
        from mingus_lib.queues.keyring import KeyRing

        return KeyRing(self.settings.home / "keys.json")

    @cached_property
    def articles(self) -> Articles:
        """The articles of the store."""
        from mingus_lib.store.articles import Articles

        return Articles(self.store)

    @cached_property
    def hosts(self) -> Hosts:
        """Host policies."""
        from mingus_lib.store.hosts import Hosts

        return Hosts(self.store)

    @cached_property
    def follow_ups(self) -> FollowUps:
        """Next steps that could not be enqueued yet."""
        from mingus_lib.store.followups import FollowUps

        return FollowUps(self.store)

    @cached_property
    def mails(self) -> Mails:
        """Mails and their links."""
        from mingus_lib.store.mails import Mails

        return Mails(self.store)

    @cached_property
    def mail_funnel(self) -> MailFunnel:
        """What became of the links of mails."""
        from mingus_lib.store.mail_funnel import MailFunnel

        return MailFunnel(self.store)

    @property
    def mail_reading(self) -> MailReading:
        """Stored mails in, addresses of articles out."""
        from mingus_lib.services.mail_reading import MailReading

        return MailReading(self.mails, self.hosts, self.settings.unknown_hosts == "hold")

    def imap_mailbox(
        self, *, since: datetime | None = None, mark_seen: bool = False, rescan: bool = False
    ) -> ImapMailbox:
        """The IMAP folder of the settings, from where the last reading ended. Raises UsageError."""
        from mingus_lib.clients.mailbox_imap import ImapMailbox, rescanned
        from mingus_lib.services.mail_accounts import imap_account

        account = imap_account(self.settings)
        mark = self.mails.mark(account.label, account.folder)
        return ImapMailbox(
            account,
            rescanned(mark) if rescan else mark,
            since=since.date() if since else None,
            mark_seen=mark_seen,
        )

    @cached_property
    def readers(self) -> Readers:
        """Readers and their assessments."""
        from mingus_lib.store.readers import Readers

        return Readers(self.store)

    @cached_property
    def events(self) -> Events:
        """What readers did."""
        from mingus_lib.store.events import Events

        return Events(self.store)

    def levels_of(self, reader_id: str | None) -> Levels | None:
        """What the gate opens to that reader now; None for nobody in particular. Raises NotFound."""
        if reader_id is None:
            return None
        from datetime import UTC, datetime

        number = self.readers.find(reader_id).number
        return self.readers.levels(number, self.settings.gate_policy(), datetime.now(UTC))

    @property
    def reader_records(self) -> ReaderRecords:
        """One person's data."""
        from mingus_lib.services.reader_records import ReaderRecords

        return ReaderRecords(self.readers, self.events, self.articles, self.settings.gate_policy())

    @cached_property
    def article_totals(self) -> ArticleTotals:
        """What readers did with each article."""
        from mingus_lib.store.article_totals import ArticleTotals

        return ArticleTotals(self.store)

    @cached_property
    def operations(self) -> PeriodOperations:
        """How the machinery did."""
        from mingus_lib.store.period_operations import PeriodOperations

        return PeriodOperations(self.store)

    @cached_property
    def reports(self) -> PeriodicReports:
        """Reports of days and weeks."""
        from mingus_lib.services.periodic_reports import PeriodicReports, Rules

        told = self.settings
        return PeriodicReports(
            self.store, Rules(told.report_timezone, told.gate_policy(), told.ai_daily_budget)
        )

    @cached_property
    def recommender(self) -> Recommender:
        """Readers' lists."""
        from mingus_lib.services.recommending import Recommender
        from mingus_lib.store.recommendations import Recommendations

        return Recommender(
            self.settings.home,
            self.readers,
            self.events,
            Recommendations(self.store),
            self.settings.gate_policy(),
            self.settings.list_policy(),
        )

    @property
    def redis_url(self) -> str:
        """The configured Redis, or the embedded one of the state directory."""
        from mingus_lib.queues import embedded

        return self.settings.redis_url or embedded.url(self.settings.home)

    @property
    def redis_where(self) -> str:
        """The address as it may be shown."""
        from mingus_lib.queues.connection import OwnRedis, mask

        return mask(self.redis_url) if self.settings.redis_url else OwnRedis(self.redis_url)

    @cached_property
    def redis(self) -> Redis:
        """A client of a Redis that is up and belongs to this store; starts the embedded one."""
        from mingus_lib.queues import connection, embedded

        if self.settings.redis_url is None:
            # Remembered, because `up` stops only a Redis that it started itself.
            self.started_redis = embedded.ensure_running(self.settings.home)
        client = self.redis_as_found()
        # Before anybody has the client: no job goes into the Redis of another library.
        connection.claim_for_store(client, self.store.id, self.redis_where)
        return client

    def redis_as_found(self) -> Redis:
        """A client that starts nothing and changes nothing, for looking."""
        from mingus_lib.queues import connection

        return connection.connect(self.redis_url, self._patience or connection.PATIENCE_SECONDS)

    def redis_if_up(self) -> Redis | None:
        """The same, or None when it is the embedded one and does not run."""
        return None if self._is_redis_stopped() else self.redis_as_found()

    def _is_redis_stopped(self) -> bool:
        from mingus_lib.queues import embedded

        return self.settings.redis_url is None and not embedded.answers(self.settings.home)

    def watcher(self) -> Watcher:
        """What looks again and again, starting nothing; it gives up on a silent Redis after two seconds."""
        import time

        from mingus_lib.queues import connection
        from mingus_lib.services.watching import Watcher

        def client() -> Redis | None:
            return None if self._is_redis_stopped() else connection.connect(self.redis_url, patience=2.0)

        def history() -> History | None:
            # Opening a store makes it, and a look makes nothing.
            return self.history if self.settings.store_path.exists() else None

        return Watcher(client, self.redis_where, history, time.monotonic)

    def limits_as_found(self) -> Limits | None:
        """Rates and circuit breakers, for looking; None without a Redis."""
        from mingus_lib.queues.limits import Limits

        client = self.redis_if_up()
        return None if client is None else Limits(client, self.redis_where)

    @cached_property
    def enqueuer(self) -> Submits:
        """The way into the queues; for a producer with a key of its own, without the ledger."""
        from mingus_lib.queues.enqueue import Enqueuer

        if self.settings.eager:
            from mingus_lib.queues.eager import EagerEnqueuer

            return EagerEnqueuer(self.ledger)
        if self.settings.key_file is not None:
            from mingus_lib.queues import keyring

            key = keyring.single(self.settings.key_file)
            # A producer elsewhere has no store whose id could be compared with that in Redis.
            return Enqueuer(
                self.redis_as_found, None, lambda: key, self.redis_where, self.settings.results_ttl
            )
        # Redis is asked for at each use: after `close` it is another client.
        return Enqueuer(
            lambda: self.redis, self.ledger, self.keyring.own, self.redis_where, self.settings.results_ttl
        )

    @property
    def schedulers_enqueuer(self) -> Enqueuer:
        """The timetable's way into the queues, with a key of its own."""
        from mingus_lib.queues.enqueue import Enqueuer

        return Enqueuer(
            lambda: self.redis,
            self.ledger,
            self.keyring.schedulers,
            self.redis_where,
            self.settings.results_ttl,
        )

    @property
    def delivery(self) -> Delivery:
        """Redis as the way of jobs."""
        # Made anew each time: a kept one would lead to the old client after `close`.
        from mingus_lib.queues.delivery import Delivery

        return Delivery(self.redis, self.redis_where)

    def delivery_as_found(self) -> Delivery:
        """The same, for looking: nothing is started."""
        from mingus_lib.queues.delivery import Delivery

        return Delivery(self.redis_as_found(), self.redis_where)

    @property
    def control(self) -> Control:
        """The operator's hand in Redis."""
        from mingus_lib.queues.control import Control

        return Control(self.redis, self.redis_where)

    def control_if_up(self) -> Control | None:
        """The same, or None when the private Redis does not run."""
        return None if self._is_redis_stopped() else self.control

    @property
    def limits(self) -> Limits:
        """Rates and circuit breakers."""
        from mingus_lib.queues.limits import Limits

        return Limits(self.redis, self.redis_where)

    def limits_on(self) -> Limits | None:
        """What a new job will be held by; None where jobs run in place. A producer has no store to claim Redis for."""
        if self.settings.eager:
            return None
        return self.limits_as_found() if self.settings.key_file is not None else self.limits

    @property
    def canceller(self) -> Canceller:
        """What ends jobs from outside."""
        from mingus_lib.services.cancelling import Canceller

        # Redis is opened when it is needed: cancelling goes on, in the ledger, while it is away.
        return Canceller(
            lambda: self.redis,
            self.redis_where,
            self.ledger,
            self.hand,
            self.history,
            self.settings.results_ttl,
        )

    @property
    def retrier(self) -> Retrier:
        """What runs jobs again."""
        from mingus_lib.services.retrying import Retrier

        return Retrier(lambda: self.redis, self.redis_where, self.ledger, self.hand, self.enqueuer)

    def celery_migration(self, broker: str | None, queues: Sequence[str], *, dry_run: bool) -> Migration:
        """What takes an old Celery's messages over. Raises UsageError for an address that is none."""
        from mingus_lib.errors import UsageError
        from mingus_lib.queues.celery import CeleryBroker, open_broker
        from mingus_lib.services.celery_migration import Migration, check_of

        if self.settings.key_file is not None:
            raise UsageError(
                "key_file is set, for a producer without the store: run this where the library is"
            )
        return Migration(
            open_broker(broker) if broker else CeleryBroker(self.redis, self.redis_where),
            queues,
            self.enqueuer,
            self.ledger,
            self.history,
            check_of(self.articles.get, self.readers.find),
            self.settings.home,
            dry_run=dry_run,
        )

    @cached_property
    def web(self) -> Web:
        """The fetch client, in step with all other workers through Redis."""
        from mingus_lib.clients.web import MemoryPacer, MemoryRobotsCache, Web

        if self.settings.eager:
            # Where jobs run in place, no Redis is there to share the pace through.
            return Web(self.settings.fetch_policy(), pacer=MemoryPacer(), robots=MemoryRobotsCache())
        from mingus_lib.queues.pacing import RedisPacer, RedisRobotsCache

        return Web(
            self.settings.fetch_policy(),
            pacer=RedisPacer(self.redis, self.redis_where),
            robots=RedisRobotsCache(self.redis, self.redis_where),
        )

    @cached_property
    def ingest(self) -> Ingest:
        """Addresses in, articles out."""
        from mingus_lib.services.ingest import Ingest

        return Ingest(
            web=self.web,
            articles=self.articles,
            hosts=self.hosts,
            quality=self.settings.quality_policy(),
            concurrency=self.settings.fetch_concurrency,
            hold_unknown_hosts=self.settings.unknown_hosts == "hold",
        )

    @cached_property
    def reprocess(self) -> Reprocess:
        """One article again."""
        from mingus_lib.services.reprocess import Reprocess

        return Reprocess(
            web=self.web, articles=self.articles, hosts=self.hosts, quality=self.settings.quality_policy()
        )

    @property
    def sweeper(self) -> Sweeper:
        """What finds the work that a crash left undone."""
        from mingus_lib.services.sweeping import Sweeper

        return Sweeper(
            self.store,
            self.follow_ups,
            self.history,
            self.ledger,
            self.slots,
            self.mails,
            self.enqueuer,
            self.delivery,
        )

    @property
    def article_cleaning(self) -> ArticleCleaning:
        """What archives old articles."""
        from mingus_lib.services.clean_articles import ArticleCleaning
        from mingus_lib.store.archiving import Archiving

        return ArticleCleaning(Archiving(self.store), self.settings.article_policy())

    @property
    def cache_cleaning(self) -> CacheCleaning:
        """What deletes what has had its time."""
        from mingus_lib.queues.orphans import Orphans
        from mingus_lib.services.clean_cache import CacheCleaning
        from mingus_lib.store.expiry import Expiry

        def orphans() -> Orphans | None:
            # The private Redis is not started only to look for what is left in it.
            if self.settings.eager or self._is_redis_stopped():
                return None
            return Orphans(self.redis, self.redis_where, self.ledger, self.keyring.keys)

        return CacheCleaning(
            Expiry(self.store),
            self.settings.cache_policy(),
            orphans,
            self.settings.log_file,
            self.settings.home / "redis" / "redis.log",
        )

    @property
    def housekeeping(self) -> Housekeeping:
        """What keeps the store in order and backed up."""
        from mingus_lib.services.housekeeping import Housekeeping, Rotation

        told = self.settings
        return Housekeeping(self.store, Rotation(told.backups_path, told.backup_daily, told.backup_weekly))

    @property
    def restoring(self) -> Restoring:
        """What puts a backup in the store's place; it opens neither store nor Redis for good."""
        from mingus_lib.services.restoring import Restoring

        own = self.settings.redis_url is None
        # Redis is looked for when the copy is in place: one that is away stops no restore.
        return Restoring(self.settings.store_path, self.redis_if_up, self.redis_where, own)

    @cached_property
    def labels(self) -> LabelStore:
        """The labels of articles."""
        from mingus_lib.store.labels import LabelStore

        return LabelStore(self.store)

    @cached_property
    def costs(self) -> Costs:
        """What model calls cost."""
        from mingus_lib.store.costs import Costs

        return Costs(self.store)

    @cached_property
    def batches(self) -> Batches:
        """Batches at the provider."""
        from mingus_lib.store.batches import Batches

        return Batches(self.store)

    @property
    def budget(self) -> Budget:
        """What model calls may cost."""
        from mingus_lib.store.costs import Budget

        return Budget(self.settings.ai_daily_budget, self.settings.ai_monthly_budget)

    @cached_property
    def prices(self) -> Prices:
        """The price list of models. Raises UsageError for a file that is none."""
        from mingus_lib.domain import pricing
        from mingus_lib.settings.files import read_text

        path = self.settings.ai_prices
        return pricing.shipped() if path is None else pricing.read(read_text(path), str(path))

    @property
    def counted(self) -> Counted:
        """What the store has counted, for monitors."""
        from mingus_lib.services.metrics import Counted

        models = (self.settings.ai_model_strong, self.settings.ai_model_cheap)
        return Counted(self.task_days, self.costs, self.budget, models)

    @property
    def models(self) -> Models:
        """Which model reads what."""
        from mingus_lib.services.ai_labels import Models

        told = self.settings
        return Models(told.ai_model_strong, told.ai_model_cheap, told.ai_text_tokens)

    @cached_property
    def ai_labels(self) -> AiLabels | None:
        """The AI engine; None when it is off or has no key. Raises UsageError for a bad key or price list."""
        from mingus_lib.clients.model import Model
        from mingus_lib.domain import answer
        from mingus_lib.services.ai_labels import AiLabels
        from mingus_lib.settings import ai_key

        if (key := ai_key.ai_key(self.settings)) is None:
            return None
        # Now, and not in the middle of a batch with a model that has no price.
        for name in (self.models.strong, self.models.cheap):
            self.prices.of(name)
        model = Model(
            key[0],
            ai_key.ai_base_url(self.settings),
            timeout=self.settings.ai_timeout,
            memory=_Manners(self.store),
            schema=answer.schema(),
            gate=(gate := self.gate),
        )
        return AiLabels(model, self.models, self.costs, self.prices, self.budget, gate)

    @property
    def gate(self) -> OwnGate | SharedGate:
        """The breaker and pace of the AI engine, shared by all workers."""
        from mingus_lib.queues.modelgate import OwnGate, SharedGate

        if self.settings.eager:
            return OwnGate(self.settings.ai_rate)
        from mingus_lib.queues.pacing import RedisPacer

        return SharedGate(self.limits, RedisPacer(self.redis, self.redis_where), self.settings.ai_rate)

    @cached_property
    def classify(self) -> Classify:
        """Articles in, labels out."""
        from mingus_lib.services.classify import Classify

        return Classify(
            self.labels,
            self.ai_labels,
            self.refitting.in_use,
            concurrency=self.settings.ai_concurrency,
            over_budget=self.settings.ai_over_budget,
        )

    @property
    def label_batches(self) -> LabelBatches | None:
        """Large runs through the provider's Batch API; None without an AI engine."""
        from mingus_lib.services.label_batches import LabelBatches

        if self.ai_labels is None:
            return None
        # The store's id tells its batches from those of another library with the same account.
        return LabelBatches(self.labels, self.batches, self.ai_labels, self.store.id, self.refitting.in_use)

    @property
    def refitting(self) -> Refitting:
        """What the library's own labels teach."""
        from mingus_lib.services.refit import Refitting

        return Refitting(self.labels)

    def follow_up(
        self, task: str, args: Mapping[str, Any], *, parent: str, delay: float = 0.0, attempts: int = 0
    ) -> str | None:
        """Enqueue a job's next step, to run after `delay` seconds; its id, or None when it is recorded.

        A task that this release does not have yet is recorded; the sweeper enqueues it one day.
        """
        from mingus_lib.queues import catalog
        from mingus_lib.queues.enqueue import new_job

        if task not in catalog.load():
            self.follow_ups.record(task, args, parent)
            return None
        run = self.history.get(parent)
        # One root for the whole chain: by it the ledger tells whether all that a job caused has ended.
        root = run.root_id if run and run.root_id else parent
        spec = new_job(
            task, args, origin=f"job:{parent}", parent_id=parent, root_id=root, delay=delay, attempts=attempts
        )
        self.enqueuer.submit([spec])
        return spec.id

    def close(self) -> None:
        """Close what was opened."""
        for name in ("web", "redis", "store"):
            # Not by the attribute, which would open what nobody has used.
            opened = self.__dict__.pop(name, None)
            if opened is not None:
                opened.close()


# Clients and store import nothing of each other: what one learns the other keeps through this.
class _Manners:
    """The store's memory of what servers of models take, as the client wants it."""

    def __init__(self, store: Store) -> None:
        from mingus_lib.store.model_servers import ModelServers

        self._servers = ModelServers(store)

    def recall(self, server: str) -> Manner | None:
        """What was learned of a server."""
        from mingus_lib.clients.model import Manner

        found = self._servers.recall(server)
        return None if found is None else Manner(*found)

    def remember(self, server: str, manner: Manner) -> None:
        """Keep what was learned."""
        self._servers.remember(server, manner.form, manner.limit_name)


_current: Runtime | None = None


def use(here: Runtime) -> Runtime:
    """Make it this process's runtime."""
    global _current
    _current = here
    return here


def release() -> None:
    """Close what this process's runtime has opened; it opens it again when it is needed."""
    if _current is not None:
        _current.close()


def current() -> Runtime:
    """This process's runtime; it is made from environment and files when nobody made one."""
    from mingus_lib import settings

    return _current or use(Runtime(settings.load()))
