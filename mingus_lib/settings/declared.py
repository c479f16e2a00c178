# ruff: noqa: RUF009 - _setting is a dataclass field with its declaration
"""All settings of mingus, each declared once: default, kind, key in mingus.toml and meaning.

The documentation, the errors and `mingus config show` are made from these declarations.
Longer than 300 lines on purpose: one list of all there is to set.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mingus_lib import __version__
from mingus_lib.settings.kinds import (
    Address,
    Amount,
    Choice,
    Code,
    Duration,
    File,
    Folder,
    Kind,
    Line,
    Listing,
    Name,
    Network,
    Port,
    Secret,
    Size,
    Switch,
    Token,
    Whole,
    Zone,
)

if TYPE_CHECKING:
    from mingus_lib.domain.gate import GatePolicy
    from mingus_lib.domain.models import FetchPolicy, QualityPolicy
    from mingus_lib.domain.recommend.facts import ListPolicy
    from mingus_lib.domain.recommend.parameters import FitOptions
    from mingus_lib.domain.retention import ArticlePolicy, CachePolicy

PREFIX = "MINGUS_"
# The steps of a list's ranking (domain/recommend/facts.py), told again: every command reads the settings.
STEPS = ("finished", "goals", "culture", "quality", "freshness", "balance", "diversity", "exploration")
USER_AGENT = f"mingus/{__version__} (+https://github.com/mingus-library/mingus)"
REQUIRED = object()


class Declaration(NamedTuple):
    """One setting. `key` is its dotted key in mingus.toml; a `secret` one is shown masked."""

    name: str
    key: str
    kind: Kind
    default: Any
    doc: str
    secret: bool = False

    @property
    def env(self) -> str:
        """Its environment variable."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Its option, on the commands that take it."""
        return "--" + self.name.replace("_", "-")

    @property
    def required(self) -> bool:
        """Whether it has no fixed default, as the state directory."""
        return self.default is REQUIRED

    def shown(self, value: Any) -> str:
        """The value for a person, without a password."""
        return self.kind.show(value)


