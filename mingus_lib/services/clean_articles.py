"""Old articles: archived, and later their pages and rows deleted, each at its own age."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mingus_lib.domain.retention import ArticlePolicy, Freed
from mingus_lib.store.archiving import Archiving
from mingus_lib.store.steps import Steps

Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class ArticleCleaning:
    """One clean-up of articles. `deadline` is a time.monotonic() value; `shown`: so many articles a dry run lists."""

    archiving: Archiving
    policy: ArticlePolicy

    def planned(self, days_old: int, now: datetime, shown: int) -> dict[str, Any]:
        """What `run` would do, nothing being changed; the documented shape of `cleanup articles --dry-run --json`."""
        policy = replace(self.policy, days_old=days_old)
        plan = self.archiving.plan(policy, now)
        pages, page_bytes = self.archiving.old_pages(policy, now)
        rows, row_bytes = self.archiving.old_rows(policy, now)
        freed = (
            Freed("archived_pages", len(pages), page_bytes),
            Freed("archived_articles", len(rows), row_bytes),
        )
        told = _told(policy, plan.old, len(plan.ids), plan.kept, freed, left=False)
        return {"dry_run": True, **told, "articles": self.archiving.told(plan.ids, shown)}

    def run(self, days_old: int, now: datetime, deadline: float | None, report: Report) -> dict[str, Any]:
        """Archive what is old and not kept, then delete what was archived long enough ago.

        Safe to run twice, and twice at once; what a kill leaves is done by the next run. `left` says that there
        was no time for all of it.
        """
        policy = replace(self.policy, days_old=days_old)
        report(0, 0, "choosing")
        plan = self.archiving.plan(policy, now)
        steps = Steps(deadline=deadline)
        archived = self.archiving.archive(
            plan.ids, now, steps, lambda done, total: report(done, total, "archiving")
        )
        report(len(plan.ids), len(plan.ids), "deleting old pages")
        # Heavier rows: their steps begin small.
        pages, _ = self.archiving.old_pages(policy, now)
        freed = [self.archiving.drop_pages(pages, Steps(5, deadline=deadline, pause=2))]
        rows, _ = self.archiving.old_rows(policy, now)
        # The rules once more: what was restored since it was chosen stays.
        freed.append(self.archiving.drop_rows(rows, policy, now, Steps(2, deadline=deadline, pause=2)))
        # Time that ran out with nothing to do has left nothing.
        left = (steps.over and bool(plan.ids)) or any(each.left for each in freed)
        return {
            "dry_run": False,
            **_told(policy, plan.old, archived, plan.kept, freed, left=left),
            "articles": [],
        }


def _told(
    policy: ArticlePolicy, old: int, archived: int, kept: Any, freed: Any, *, left: bool
) -> dict[str, Any]:
    pages, rows = freed
    return {
        "days_old": policy.days_old,
        "old": old,
        "archived": archived,
        "kept": [
            {"rule": rule.value, "articles": count, "why": policy.words(rule)} for rule, count in kept.items()
        ],
        "pages_deleted": pages.removed,
        "articles_deleted": rows.removed,
        "freed_bytes": pages.bytes + rows.bytes,
        "left": left,
    }
