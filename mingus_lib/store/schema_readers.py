"""Readers, their assessments and events, and their lists; migration m007."""

# ruff: noqa: S608  (statements are put together from constants of this file only)

from __future__ import annotations

STATEMENTS = (
    """
CREATE TABLE readers (
  number INTEGER PRIMARY KEY AUTOINCREMENT,  -- short, for millions of events; never another person's
  id TEXT NOT NULL UNIQUE,
  name TEXT,
  income_range TEXT,
  career_stage TEXT,
  goals TEXT NOT NULL DEFAULT '[]',
  created_at TEXT NOT NULL,
  revision INTEGER NOT NULL DEFAULT 1  -- grows with whatever changes the reader's list
) STRICT
""",
    """
CREATE TABLE assessments (
  reader INTEGER NOT NULL REFERENCES readers (number) ON DELETE CASCADE,
  taken_at TEXT NOT NULL,
  be_score REAL NOT NULL CHECK (be_score BETWEEN 0 AND 100),
  do_score REAL NOT NULL CHECK (do_score BETWEEN 0 AND 100),
  have_score REAL NOT NULL CHECK (have_score BETWEEN 0 AND 100),
  is_valid INTEGER NOT NULL DEFAULT 1,
  PRIMARY KEY (reader, taken_at)
) STRICT, WITHOUT ROWID
""",
    # By reader, so that one person's events lie together: for their list, their export and their removal.
    """
CREATE TABLE events (
  reader INTEGER NOT NULL REFERENCES readers (number) ON DELETE CASCADE,
  id TEXT NOT NULL,
  article INTEGER NOT NULL,  -- no foreign key: what was read stays read when an article goes
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  time_spent_seconds INTEGER,
  scroll_depth INTEGER,
  found_helpful INTEGER,
  device TEXT,
  source TEXT,
  rating INTEGER,
  details TEXT,  -- JSON, of a rating or bookmark
  PRIMARY KEY (reader, id)
) STRICT, WITHOUT ROWID
""",
    """
CREATE TRIGGER events_are_append_only BEFORE UPDATE ON events BEGIN
  SELECT RAISE(ABORT, 'events are append-only');
END
""",
    """
CREATE TABLE reader_imports (  -- where an interrupted import goes on
  source TEXT PRIMARY KEY,
  offset INTEGER NOT NULL,
  line INTEGER NOT NULL,
  counts TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE recommendations (  -- one row a reader: the old list is whole until the new one is
  reader INTEGER PRIMARY KEY REFERENCES readers (number) ON DELETE CASCADE,
  made_at TEXT NOT NULL,
  revision INTEGER NOT NULL,  -- the reader's, when the list was made; another one makes it stale
  model TEXT,
  size INTEGER NOT NULL,  -- how many were asked for
  list TEXT NOT NULL  -- JSON
) STRICT
""",
    """
CREATE TABLE recommended (  -- whom a change of an article touches
  article INTEGER NOT NULL,
  reader INTEGER NOT NULL REFERENCES readers (number) ON DELETE CASCADE,
  PRIMARY KEY (article, reader)
) STRICT, WITHOUT ROWID
""",
    # For replacing or forgetting one reader's list: the key leads from articles.
    "CREATE INDEX recommended_reader ON recommended (reader)",
    """
CREATE TABLE recommender_evaluations (  -- how good the recommender was, over time
  at TEXT PRIMARY KEY,
  figures TEXT NOT NULL  -- JSON
) STRICT
""",
    # By triggers: labels and statuses change in many places, and none may forget the lists.
    *(
        f"""
CREATE TRIGGER {name} AFTER {change} BEGIN
  UPDATE readers SET revision = revision + 1 WHERE number IN (SELECT reader FROM recommended WHERE article = {which});
END
"""
        for name, change, which in (
            (
                "lists_of_articles",
                "UPDATE OF status, is_active ON articles "
                "WHEN old.status <> new.status OR old.is_active <> new.is_active",
                "new.id",
            ),
            ("lists_of_articles_gone", "DELETE ON articles", "old.id"),
            ("lists_of_new_labels", "INSERT ON classifications", "new.article_id"),
            (
                "lists_of_labels",
                "UPDATE OF primary_phase, difficulty_level ON classifications "
                "WHEN old.primary_phase <> new.primary_phase OR old.difficulty_level <> new.difficulty_level",
                "new.article_id",
            ),
            ("lists_of_labels_gone", "DELETE ON classifications", "old.article_id"),
        )
    ),
)
