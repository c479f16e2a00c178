"""The schema, one migration after another; never edit one that was released, add the next.

Imported only when a file needs migrating (sqlite_utils costs 70-90 ms). All pending migrations run in
one transaction, so none may use VACUUM or executescript (which commits). Times are ISO 8601 text, UTC.
Longer than 300 lines on purpose: a schema is read as one piece.
"""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

import uuid

from sqlite_utils import Database, Migrations

from mingus_lib.store import (
    schema_analytics,
    schema_calls,
    schema_history,
    schema_labels,
    schema_mails,
    schema_readers,
    schema_retention,
    schema_timetable,
)

migrations = Migrations("mingus")

_META = """
CREATE TABLE meta (  -- facts about this file: store_id (stamped into Redis too), hosts_seed
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT
"""

_ARTICLES = """
CREATE TABLE articles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused: jobs and readers' events keep ids
  url TEXT NOT NULL,
  canonical_url TEXT NOT NULL UNIQUE,
  domain TEXT NOT NULL,
  title TEXT NOT NULL DEFAULT '',
  preview TEXT NOT NULL DEFAULT '',
  description TEXT,
  author TEXT,
  site_name TEXT,
  language TEXT,
  published_at TEXT,  -- a date: YYYY-MM-DD
  added_at TEXT NOT NULL,  -- the order of lists; fetched_at moves with every reprocess
  fetched_at TEXT,
  updated_at TEXT NOT NULL,
  word_count INTEGER NOT NULL DEFAULT 0,
  reading_time_minutes INTEGER NOT NULL DEFAULT 1,
  content_hash TEXT,
  fingerprint INTEGER,  -- simhash, 64 bits, signed as SQLite's integers are
  source_quality REAL NOT NULL DEFAULT 0.5,
  status TEXT NOT NULL CHECK (status IN ('pending', 'held', 'rejected', 'review', 'published', 'archived')),
  reason TEXT,  -- 'code: detail' for held and rejected
  etag TEXT,
  last_modified TEXT,
  is_active INTEGER NOT NULL DEFAULT 1,
  is_featured INTEGER NOT NULL DEFAULT 0,
  admin_notes TEXT,
  archived_at TEXT,
  archived_from TEXT  -- the status that restore gives back
) STRICT
"""

_ARTICLE_PARTS = (
    """
CREATE TABLE article_texts (  -- apart from articles, so that lists read few pages
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
  text TEXT NOT NULL,
  html TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE article_raw (  -- the page as fetched, for extracting again without fetching
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
  encoding TEXT NOT NULL CHECK (encoding IN ('zlib')),
  body BLOB NOT NULL,
  content_type TEXT,
  charset TEXT,
  final_url TEXT
) STRICT
""",
    """
CREATE TABLE article_aliases (  -- other addresses of an article: found later, never its own
  canonical_url TEXT PRIMARY KEY,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  url TEXT NOT NULL,
  first_seen TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE fingerprint_bands (  -- near-duplicates share a band: a look-up, never a scan
  band INTEGER NOT NULL,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  fingerprint INTEGER NOT NULL,  -- repeated, so that a look-up reads only this table
  PRIMARY KEY (band, article_id)
) STRICT, WITHOUT ROWID
""",
    """
CREATE TABLE classifications (
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
  primary_phase TEXT NOT NULL CHECK (primary_phase IN ('BE', 'DO', 'HAVE')),
  difficulty_level TEXT NOT NULL CHECK (difficulty_level IN ('Beginner', 'Intermediate', 'Advanced')),
  confidence_score REAL NOT NULL CHECK (confidence_score BETWEEN 0 AND 1),
  demographic_relevance INTEGER CHECK (demographic_relevance BETWEEN 1 AND 10),  -- null: never scored
  cultural_sensitivity INTEGER CHECK (cultural_sensitivity BETWEEN 1 AND 10),
  income_impact_potential INTEGER CHECK (income_impact_potential BETWEEN 1 AND 10),
  actionability_score INTEGER CHECK (actionability_score BETWEEN 1 AND 10),
  professional_development_value INTEGER CHECK (professional_development_value BETWEEN 1 AND 10),
  key_topics TEXT NOT NULL DEFAULT '[]',  -- JSON lists of short strings, this and the next three
  learning_objectives TEXT NOT NULL DEFAULT '[]',
  prerequisites TEXT NOT NULL DEFAULT '[]',
  cultural_relevance_keywords TEXT NOT NULL DEFAULT '[]',
  target_income_range TEXT,
  career_stage TEXT,
  recommended_reading_order INTEGER NOT NULL DEFAULT 50 CHECK (recommended_reading_order BETWEEN 1 AND 100),
  classification_reasoning TEXT,
  is_override INTEGER NOT NULL DEFAULT 0,  -- an editor's: no automatic run may replace it
  engine TEXT NOT NULL,
  model TEXT,
  prompt_version TEXT,
  tokens_in INTEGER NOT NULL DEFAULT 0,
  tokens_out INTEGER NOT NULL DEFAULT 0,
  cost_usd REAL NOT NULL DEFAULT 0,
  classified_at TEXT NOT NULL,
  content_hash TEXT  -- of the text it was made from; differs from the article's when stale
) STRICT
""",
    """
CREATE TABLE hosts (
  host TEXT PRIMARY KEY,
  policy TEXT NOT NULL CHECK (policy IN ('allow', 'deny', 'unknown')),
  quality REAL NOT NULL CHECK (quality BETWEEN 0 AND 1),
  note TEXT,
  origin TEXT NOT NULL CHECK (origin IN ('seed', 'operator')),  -- a new seed never overrules an operator
  updated_at TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE article_counts (  -- kept by triggers: counting a million rows takes too long for `status`
  status TEXT PRIMARY KEY,
  articles INTEGER NOT NULL
) STRICT, WITHOUT ROWID
""",
)

