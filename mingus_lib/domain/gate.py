"""The gate: which articles a reader may see. The one rule; every path asks it, through store/gate_sql.py.

Per phase a score below 60 is Beginner, 60-79 Intermediate, 80 and above Advanced (the thresholds are settings).
Beginner articles are open to all; others need that level in the article's own phase. Without a valid assessment a
reader is a Beginner in all. An article without labels may be of any phase and difficulty, so it is open only to
those to whom everything is open. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from mingus_lib.domain.labels import LEVELS
from mingus_lib.domain.labels import PHASES as PHASES

# In rising order: a place in it is a level.
DIFFICULTIES = LEVELS

# The highest open place in DIFFICULTIES for each of PHASES.
Levels = tuple[int, int, int]
# A phase and a difficulty, or None for an article without labels.
Label = tuple[str, str] | None

# Clocks and time zones may differ by so much; an assessment from beyond is a mistake and opens nothing.
CLOCKS = timedelta(days=1)

BEGINNER: Levels = (0, 0, 0)
EVERYTHING: Levels = (2, 2, 2)
LABELS: tuple[Label, ...] = (*((phase, level) for phase in PHASES for level in DIFFICULTIES), None)


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """From which scores a level is open, and for how long an assessment is believed (None: for ever)."""

    intermediate: float = 60
    advanced: float = 80
    believed_for: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """A reader's scores, 0-100."""

    be_score: float
    do_score: float
    have_score: float
    taken_at: datetime
    is_valid: bool = True

    @property
    def scores(self) -> tuple[float, float, float]:
        """In the order of PHASES."""
        return self.be_score, self.do_score, self.have_score


def current(assessments: Iterable[Assessment], policy: GatePolicy, now: datetime) -> Assessment | None:
    """The latest assessment that counts now."""
    return max(
        (each for each in assessments if _counts(each, policy, now)), key=lambda a: a.taken_at, default=None
    )


def _counts(assessment: Assessment, policy: GatePolicy, now: datetime) -> bool:
    age = now - assessment.taken_at
    fresh = policy.believed_for is None or age <= policy.believed_for
    return assessment.is_valid and fresh and age >= -CLOCKS


def levels(assessment: Assessment | None, policy: GatePolicy) -> Levels:
    """What that assessment opens."""
    if assessment is None:
        return BEGINNER
    be, do, have = (_level(score, policy) for score in assessment.scores)
    return be, do, have


def _level(score: float, policy: GatePolicy) -> int:
    # Both, or an `advanced` set below `intermediate` would open a level early.
    return (score >= policy.intermediate) + (score >= policy.intermediate and score >= policy.advanced)


def may_read(label: Label, reader: Levels) -> bool:
    """Whether an article of that label is open to a reader of these levels."""
    if label is None:
        return reader == EVERYTHING
    phase, difficulty = label
    return DIFFICULTIES.index(difficulty) <= reader[PHASES.index(phase)]


def open_labels(reader: Levels) -> tuple[Label, ...]:
    """All that is open to a reader of these levels."""
    # Queries ask whether a label is among these, so that the rule stands in Python alone.
    return tuple(label for label in LABELS if may_read(label, reader))
