"""What reports need: events by time and by article, totals of articles, the reports themselves; migration m008."""

from __future__ import annotations

from mingus_lib.store import event_indexes

STATEMENTS = (
    *event_indexes.STATEMENTS,
    # With all that reports ask of labels, whose rows are large.
    "CREATE INDEX classifications_at ON classifications (classified_at, engine, confidence_score)",
    """
CREATE TABLE article_totals (  -- derived from events, in whole numbers alone
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
CREATE TABLE events_uncounted (  -- events of articles with totals that are not in them yet: store/events.append
  article INTEGER NOT NULL,
  reader INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (article, reader, id)
) STRICT, WITHOUT ROWID
""",
    """
CREATE TABLE article_doubts (  -- articles whose events are to be counted from the first: no totals yet, or lost events
  article INTEGER PRIMARY KEY
) STRICT
""",
    # A library of an earlier release has no totals: every article is counted from its first event on.
    "INSERT INTO article_doubts SELECT DISTINCT article FROM events",
    """
CREATE TRIGGER events_lost AFTER DELETE ON events BEGIN
  INSERT INTO article_doubts VALUES (old.article) ON CONFLICT DO NOTHING;
  DELETE FROM events_uncounted WHERE article = old.article AND reader = old.reader AND id = old.id;
END
""",
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