_INDEXES = (
    "CREATE INDEX articles_added ON articles (added_at)",
    "CREATE INDEX articles_status ON articles (status, added_at)",
    "CREATE INDEX articles_domain ON articles (domain, added_at)",
    "CREATE INDEX articles_hash ON articles (content_hash) WHERE content_hash IS NOT NULL",
    "CREATE INDEX article_aliases_article ON article_aliases (article_id)",
    # Deleting an article needs its bands; without this every delete scans the table.
    "CREATE INDEX fingerprint_bands_article ON fingerprint_bands (article_id)",
)

_COUNTING = (
    """
CREATE TRIGGER articles_counted AFTER INSERT ON articles BEGIN
  INSERT INTO article_counts VALUES (new.status, 1)
    ON CONFLICT (status) DO UPDATE SET articles = articles + 1;
END
""",
    """
CREATE TRIGGER articles_uncounted AFTER DELETE ON articles BEGIN
  UPDATE article_counts SET articles = articles - 1 WHERE status = old.status;
END
""",
    """
CREATE TRIGGER articles_recounted AFTER UPDATE OF status ON articles WHEN old.status <> new.status BEGIN
  UPDATE article_counts SET articles = articles - 1 WHERE status = old.status;
  INSERT INTO article_counts VALUES (new.status, 1)
    ON CONFLICT (status) DO UPDATE SET articles = articles + 1;
END
""",
)

# Rejected, held and pending pages stay out: a search is for what passed the gate.
_SEARCHABLE = "('review', 'published', 'archived')"

# remove_diacritics 2, because 1, the default, leaves letters with two marks as they are.
_SEARCH = (
    f"""
CREATE VIEW article_search AS
  SELECT a.id, a.title, a.description, t.text
  FROM articles AS a JOIN article_texts AS t ON t.article_id = a.id
  WHERE a.status IN {_SEARCHABLE}
""",
    # External content: the index keeps no second copy of the text (contentless-delete needs SQLite 3.43).
    """
CREATE VIRTUAL TABLE article_fts USING fts5 (
  title, description, text, content='article_search', content_rowid='id',
  tokenize='porter unicode61 remove_diacritics 2'
)
""",
    # Titles once more by themselves: common words are answered from here (see search.py).
    """
CREATE VIRTUAL TABLE title_fts USING fts5 (
  title, content='article_search', content_rowid='id', columnsize=0,
  tokenize='porter unicode61 remove_diacritics 2'
)
""",
)


def _index(identity: str) -> str:
    """Statements of a trigger body that put one article into the search indexes."""
    return f"""
  INSERT INTO article_fts (rowid, title, description, text)
    SELECT id, title, description, text FROM article_search WHERE id = {identity};
  INSERT INTO title_fts (rowid, title) SELECT id, title FROM article_search WHERE id = {identity};
"""


