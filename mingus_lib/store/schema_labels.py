"""The tables of labels and their costs: migration m006. Money is US dollars, times are ISO 8601 text in UTC."""

# ruff: noqa: S608  (statements are put together from constants of this file only)

_CURRENT = "(c.is_override = 1 OR c.content_hash IS {hash})"

# What wants labels is kept by triggers, so that asking costs nothing at a million articles.
_WANTS = (
    """
CREATE TABLE label_wants (  -- accepted articles without a classification of their present text
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID
""",
    f"""
INSERT INTO label_wants SELECT a.id FROM articles AS a WHERE a.status IN ('review', 'published') AND NOT EXISTS (
  SELECT 1 FROM classifications AS c WHERE c.article_id = a.id AND {_CURRENT.format(hash="a.content_hash")})
""",
    """
CREATE TRIGGER label_wants_new AFTER INSERT ON articles WHEN NEW.status IN ('review', 'published') BEGIN
  INSERT INTO label_wants VALUES (NEW.id);
END
""",
    f"""
CREATE TRIGGER label_wants_changed AFTER UPDATE OF status, content_hash ON articles
WHEN NEW.status IS NOT OLD.status OR NEW.content_hash IS NOT OLD.content_hash BEGIN
  DELETE FROM label_wants WHERE article_id = NEW.id;
  INSERT INTO label_wants SELECT NEW.id WHERE NEW.status IN ('review', 'published') AND NOT EXISTS (
    SELECT 1 FROM classifications AS c WHERE c.article_id = NEW.id AND {_CURRENT.format(hash="NEW.content_hash")});
END
""",
    *(
        f"""
CREATE TRIGGER label_wants_{name} AFTER {event} ON classifications
WHEN NEW.is_override = 1 OR NEW.content_hash IS (SELECT content_hash FROM articles WHERE id = NEW.article_id) BEGIN
  DELETE FROM label_wants WHERE article_id = NEW.article_id;
END
"""
        for name, event in (("given", "INSERT"), ("renewed", "UPDATE"))
    ),
    """
CREATE TRIGGER label_wants_lost AFTER DELETE ON classifications BEGIN
  INSERT INTO label_wants SELECT id FROM articles WHERE id = OLD.article_id AND status IN ('review', 'published')
    AND NOT EXISTS (SELECT 1 FROM label_wants WHERE article_id = OLD.article_id);
END
""",
)

_LABELS = (
    "ALTER TABLE classifications ADD COLUMN cultural_focus TEXT",
    # Labels that an AI engine may still improve on; those of quality reports and of the gate.
    """CREATE INDEX classifications_offline ON classifications (article_id)
       WHERE engine = 'offline' AND is_override = 0""",
    "CREATE INDEX classifications_gate ON classifications (primary_phase, difficulty_level)",
    """
CREATE TABLE label_details (  -- why: the words found, and what the other engine says
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
  evidence TEXT NOT NULL DEFAULT '[]',
  second_opinion TEXT
) STRICT
""",
    """
CREATE TABLE label_reviews (  -- what waits for an editor, and what an editor decided
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
  state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'overridden', 'skipped')),
  flags TEXT NOT NULL DEFAULT '[]',
  value REAL NOT NULL DEFAULT 0,  -- the most valuable look comes first
  opened_at TEXT NOT NULL,
  decided_at TEXT,
  decided_by TEXT
) STRICT
""",
    "CREATE INDEX label_reviews_open ON label_reviews (value DESC, article_id) WHERE state = 'open'",
    """
CREATE TABLE label_history (  -- what editors did, with what was there before, for undo
  id INTEGER PRIMARY KEY,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  action TEXT NOT NULL CHECK (action IN ('accept', 'override', 'skip')),
  at TEXT NOT NULL,
  who TEXT,
  note TEXT,
  before TEXT NOT NULL,
  undone_at TEXT
) STRICT
""",
    "CREATE INDEX label_history_article ON label_history (article_id, id)",
    """
CREATE TABLE label_failures (  -- the dead letters of single articles: the AI engine gave up on this text
  article_id INTEGER PRIMARY KEY REFERENCES articles (id) ON DELETE CASCADE,
  content_hash TEXT,
  prompt_version TEXT NOT NULL,
  reason TEXT NOT NULL,
  job_id TEXT,
  at TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE label_models (  -- what the library's own labels taught, used or not
  id INTEGER PRIMARY KEY,
  created_at TEXT NOT NULL,
  version TEXT,
  examples INTEGER NOT NULL,
  lists_accuracy REAL,
  blend_accuracy REAL,
  reason TEXT NOT NULL,
  model TEXT  -- null: the word lists alone are used
) STRICT
""",
)

