"""The tables of the timetable: what is known of each entry, and what became of its slots; migration m003."""

from __future__ import annotations

STATEMENTS = (
    """
CREATE TABLE schedule_entries (
  name TEXT PRIMARY KEY,
  task TEXT NOT NULL,
  timing TEXT NOT NULL,  -- cron or every, and the zone: when they change, slots of before are not made up for
  active INTEGER NOT NULL,  -- in the timetable and switched on
  switched INTEGER,  -- an operator's switch, on or off; null: as the file says
  mark TEXT NOT NULL,  -- every slot up to this time is decided
  next_at TEXT  -- the next slot, as the leading scheduler reckoned it; null: none
) STRICT
""",
    # To UNIQUE no NULL is like another: an entry may be run by hand as often as one likes.
    """
CREATE TABLE schedule_slots (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  slot TEXT,  -- null: run by hand
  outcome TEXT NOT NULL CHECK (outcome IN ('enqueued', 'skipped', 'missed')),
  slots INTEGER NOT NULL DEFAULT 1,  -- how many the row stands for, `slot` being the last
  job_id TEXT,
  reason TEXT,
  decided_at TEXT NOT NULL,
  UNIQUE (name, slot)
) STRICT
""",
    "CREATE INDEX schedule_slots_of ON schedule_slots (name, id)",
    "CREATE INDEX schedule_slots_missed ON schedule_slots (decided_at) WHERE outcome = 'missed'",
    "CREATE INDEX schedule_slots_decided ON schedule_slots (decided_at)",
    # Seconds that this one job may take, instead of its task's soft limit.
    "ALTER TABLE job_runs ADD COLUMN timeout INTEGER",
)