def _setting(default: Any, kind: Kind, doc: str, *, key: str | None = None, secret: bool = False) -> Any:
    """A dataclass field that carries its declaration; the key defaults to the field's name."""
    metadata = {"kind": kind, "doc": doc, "key": key, "secret": secret}
    if default is REQUIRED:
        return field(metadata=metadata)
    # A repr ends up in tracebacks and logs.
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """What mingus was told. Times are in seconds, sizes in bytes. Made by `load`, or by a test."""

    home: Path = _setting(
        REQUIRED, Folder(), "The state directory: the store, the embedded Redis and its socket."
    )
    redis_url: str | None = _setting(
        None,
        Address(("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel"), "redis://localhost:6379/0"),
        "The Redis to use. Without one, mingus runs its own in the state directory.",
        secret=True,
    )
    log_level: str = _setting(
        "info", Choice(("debug", "info", "warning", "error")), "The least serious message that is logged."
    )
    log_format: str = _setting("text", Choice(("text", "json")), "How a log line is written.")
    log_file: Path | None = _setting(
        None,
        File(),
        "Write the log to this file instead of standard error. At 10 MB it is rotated; five old ones are kept.",
    )
    results_ttl: int = _setting(
        3600,
        Duration(0, 31_536_000, whole=True),
        "How long a job's result stays in Redis. The ledger keeps it anyway.",
    )
    key_file: Path | None = _setting(
        None,
        File(),
        "The one key of a producer without the store, on another machine; `mingus keys add` writes it.",
    )
    eager: bool = _setting(
        False,
        Switch(),
        "Run every job in the process that enqueues it, at once; its errors are that command's. For tests.",
    )
    schedules: Path | None = _setting(
        None,
        File(),
        "The timetable. Without it, `schedules.toml` in the state directory is read, else the one that is shipped.",
    )
    health_max_age: float = _setting(
        900.0,
        Duration(1, 31_536_000),
        "How long a job may wait in its queue before `mingus health` fails.",
        key="health.max_age",
    )
    unknown_hosts: str = _setting(
        "fetch",
        Choice(("fetch", "hold")),
        "What happens to an address of a host nobody has judged: fetch it, or hold it for review.",
    )
    fetch_interval: float = _setting(
        2.0,
        Duration(0, 3600),
        "The least time between two requests to one host, over all workers.",
        key="fetch.interval",
    )
    fetch_concurrency: int = _setting(
        16, Whole(1, 256), "How many addresses one job fetches at the same time.", key="fetch.concurrency"
    )
    fetch_timeout: float = _setting(
        30.0, Duration(0.1, 60), "How long one whole response may take.", key="fetch.timeout"
    )
    fetch_max_bytes: int = _setting(
        10_000_000, Size(1000, 10**9), "The largest page read, decompressed.", key="fetch.max_bytes"
    )
    fetch_user_agent: str = _setting(
        USER_AGENT,
        Line(200),
        "How mingus names itself to hosts. Keep an address where its operator can be reached.",
        key="fetch.user_agent",
    )
    fetch_allow_networks: tuple[str, ...] = _setting(
        (),
        Listing(Network(), "networks such as 10.0.0.0/8, separated by commas", may_be_empty=True),
        "Private networks that may be fetched from all the same, on any port.",
        key="fetch.allow_networks",
    )
    fetch_ports: tuple[int, ...] = _setting(
        (80, 443),
        Listing(Whole(1, 65535), "ports from 1 to 65535, separated by commas"),
        "The ports that may be fetched from.",
        key="fetch.ports",
    )
    fetch_proxy: str | None = _setting(
        None,
        Address(("http", "https"), "http://proxy.example:3128"),
        "A proxy for all fetches. The proxy variables of the environment are not read.",
        key="fetch.proxy",
        secret=True,
    )
    quality_min_words: int = _setting(
        300, Whole(0, 1_000_000), "The fewest words an article may have.", key="quality.min_words"
    )
    quality_max_words: int = _setting(
        5000, Whole(1, 1_000_000), "The most words an article may have.", key="quality.max_words"
    )
    quality_languages: tuple[str, ...] = _setting(
        ("en",),
        Listing(Code(), "two-letter language codes (ISO 639-1), separated by commas"),
        "The languages an article may be in.",
        key="quality.languages",
    )
    ai: str = _setting(
        "auto",
        Choice(("auto", "off")),
        "Whether labels may come from an AI model: auto uses one where a key is set; off sends no text anywhere.",
        key="ai.mode",
    )
    ai_key_file: Path | None = _setting(
        None,
        File(),
        "A file with the key of the AI model's server, where OPENAI_API_KEY is not set.",
        key="ai.key_file",
    )
    ai_base_url: str | None = _setting(
        None,
        Address(("https", "http"), "https://models.example/v1"),
        "The server of the AI models, if not the one of the openai library. OPENAI_BASE_URL does the same.",
        key="ai.base_url",
        secret=True,
    )
    ai_model_strong: str = _setting(
        "gpt-4.1",
        Line(100),
        "The model for texts over 500 words, or about investment, portfolios, tax or estates.",
        key="ai.model_strong",
    )
    ai_model_cheap: str = _setting(
        "gpt-4.1-mini", Line(100), "The model for all other texts.", key="ai.model_cheap"
    )
    ai_text_tokens: int = _setting(
        1500, Whole(100, 100_000), "How many tokens of a text a model gets to read.", key="ai.text_tokens"
    )
    ai_rate: float = _setting(
        3.0,
        Amount(0.01, 1000),
        "The most requests a second to the AI models, over all workers.",
        key="ai.rate",
    )
    ai_concurrency: int = _setting(
        8,
        Whole(1, 64),
        "How many articles one job has the AI model read at the same time.",
        key="ai.concurrency",
    )
    ai_timeout: float = _setting(
        60.0, Duration(0.1, 600), "How long the AI model's server may be silent.", key="ai.timeout"
    )
    ai_daily_budget: float | None = _setting(
        5.0,
        Amount(0, 1_000_000, "$", may_be_none=True),
        "US dollars that the AI models may cost in a day (UTC).",
        key="ai.daily_budget",
    )
    ai_monthly_budget: float | None = _setting(
        None,
        Amount(0, 10_000_000, "$", may_be_none=True),
        "US dollars that the AI models may cost in a month (UTC).",
        key="ai.monthly_budget",
    )
    ai_over_budget: str = _setting(
        "offline",
        Choice(("offline", "wait")),
        "What happens to an article when a budget is spent: the offline engine labels it for now, or it waits.",
        key="ai.over_budget",
    )
    ai_prices: Path | None = _setting(
        None,
        File(),
        "A price list for the AI models instead of the one that comes with mingus.",
        key="ai.prices",
    )
    dashboard_host: str = _setting(
        "127.0.0.1",
        Line(255),
        "The address that the dashboard listens on. Other than loopback, it needs a token.",
        key="dashboard.host",
    )
    # rq-dashboard's port, which its users know.
    dashboard_port: int = _setting(
        9181, Whole(0, 65535), "The port of the dashboard; 0 picks a free one.", key="dashboard.port"
    )
    dashboard_public_url: str | None = _setting(
        None,
        Address(("https", "http"), "https://ops.example.com/mingus"),
        "Where people reach the dashboard through a reverse proxy. Its path is the prefix of all addresses.",
        key="dashboard.public_url",
    )
    dashboard_token: str | None = _setting(
        None,
        Token(16, 200),
        "What people and monitors log in to the dashboard with. Better in a file.",
        key="dashboard.token",
        secret=True,
    )
    dashboard_token_file: Path | None = _setting(
        None, File(), "A file with that token, for its owner alone.", key="dashboard.token_file"
    )
    mail_max_bytes: int = _setting(
        25_000_000,
        Size(10_000, 10**9),
        "What is kept and read of a larger mail: its beginning, so many bytes of it.",
        key="mail.max_bytes",
    )
    mail_retention: float = _setting(
        90 * 86_400.0,
        Duration(0, 3_153_600_000),
        "How long the bodies of mails are kept, for reading them again. What was read of them stays.",
        key="mail.retention",
    )
    imap_host: str | None = _setting(
        None, Name(253), "The IMAP server that `mingus mail --imap` reads.", key="imap.host"
    )
    imap_port: int | None = _setting(
        None,
        Port(),
        "Its port. Without one: 993 for `tls`, 143 otherwise.",
        key="imap.port",
    )
    imap_user: str | None = _setting(None, Name(255), "The user to log in as.", key="imap.user")
    imap_password: str | None = _setting(
        None,
        Secret(1000),
        "The user's app password. Better a file: `imap_password_file`, or the systemd credential `imap-password`.",
        key="imap.password",
        secret=True,
    )
    imap_password_file: Path | None = _setting(
        None,
        File(),
        "A file whose first line is the password. Without one, the systemd credential `imap-password` is used.",
        key="imap.password_file",
    )
    imap_folder: str = _setting("INBOX", Name(500), "The folder to read.", key="imap.folder")
    imap_tls: str = _setting(
        "tls",
        Choice(("tls", "starttls", "none")),
        "How the connection is encrypted. `none` is refused for other hosts than this machine.",
        key="imap.tls",
    )
    imap_ca_file: Path | None = _setting(
        None,
        File(),
        "The certificate authorities to trust, PEM, for a server with a certificate of its own.",
        key="imap.ca_file",
    )
    # Scores end at 100: 101 opens the level to nobody.
    gate_intermediate: float = _setting(
        60.0,
        Amount(0, 101),
        "From this assessment score on, Intermediate articles of the phase are open.",
        key="gate.intermediate",
    )
    gate_advanced: float = _setting(
        80.0,
        Amount(0, 101),
        "From this assessment score on, Advanced articles of the phase are open.",
        key="gate.advanced",
    )
    gate_assessment_days: int = _setting(
        0,
        Whole(0, 36_500),
        "For how many days an assessment counts; 0 is for ever.",
        key="gate.assessment_days",
    )
    recommend_tune: bool = _setting(
        True,
        Switch(),
        "Choose the recommender's parameters by validation at every fit; else the defaults hold.",
        key="recommend.tune",
    )
    recommend_content_weight: float = _setting(
        0.4,
        Amount(0, 10),
        "The weight of content beside readers' behaviour, where it is not chosen by validation.",
        key="recommend.content_weight",
    )
    # A dense matrix of 5,000 squared numbers of four bytes takes 100 MB.
    recommend_dense_articles: int = _setting(
        5000,
        Whole(0, 20_000),
        "Up to so many articles EASE is used; its memory grows with the square.",
        key="recommend.dense_articles",
    )
    recommend_dense_readers: int = _setting(
        8000,
        Whole(0, 20_000),
        "The same for readers: EASE needs one of the two to be few.",
        key="recommend.dense_readers",
    )
    recommend_per_host: int = _setting(
        4, Whole(1, 1000), "The most articles of one host in a list.", key="recommend.per_host"
    )
    recommend_per_topic: int = _setting(
        5, Whole(1, 1000), "The most articles of one main topic in a list.", key="recommend.per_topic"
    )
    recommend_explore: float = _setting(
        0.1,
        Amount(0, 0.5),
        "The share of a list's places that new articles get, drawn at random.",
        key="recommend.explore",
    )
    recommend_without: tuple[str, ...] = _setting(
        (),
        Listing(Choice(STEPS), f"steps of the ranking ({', '.join(STEPS)})", may_be_empty=True),
        "Steps of the ranking that are left out.",
        key="recommend.without",
    )
    retention_age: str = _setting(
        "arrival",
        Choice(("arrival", "publication")),
        "What the age of an article counts from when old ones are archived.",
        key="retention.age",
    )
    retention_keep_rating: float = _setting(
        4.0,
        Amount(1, 6),
        "An old article with this mean rating or a better one is not archived; 6 keeps none for it.",
        key="retention.keep_rating",
    )
    retention_keep_read_days: int = _setting(
        30,
        Whole(0, 36_500),
        "An old article that was read within so many days is not archived; 0 keeps none for it.",
        key="retention.keep_read_days",
    )
    retention_phase_floor: int = _setting(
        20,
        Whole(0, 1_000_000),
        "So many articles of each phase stay published, however old.",
        key="retention.phase_floor",
    )
    retention_level_floor: int = _setting(
        20,
        Whole(0, 1_000_000),
        "So many articles of each level of difficulty stay published, however old.",
        key="retention.level_floor",
    )
    retention_archived_pages_days: int = _setting(
        30,
        Whole(0, 36_500),
        "So many days after its archiving an article's raw page is deleted; 0 is never.",
        key="retention.archived_pages_days",
    )
    retention_archived_rows_days: int = _setting(
        0,
        Whole(0, 36_500),
        "So many days after its archiving an article is deleted for good; 0 is never.",
        key="retention.archived_rows_days",
    )
    retention_pages_days: int = _setting(
        365,
        Whole(0, 36_500),
        "For how many days raw pages are kept, to be read again without fetching; 0 is for ever.",
        key="retention.pages_days",
    )
    retention_lists_days: int = _setting(
        30,
        Whole(0, 36_500),
        "For how many days a reader's list is kept that was not made anew; 0 is for ever.",
        key="retention.lists_days",
    )
    retention_answers_days: int = _setting(
        180,
        Whole(0, 36_500),
        "For how many days answers of AI models are kept, so that none is paid for twice; 0 is for ever.",
        key="retention.answers_days",
    )
    retention_jobs_days: int = _setting(
        90,
        # A job that the ledger does not know is taken for a new one for a day.
        Whole(2, 36_500),
        "For how many days ended jobs are kept; their numbers by day stay.",
        key="retention.jobs_days",
    )
    retention_outcomes_days: int = _setting(
        365,
        Whole(2, 36_500),
        "For how many days the outcome of each address is kept, which the funnel of mail is counted from.",
        key="retention.outcomes_days",
    )
    retention_logs_days: int = _setting(
        30,
        Whole(0, 36_500),
        "For how many days rotated log files are kept; 0 is for ever.",
        key="retention.logs_days",
    )
    backup_folder: Path | None = _setting(
        None,
        File(),
        "Where the daily backups go. Without it, `backups` in the state directory; another disk is better.",
        key="backup.folder",
    )
    backup_daily: int = _setting(
        7, Whole(0, 1000), "The newest backup of so many days is kept.", key="backup.daily"
    )
    backup_weekly: int = _setting(
        4,
        Whole(0, 1000),
        "The newest backup of so many weeks is kept; with `backup.daily` 0, too, none are made.",
        key="backup.weekly",
    )
    report_timezone: str = _setting(
        "UTC",
        Zone(),
        "The time zone of reports' days and weeks.",
        key="report.timezone",
    )
    # Left out of the hash, which a mapping does not have.
    tasks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)
    # The same values from other places are the same settings.
    origins: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def origin(self, name: str) -> str:
        """Where the value came from: `--redis-url`, `MINGUS_HOME`, `/etc/mingus/mingus.toml:3`, `default`."""
        return self.origins.get(name, "default")

    def shown(self, name: str) -> str:
        """The value for a person, without a password."""
        return declaration(name).shown(getattr(self, name))

    @property
    def store_path(self) -> Path:
        """The store's file."""
        return self.home / "mingus.db"

    @property
    def backups_path(self) -> Path:
        """Where rotated backups are."""
        return self.backup_folder or self.home / "backups"

    def article_policy(self) -> ArticlePolicy:
        """Which old articles are kept, and how long archived ones are."""
        # Here and below: every command reads the settings, few need these rooms.
        from mingus_lib.domain.retention import Age, ArticlePolicy

        return ArticlePolicy(
            age=Age(self.retention_age),
            keep_rating=self.retention_keep_rating,
            keep_read_days=self.retention_keep_read_days,
            phase_floor=self.retention_phase_floor,
            level_floor=self.retention_level_floor,
            archived_pages_days=self.retention_archived_pages_days or None,
            archived_rows_days=self.retention_archived_rows_days or None,
        )

    def cache_policy(self) -> CachePolicy:
        """How long caches and records are kept."""
        from datetime import timedelta

        from mingus_lib.domain.retention import CachePolicy

        def days(number: int) -> timedelta | None:
            return timedelta(days=number) if number else None

        return CachePolicy(
            lists=days(self.retention_lists_days),
            pages=days(self.retention_pages_days),
            answers=days(self.retention_answers_days),
            mails=timedelta(seconds=self.mail_retention),
            jobs=days(self.retention_jobs_days),
            outcomes=days(self.retention_outcomes_days),
            logs=days(self.retention_logs_days),
        )

    def fetch_policy(self) -> FetchPolicy:
        """The limits every fetch is under."""
        from mingus_lib.domain.models import FetchPolicy

        return FetchPolicy(
            user_agent=self.fetch_user_agent,
            interval=self.fetch_interval,
            timeout=self.fetch_timeout,
            max_bytes=self.fetch_max_bytes,
            allow_networks=self.fetch_allow_networks,
            ports=self.fetch_ports,
            proxy=self.fetch_proxy,
        )

    def gate_policy(self) -> GatePolicy:
        """What the gate opens, and for how long."""
        from datetime import timedelta

        from mingus_lib.domain.gate import GatePolicy

        days = self.gate_assessment_days
        return GatePolicy(self.gate_intermediate, self.gate_advanced, timedelta(days) if days else None)

    def list_policy(self) -> ListPolicy:
        """How readers' lists are ranked."""
        from mingus_lib.domain.recommend.facts import ListPolicy

        return ListPolicy(
            per_host=self.recommend_per_host,
            per_topic=self.recommend_per_topic,
            explore=self.recommend_explore,
            without=frozenset(self.recommend_without),
        )

    def fit_options(self) -> FitOptions:
        """How the recommender is fitted."""
        from mingus_lib.domain.recommend.parameters import FitOptions, Parameters

        return FitOptions(
            tune=self.recommend_tune,
            given=Parameters(content=self.recommend_content_weight),
            dense_articles=self.recommend_dense_articles,
            dense_readers=self.recommend_dense_readers,
            # New articles come in through content: it never has no say.
            least_content=0.1,
        )

    def quality_policy(self) -> QualityPolicy:
        """The quality gate's limits."""
        from mingus_lib.domain.models import QualityPolicy

        return QualityPolicy(self.quality_min_words, self.quality_max_words, self.quality_languages)


@cache
def declarations() -> tuple[Declaration, ...]:
    """Every setting, in the order of the documentation."""
    return tuple(
        Declaration(
            each.name,
            each.metadata["key"] or each.name,
            each.metadata["kind"],
            REQUIRED if each.name == "home" else each.default,
            each.metadata["doc"],
            each.metadata["secret"],
        )
        for each in fields(Settings)
        if "kind" in each.metadata
    )


def declaration(name: str) -> Declaration:
    """The setting of that name; KeyError when there is none."""
    return {each.name: each for each in declarations()}[name]
