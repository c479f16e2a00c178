"""Readings as matrices: who read what, how strongly, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from mingus_lib.domain.recommend.matrix import Csr, Floats, Ints


class Places:
    """Where each article stands: ids in any order in, positions out."""

    def __init__(self, ids: Ints) -> None:
        self.count = len(ids)
        self._order = np.argsort(ids, kind="stable")
        self._ids = ids[self._order]

    def of(self, wanted: NDArray[np.float64]) -> Ints:
        """The position of each id; -1 for one that is not there."""
        if not self.count:
            return np.full(len(wanted), -1, np.int64)
        # An id beyond the last has no place to be compared with.
        found = np.minimum(np.searchsorted(self._ids, wanted), self.count - 1)
        return np.where(self._ids[found] == wanted, self._order[found], -1)


@dataclass(frozen=True, slots=True)
class Readings:
    """Readers x articles: `seen` holds strengths above 0; `at`, of the same shape and order, Unix times or nothing."""

    seen: Csr
    at: NDArray[np.float64] | None = None

    @classmethod
    def of(
        cls, rows: NDArray[np.int64], columns: NDArray[np.int64], strengths: Floats,
        at: NDArray[np.float64] | None, shape: tuple[int, int],
    ) -> Readings:  # fmt: skip
        """From one entry a reading; of several of one place the strongest and the latest count."""
        order = np.lexsort((columns, rows))
        rows, columns, strengths = rows[order], columns[order], strengths[order]
        first = np.ones(len(rows), bool)
        first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        starts = np.flatnonzero(first)
        if len(starts) == 0:
            return cls(sparse.csr_array(shape, dtype=np.float32), None)
        strongest = np.maximum.reduceat(strengths, starts).astype(np.float32)
        latest = None if at is None else np.maximum.reduceat(at[order], starts)
        pointers = np.searchsorted(rows[starts], np.arange(shape[0] + 1))
        return cls(
            sparse.csr_array((strongest, columns[starts].astype(np.int32), pointers), shape=shape), latest
        )

    def rows(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Readings:
        """Those of some readers."""
        numbers = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        if self.at is None:
            return Readings(self.seen[numbers], None)
        times = sparse.csr_array((self.at, self.seen.indices, self.seen.indptr), shape=self.seen.shape)[
            numbers
        ]
        return Readings(self.seen[numbers], times.data)

    def kept(self, keep: NDArray[np.bool_]) -> Readings:
        """Those entries alone; the shape stays."""
        pointers = np.concatenate(([0], np.cumsum(keep)))[self.seen.indptr]
        parts = (self.seen.data[keep], self.seen.indices[keep], pointers)
        seen = sparse.csr_array(parts, shape=self.seen.shape)
        return Readings(seen, None if self.at is None else self.at[keep])

    def flat(self) -> Readings:
        """All of one strength."""
        parts = (np.ones_like(self.seen.data), self.seen.indices, self.seen.indptr)
        return Readings(sparse.csr_array(parts, shape=self.seen.shape), self.at)

    def owners(self) -> NDArray[np.int64]:
        """The reader of each entry."""
        return np.repeat(np.arange(self.seen.shape[0]), np.diff(self.seen.indptr))

    def ages(self) -> NDArray[np.int64]:
        """The rank of each entry among its reader's, 0 for the newest; all 0 without times."""
        if self.at is None:
            return np.zeros(self.seen.nnz, np.int64)
        owners = self.owners()
        order = np.lexsort((-self.at, owners))
        found = np.empty(len(order), np.int64)
        found[order] = np.arange(len(order)) - self.seen.indptr[owners[order]]
        return found

    def newest(self, count: int) -> Readings:
        """At most so many of each reader."""
        return self if self.at is None else self.kept(self.ages() < count)

    def histories(self, recency: float) -> Csr:
        """What scores are made from: strength times `recency` to the power of the age, each row of sum 1."""
        weights = self.seen.data * np.power(
            np.float32(recency), np.minimum(self.ages(), 60), dtype=np.float32
        )
        # A 0 behind all: reduceat refuses the place at the end, where readers without a reading begin.
        total = np.maximum(
            np.add.reduceat(np.append(weights, 0), self.seen.indptr[:-1].clip(max=len(weights))), 1e-9
        )
        parts = (weights / np.repeat(total, np.diff(self.seen.indptr)), self.seen.indices, self.seen.indptr)
        return sparse.csr_array(parts, shape=self.seen.shape)

    def split(self, share: float, *, temporal: bool, draw: np.random.Generator) -> tuple[Readings, Readings]:
        """Two parts: most of each reader's readings, and `share` of them held out (the latest, or random ones).

        A reader of a single reading keeps it.
        """
        owners, lengths = self.owners(), np.diff(self.seen.indptr)
        order = draw.random(self.seen.nnz)
        # A random trifle orders readings of the same second.
        ranked = Readings(self.seen, -order if self.at is None or not temporal else self.at + order * 1e-3)
        held = ranked.ages() < np.minimum(np.ceil(lengths * share), lengths - 1)[owners]
        return self.kept(~held), self.kept(held)
