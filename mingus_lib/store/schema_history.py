"""What the history needs to stay fast with millions of jobs: runs counted by day, jobs by state, small indexes; m004.

Counted by triggers, in the transaction of what they count: reading a million rows for a page takes too long, and
the runs must outlive the rows. No index keeps an entry for a job that finished at its first try.
"""

# ruff: noqa: S608  (statements are put together from constants of this file only)
from __future__ import annotations

from mingus_lib.domain.runs import BEYOND, BOUNDS

# As a CASE, which a trigger evaluates in a microsecond; a table of the bounds takes fifteen.
_BUCKET = f"CASE {' '.join(f'WHEN seconds <= {bound} THEN {bound}' for bound in BOUNDS)} ELSE {BEYOND} END"
# Not below nought: a clock that was set back must not take time off the sums.
_RUNS = """
SELECT substr(a.ended_at, 1, 10) AS day, r.task, a.state AS outcome,
  max(0.0, round((julianday(a.ended_at) - julianday(a.started_at)) * 86400, 3)) AS seconds
"""
_ADD = """
ON CONFLICT (day, task, outcome, bucket) DO UPDATE SET
  runs = runs + excluded.runs, seconds = seconds + excluded.seconds, longest = max(longest, excluded.longest)
"""

_TASK_DAYS = (
    """
CREATE TABLE task_days (  -- runs by the day of their end (UTC), task, outcome and duration
  day TEXT NOT NULL,
  task TEXT NOT NULL,
  outcome TEXT NOT NULL,  -- of the attempt: finished, dead (it failed), cancelled, lost
  bucket REAL NOT NULL,  -- seconds: the least bound of domain/runs that is not below
  runs INTEGER NOT NULL,
  seconds REAL NOT NULL,
  longest REAL NOT NULL,
  PRIMARY KEY (day, task, outcome, bucket)
) STRICT, WITHOUT ROWID
""",
    # Runs of before this migration count, too.
    f"""
INSERT INTO task_days
SELECT day, task, outcome, bucket, count(*), sum(seconds), max(seconds) FROM (
  SELECT *, {_BUCKET} AS bucket FROM (
    {_RUNS} FROM job_attempts AS a JOIN job_runs AS r ON r.id = a.job_id WHERE a.ended_at IS NOT NULL))
GROUP BY day, task, outcome, bucket
""",
    # `WHERE true`: after a bare SELECT SQLite takes ON CONFLICT for the ON of a join.
    f"""
CREATE TRIGGER attempts_counted AFTER INSERT ON job_attempts WHEN new.ended_at IS NOT NULL BEGIN
  INSERT INTO task_days SELECT day, task, outcome, {_BUCKET}, 1, seconds, seconds FROM (
    {_RUNS.replace("a.", "new.")} FROM job_runs AS r WHERE r.id = new.job_id) WHERE true {_ADD};
END
""",
)

_JOB_COUNTS = (
    """
CREATE TABLE job_counts (  -- jobs on the record by task and state
  task TEXT NOT NULL,
  state TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (task, state)
) STRICT, WITHOUT ROWID
""",
    "INSERT INTO job_counts SELECT task, state, count(*) FROM job_runs GROUP BY task, state",
    """
CREATE TRIGGER jobs_counted AFTER INSERT ON job_runs BEGIN
  INSERT INTO job_counts VALUES (new.task, new.state, 1) ON CONFLICT (task, state) DO UPDATE SET jobs = jobs + 1;
END
""",
    """
CREATE TRIGGER jobs_uncounted AFTER DELETE ON job_runs BEGIN
  UPDATE job_counts SET jobs = jobs - 1 WHERE task = old.task AND state = old.state;
END
""",
    """
CREATE TRIGGER jobs_recounted AFTER UPDATE OF state ON job_runs WHEN old.state <> new.state BEGIN
  UPDATE job_counts SET jobs = jobs - 1 WHERE task = old.task AND state = old.state;
  INSERT INTO job_counts VALUES (new.task, new.state, 1) ON CONFLICT (task, state) DO UPDATE SET jobs = jobs + 1;
END
""",
)

_INDEXES = (
    "CREATE INDEX job_runs_active ON job_runs (state, created_at) "
    "WHERE state = 'queued' OR state = 'scheduled' OR state = 'started'",
    # The few dead jobs of a task among thousands of another.
    "CREATE INDEX job_runs_dead ON job_runs (task, ended_at) WHERE state = 'dead'",
    "CREATE INDEX job_runs_told ON job_runs (created_at) WHERE reason IS NOT NULL",
)

STATEMENTS = (*_TASK_DAYS, *_JOB_COUNTS, *_INDEXES)
