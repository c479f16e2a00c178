"""The tables of mail: what was read, links with their fates, runs, how far each mailbox was read; migration m005."""

STATEMENTS = (
    """
CREATE TABLE mail_runs (  -- one reading of a mailbox: what became of no mail of ours is counted here
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  started_at TEXT NOT NULL,
  seen INTEGER NOT NULL DEFAULT 0,
  again INTEGER NOT NULL DEFAULT 0,
  older INTEGER NOT NULL DEFAULT 0,
  no_mail INTEGER NOT NULL DEFAULT 0
) STRICT
""",
    """
CREATE TABLE mails (  -- the ledger of mails: a row stays when its body is forgotten
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  identity TEXT NOT NULL UNIQUE,  -- 'id:' and the Message-ID, or 'sha256:' and a hash of the mail
  message_id TEXT,
  subject TEXT NOT NULL,
  sender TEXT NOT NULL,
  sender_name TEXT NOT NULL,
  sent_at TEXT,
  stored_at TEXT NOT NULL,
  source TEXT NOT NULL,
  size INTEGER NOT NULL,  -- of the whole mail; the body is cut at the size cap
  run_id INTEGER REFERENCES mail_runs (id),
  state TEXT NOT NULL CHECK (state IN ('stored', 'decided', 'done', 'failed')),
  reason TEXT,
  parts TEXT NOT NULL DEFAULT '[]',  -- JSON: path, kind, filename, size, reason
  decided_at TEXT,
  job_id TEXT  -- of process_email_articles
) STRICT
""",
    """
CREATE TABLE mail_bodies (
  mail_id INTEGER PRIMARY KEY REFERENCES mails (id) ON DELETE CASCADE,
  encoding TEXT NOT NULL CHECK (encoding IN ('zlib')),
  body BLOB NOT NULL
) STRICT
""",
    """
CREATE TABLE mail_links (  -- the funnel; the outcome of a link that was sent on is in article_outcomes
  mail_id INTEGER NOT NULL REFERENCES mails (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  url TEXT NOT NULL,
  target TEXT,  -- the canonical address it leads to; null for what is no web address
  anchor TEXT NOT NULL,
  place TEXT NOT NULL,
  hidden INTEGER NOT NULL,
  wrappers TEXT NOT NULL,  -- JSON: names of unwrap rules, the outermost first
  decision TEXT NOT NULL CHECK (decision IN ('fetch', 'follow', 'hold', 'known', 'drop')),
  reason TEXT,  -- 'code: words'
  host TEXT,
  quality REAL NOT NULL,
  job_id TEXT,  -- of process_new_articles; null: not sent on, or not yet
  PRIMARY KEY (mail_id, position)
) STRICT
""",
    """
CREATE TABLE mailboxes (  -- how far an IMAP folder was read
  account TEXT NOT NULL,
  folder TEXT NOT NULL,
  uidvalidity INTEGER NOT NULL,
  last_uid INTEGER NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (account, folder)
) STRICT, WITHOUT ROWID
""",
    # The sweeper's: nearly every mail is done.
    "CREATE INDEX mails_unfinished ON mails (id) WHERE state = 'stored' OR state = 'decided'",
    "CREATE INDEX mails_sender ON mails (sender, id)",
    "CREATE INDEX mails_run ON mails (run_id)",
    # Whether another mail has the address on its way, asked for every link.
    "CREATE INDEX mail_links_target ON mail_links (target) WHERE target IS NOT NULL",
    # What became of an address, whichever job had it.
    "CREATE INDEX article_outcomes_url ON article_outcomes (url, at)",
)
