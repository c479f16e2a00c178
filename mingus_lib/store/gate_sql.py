"""The gate inside queries: the one place where SQL knows what a reader may see. The rule is domain/gate.py's."""

from __future__ import annotations

from mingus_lib.domain.gate import Levels, open_labels


def visible(reader: Levels) -> str:
    """A condition on articles `a`: published, active, and open to a reader of these levels. Made of constants only."""
    labels = open_labels(reader)
    known = ", ".join(f"'{label[0]} {label[1]}'" for label in labels if label is not None)
    # Both labels as one text: one look-up by the article's id answers for them.
    label = "g.primary_phase || ' ' || g.difficulty_level"
    condition = f"(SELECT {label} FROM classifications AS g WHERE g.article_id = a.id)"  # noqa: S608
    # Without labels the look-up is NULL, which IN never finds: closed unless it is said here.
    unlabelled = f" OR {condition} IS NULL" if None in labels else ""
    return f"(a.status = 'published' AND a.is_active = 1 AND ({condition} IN ({known}){unlabelled}))"