_COSTS = (
    """
CREATE TABLE model_calls (  -- every call of a paid model, written before it is made
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'failed', 'unknown')),  -- unknown: sent, no answer came
  article_id INTEGER,  -- no reference: what was paid stays on the record
  job_id TEXT,
  attempt INTEGER,
  in_batch INTEGER NOT NULL DEFAULT 0,  -- 1: its answer may take a day
  answer_key TEXT NOT NULL,
  model TEXT NOT NULL,
  prompt_version TEXT NOT NULL,
  reserved_usd REAL NOT NULL,
  tokens_in INTEGER NOT NULL DEFAULT 0,
  tokens_cached INTEGER NOT NULL DEFAULT 0,
  tokens_out INTEGER NOT NULL DEFAULT 0,
  cost_usd REAL NOT NULL DEFAULT 0,
  price_date TEXT,
  reason TEXT,
  ended_at TEXT
) STRICT
""",
    "CREATE INDEX model_calls_at ON model_calls (at)",
    # One call under way for one question: two workers cannot both pay for it.
    "CREATE UNIQUE INDEX model_calls_open ON model_calls (answer_key) WHERE state = 'open'",
    """
CREATE TABLE model_spending (  -- sums of model_calls by UTC day, so that a budget is two look-ups
  day TEXT PRIMARY KEY,
  calls INTEGER NOT NULL DEFAULT 0,
  spent_usd REAL NOT NULL DEFAULT 0,  -- known costs, and the reserves of calls that were never answered
  reserved_usd REAL NOT NULL DEFAULT 0,  -- of calls under way
  warned INTEGER NOT NULL DEFAULT 0
) STRICT
""",
    """
CREATE TABLE model_answers (  -- finished answers, so that none is paid for twice
  answer_key TEXT PRIMARY KEY,
  answer TEXT NOT NULL,
  model TEXT NOT NULL,
  tokens_in INTEGER NOT NULL,
  tokens_out INTEGER NOT NULL,
  cost_usd REAL NOT NULL,
  at TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE model_servers (  -- what a server was found to take
  server TEXT PRIMARY KEY,
  answer_form TEXT NOT NULL CHECK (answer_form IN ('json_schema', 'json_object', 'plain')),
  limit_name TEXT NOT NULL CHECK (limit_name IN ('max_completion_tokens', 'max_tokens')),
  learned_at TEXT NOT NULL
) STRICT
""",
    """
CREATE TABLE model_batches (  -- large runs through the Batch API
  id INTEGER PRIMARY KEY,
  provider_id TEXT UNIQUE,  -- null: not handed over yet
  state TEXT NOT NULL CHECK (state IN ('preparing', 'running', 'ended', 'failed')),
  model TEXT NOT NULL,
  created_at TEXT NOT NULL,
  looked_at TEXT,
  ended_at TEXT,
  reason TEXT
) STRICT
""",
    "CREATE INDEX model_batches_open ON model_batches (state) WHERE state IN ('preparing', 'running')",
    """
CREATE TABLE model_batch_items (
  batch_id INTEGER NOT NULL REFERENCES model_batches (id) ON DELETE CASCADE,
  article_id INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
  answer_key TEXT NOT NULL,
  call_id INTEGER NOT NULL REFERENCES model_calls (id),
  state TEXT NOT NULL CHECK (state IN ('waiting', 'labelled', 'failed')),
  reason TEXT,
  PRIMARY KEY (batch_id, article_id)
) STRICT, WITHOUT ROWID
""",
    # Asked for every article that is to be labelled, and few items wait.
    "CREATE INDEX model_batch_items_waiting ON model_batch_items (article_id) WHERE state = 'waiting'",
)

STATEMENTS = (*_LABELS, *_WANTS, *_COSTS)
