"""What clean-up needs: keep marks, what is left of removed articles, jobs by day; migrations m009 and m011."""

from __future__ import annotations

STATEMENTS = (
    "ALTER TABLE articles ADD COLUMN is_kept INTEGER NOT NULL DEFAULT 0",  # an editor's keep mark: never archived
    """
CREATE TABLE removed_articles (  -- what people read stays told when the row is gone
  id INTEGER PRIMARY KEY,  -- the article's, which no other one gets
  canonical_url TEXT NOT NULL,
  title TEXT NOT NULL,
  domain TEXT NOT NULL,
  primary_phase TEXT,
  difficulty_level TEXT,
  added_at TEXT NOT NULL,
  archived_at TEXT,
  removed_at TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE job_days (  -- what is left of ended jobs whose rows are gone, by the day of their end (UTC)
  day TEXT NOT NULL,
  task TEXT NOT NULL,
  queue TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('finished', 'dead', 'cancelled')),
  jobs INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  wait_seconds REAL NOT NULL,  -- from their making to their last start, summed; of those that started
  PRIMARY KEY (day, task, queue, state)
) STRICT, WITHOUT ROWID
""",
    # Deleting an article looks for its items; without this every delete scans the table.
    "CREATE INDEX model_batch_items_article ON model_batch_items (article_id)",
)

# With all that decides whether an old article goes: choosing among a million reads this instead of the rows. The id
# stands where lists want it, which are sorted by time and id.
CHOOSING = (
    "DROP INDEX articles_status",
    "CREATE INDEX articles_status ON articles (status, added_at, id, is_active, is_featured, is_kept)",
)
