"""A period with its trailing four, as the parts of a report share it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from mingus_lib.domain import periods
from mingus_lib.domain.periods import Period
from mingus_lib.domain.report_document import Figure, over_time, share
from mingus_lib.store.reading_sql import Spans


@dataclass(frozen=True)
class Span:
    """`begun`: when the library's first article came or its first event was; before that nothing is known."""

    period: Period
    begun: datetime | None

    @cached_property
    def periods(self) -> tuple[Period, ...]:
        """The trailing four and this one, oldest first."""
        return self.period.with_trailing()

    @cached_property
    def cuts(self) -> tuple[datetime, ...]:
        """The instants between them, the first and the last included."""
        return periods.cuts(self.periods)

    @cached_property
    def spans(self) -> Spans:
        """The same for a statement."""
        return Spans.of(self.cuts)

    @cached_property
    def known(self) -> tuple[bool, ...]:
        """Which of them the library has lived to see; the present one always, if only as nothing."""
        # A week before the first article is unknown, not a week of zeros to have risen from.
        seen = (self.begun is not None and end > self.begun for _, end in self.windows())
        return (*list(seen)[:-1], True)

    def windows(self) -> list[tuple[datetime, datetime]]:
        """First instant and end of each."""
        return list(zip(self.cuts[:-1], self.cuts[1:], strict=True))

    def figure(
        self,
        key: str,
        label: str,
        values: Sequence[float | None],
        unit: str = "count",
        *,
        of: int | None = None,
    ) -> Figure:
        """A figure from its values, oldest first."""
        return over_time(key, label, unit, values, known=self.known, of=of)

    def shares(
        self, key: str, label: str, parts: Sequence[float], wholes: Sequence[float], unit: str = "share"
    ) -> Figure:
        """A figure of parts in wholes; nothing of nothing."""
        values = [share(part, whole) for part, whole in zip(parts, wholes, strict=True)]
        return self.figure(key, label, values, unit, of=int(wholes[-1]))

    @staticmethod
    def aimed(figure: Figure, aim: float, state: str) -> Figure:
        """The figure with what it should be."""
        return replace(figure, aim=aim, state=state)
