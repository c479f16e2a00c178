"""What reports need: events by time and by article, totals of articles, the reports themselves; migration m008."""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

STATEMENTS = (
    # By time: what was done and what was shown are asked for apart, and each event is in one of the two. `kind` is in
    # them so that counting readers never looks at the table: trends take a third of the time.
    "CREATE INDEX events_done ON events (at, article, kind) WHERE kind <> 'recommended'",
    "CREATE INDEX events_shown ON events (at, article, kind) WHERE kind = 'recommended'",
    "CREATE INDEX events_article ON events (article, reader)",
    "CREATE INDEX classifications_at ON classifications (classified_at, engine, confidence_score)",
    """
CREATE TABLE article_totals (  -- derived from events, whole numbers alone; an article's row is made anew as a whole
  article INTEGER PRIMARY KEY,  -- no foreign key: what was read stays read when an article goes
  events INTEGER NOT NULL,
  views INTEGER NOT NULL,
  starts INTEGER NOT NULL,
  finishes INTEGER NOT NULL,
  bookmarks INTEGER NOT NULL,
  shares INTEGER NOT NULL,
  readers INTEGER NOT NULL,  -- this and what follows count each reader once
  finishers INTEGER NOT NULL,
  timed INTEGER NOT NULL,
  seconds INTEGER NOT NULL,
  scrolled INTEGER NOT NULL,
  depth INTEGER NOT NULL,
  raters INTEGER NOT NULL,
  stars INTEGER NOT NULL,
  told INTEGER NOT NULL,
  helped INTEGER NOT NULL,
  keepers INTEGER NOT NULL,
  fans INTEGER NOT NULL,
  shown INTEGER NOT NULL,
  answered INTEGER NOT NULL,
  last_at TEXT  -- of the latest event that is not a showing
) STRICT
""",
    """
CREATE TABLE article_news (  -- how often an article's events changed, and up to which change they are in its totals
  article INTEGER PRIMARY KEY,
  changes INTEGER NOT NULL,
  counted INTEGER NOT NULL DEFAULT 0
) STRICT
""",
    "CREATE INDEX article_news_waiting ON article_news (article) WHERE changes > counted",
    # What is on the record already is counted by the first update.
    "INSERT INTO article_news (article, changes) SELECT article, 1 FROM events GROUP BY article",
    *(
        f"""
CREATE TRIGGER article_news_{name} AFTER {change} ON events BEGIN
  INSERT INTO article_news (article, changes) VALUES ({which}.article, 1)
    ON CONFLICT (article) DO UPDATE SET changes = changes + 1;
END
"""
        for name, change, which in (("added", "INSERT", "new"), ("removed", "DELETE", "old"))
    ),
    """
CREATE TABLE reports (  -- made again, a report takes the place of the one before
  kind TEXT NOT NULL,
  start TEXT NOT NULL,  -- the first day, in the report time zone
  zone TEXT NOT NULL,
  schema INTEGER NOT NULL,  -- of the body
  made_at TEXT NOT NULL,
  body TEXT NOT NULL,  -- JSON
  PRIMARY KEY (kind, start)
) STRICT
""",
    """
CREATE TABLE worker_starts (  -- when worker processes began, for the report on operations
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  worker TEXT NOT NULL
) STRICT
""",
    "CREATE INDEX worker_starts_at ON worker_starts (at)",
)