def _unindex(identity: str) -> str:
    """The reverse; FTS5 wants the very values it indexed, so it must run before they change."""
    return f"""
  INSERT INTO article_fts (article_fts, rowid, title, description, text)
    SELECT 'delete', id, title, description, text FROM article_search WHERE id = {identity};
  INSERT INTO title_fts (title_fts, rowid, title)
    SELECT 'delete', id, title FROM article_search WHERE id = {identity};
"""


# Archiving or publishing indexes nothing anew: the text was searchable before and is after.
_CHANGED = f"""
  old.title IS NOT new.title OR old.description IS NOT new.description
  OR (old.status IN {_SEARCHABLE}) <> (new.status IN {_SEARCHABLE})
"""

_OLD, _NEW = "old.article_id", "new.article_id"

_SEARCH_TRIGGERS = (
    f"CREATE TRIGGER texts_indexed AFTER INSERT ON article_texts BEGIN {_index(_NEW)} END",
    f"CREATE TRIGGER texts_leaving BEFORE UPDATE OF text ON article_texts BEGIN {_unindex(_OLD)} END",
    f"CREATE TRIGGER texts_changed AFTER UPDATE OF text ON article_texts BEGIN {_index(_NEW)} END",
    # Before the article goes: the cascade to article_texts runs when its title is no longer there.
    f"CREATE TRIGGER articles_leaving BEFORE DELETE ON articles BEGIN {_unindex('old.id')} END",
    f"""
CREATE TRIGGER articles_changing BEFORE UPDATE OF title, description, status ON articles WHEN {_CHANGED}
BEGIN {_unindex("old.id")} END
""",
    f"""
CREATE TRIGGER articles_changed AFTER UPDATE OF title, description, status ON articles WHEN {_CHANGED}
BEGIN {_index("new.id")} END
""",
)

_WORK = (
    # No foreign key: the record of a job outlives the article and the job.
    """
CREATE TABLE article_outcomes (  -- the checkpoint of process_new_articles: a second run skips these
  job_id TEXT NOT NULL,
  position INTEGER NOT NULL,
  url TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('added', 'duplicate', 'unchanged', 'rejected', 'failed')),
  article_id INTEGER,
  reason TEXT,
  final INTEGER NOT NULL DEFAULT 1,  -- 0: failed for now, the job's next attempt tries it again
  at TEXT NOT NULL,
  PRIMARY KEY (job_id, url)
) STRICT, WITHOUT ROWID
""",
    # The latest failures, which `mingus status` shows.
    "CREATE INDEX article_outcomes_failed ON article_outcomes (at) WHERE outcome = 'failed'",
    """
CREATE TABLE follow_ups (  -- next steps of finished work, kept until somebody can enqueue them
  id INTEGER PRIMARY KEY,
  task TEXT NOT NULL,
  args TEXT NOT NULL,  -- JSON, keys sorted, so that a second run records nothing twice
  parent_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  enqueued_at TEXT,
  job_id TEXT,
  UNIQUE (parent_id, task, args)
) STRICT
""",
    # The sweeper's: of all next steps hardly any waits.
    "CREATE INDEX follow_ups_pending ON follow_ups (id) WHERE enqueued_at IS NULL",
)

_LEDGER = (
    """
CREATE TABLE job_runs (  -- every job, before it is pushed and at every end
  id TEXT PRIMARY KEY,
  task TEXT NOT NULL,
  queue TEXT NOT NULL,
  args TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('queued', 'scheduled', 'started', 'finished', 'dead', 'cancelled')),
  origin TEXT NOT NULL,  -- 'cli', 'job:ID', 'schedule:NAME', 'python'
  parent_id TEXT,
  root_id TEXT,
  created_at TEXT NOT NULL,
  confirmed_at TEXT,  -- pushed to Redis; null means it may have to be pushed again
  scheduled_for TEXT,
  started_at TEXT,
  ended_at TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  result TEXT,
  reason TEXT,
  traceback TEXT,
  progress_done INTEGER,
  progress_total INTEGER,
  progress_text TEXT
) STRICT
""",
    """
CREATE TABLE job_attempts (
  job_id TEXT NOT NULL REFERENCES job_runs (id) ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  worker TEXT,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  state TEXT NOT NULL,
  reason TEXT,
  traceback TEXT,
  PRIMARY KEY (job_id, attempt)
) STRICT, WITHOUT ROWID
""",
    "CREATE INDEX job_runs_created ON job_runs (created_at)",
    "CREATE INDEX job_runs_state ON job_runs (state, created_at)",
    "CREATE INDEX job_runs_task ON job_runs (task, state, created_at)",
    "CREATE INDEX job_runs_queue ON job_runs (queue, state, created_at)",
    "CREATE INDEX job_runs_ended ON job_runs (state, ended_at) WHERE ended_at IS NOT NULL",
    "CREATE INDEX job_runs_parent ON job_runs (parent_id) WHERE parent_id IS NOT NULL",
    "CREATE INDEX job_runs_root ON job_runs (root_id) WHERE root_id IS NOT NULL",
    # What a crash between the ledger and Redis left undone.
    "CREATE INDEX job_runs_unconfirmed ON job_runs (created_at) WHERE confirmed_at IS NULL",
)


@migrations()
def m001_library(db: Database) -> None:
    """Articles with their texts, pages, aliases and search; hosts; outcomes; follow-ups; the job ledger."""
    parts = (_META, _ARTICLES, *_ARTICLE_PARTS, *_INDEXES, *_COUNTING, *_SEARCH, *_SEARCH_TRIGGERS)
    for statement in (*parts, *_WORK, *_LEDGER):
        db.conn.execute(statement)
    # Once for ever: Redis is stamped with it, and a backup keeps it.
    db.conn.execute("INSERT INTO meta VALUES ('store_id', ?)", (str(uuid.uuid4()),))


_DELIVERY = (
    "ALTER TABLE job_runs ADD COLUMN tries INTEGER NOT NULL DEFAULT 0",  # attempts since the last requeue
    "ALTER TABLE job_runs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0",  # attempts that took their process along
    "ALTER TABLE job_runs ADD COLUMN refused INTEGER NOT NULL DEFAULT 0",  # 1: no requeue runs it
    "ALTER TABLE job_runs ADD COLUMN cancel_requested INTEGER NOT NULL DEFAULT 0",
    "UPDATE job_runs SET tries = attempts",
    # A job changes its state twice for every run: only indexes that such a change leaves alone, or that hold few.
    "DROP INDEX job_runs_state",
    "DROP INDEX job_runs_task",
    "DROP INDEX job_runs_queue",
    "DROP INDEX job_runs_ended",
    "CREATE INDEX job_runs_task ON job_runs (task, created_at)",
    "CREATE INDEX job_runs_queue ON job_runs (queue, created_at)",
    # Every index ends with the row number: so this one also has the order of Ledger.open_pages.
    "CREATE INDEX job_runs_open ON job_runs (queue) WHERE state IN ('queued', 'scheduled', 'started')",
    # Written as SQLite can prove it: it takes `state = 'dead'` to imply one side of the OR.
    "CREATE INDEX job_runs_bad ON job_runs (state, ended_at) WHERE state = 'dead' OR state = 'cancelled'",
)


@migrations()
def m002_delivery(db: Database) -> None:
    """What the queue runtime notes of a job: tries, deaths, refusals, requests to stop."""
    for statement in _DELIVERY:
        db.conn.execute(statement)


@migrations()
def m003_timetable(db: Database) -> None:
    """The timetable's entries and slots; a time limit of a job's own."""
    for statement in schema_timetable.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m004_history(db: Database) -> None:
    """What keeps the history fast: runs counted by day, jobs by state, indexes of what went wrong."""
    for statement in schema_history.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m005_mails(db: Database) -> None:
    """Mails, their links with their fates, and how far each mailbox was read."""
    for statement in schema_mails.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m006_labels(db: Database) -> None:
    """Labels: what wants them, reviews, evidence, models; what model calls cost, answers, batches."""
    for statement in schema_labels.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m007_readers(db: Database) -> None:
    """Readers with their assessments, events and lists; how good the recommender was."""
    for statement in schema_readers.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m008_analytics(db: Database) -> None:
    """Events by time and article, totals of articles, stored reports, when workers began."""
    for statement in schema_analytics.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m009_retention(db: Database) -> None:
    """What clean-up needs: the keep mark, what is left of removed articles and of forgotten jobs."""
    for statement in schema_retention.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m010_calls(db: Database) -> None:
    """When a model call's first request left; reviews that were put off."""
    for statement in schema_calls.STATEMENTS:
        db.conn.execute(statement)


@migrations()
def m011_choosing(db: Database) -> None:
    """The index by status with what clean-up chooses by."""
    for statement in schema_retention.CHOOSING:
        db.conn.execute(statement)


@migrations()
def m012_reasons(db: Database) -> None:
    """The index by reason goes: no question was ever asked of it, and every failure paid for it."""
    db.conn.execute("DROP INDEX job_runs_told")
