"""What a model is fitted with. Light: no numpy."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parameters:
    """The chosen values. Weights multiply a part divided by the mean size of its entries.

    `ease`: the weight of EASE, 0-1; what is left of 1 is that of RP3beta. `ridge`: lambda of EASE. `alpha`, `beta`,
    `neighbours`: of RP3beta. `content`: the weight of content beside them. `recency`: the factor for each newer
    article in a history. `flat`: strengths of readings are ignored. `quality`: nDCG@10 on the validation part,
    None when nothing was validated.
    """

    ease: float = 0.5
    ridge: float = 100.0
    alpha: float = 0.6
    beta: float = 0.3
    neighbours: int = 200
    content: float = 0.4
    recency: float = 0.8
    flat: bool = False
    quality: float | None = None

    def as_json(self) -> dict[str, Any]:
        """By name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How to fit. `tune`: choose parameters by validation; `given` is used as it is when not, and to begin with.

    `dense_articles`, `dense_readers`: EASE up to so many of either; nothing dense is larger than their square.
    `least_content`: the smallest weight of content that may be chosen.
    `temporal`: validate on each reader's latest readings, as the future will be; else on random ones.
    """

    tune: bool = True
    given: Parameters = Parameters()
    dense_articles: int = 5_000
    dense_readers: int = 8_000
    least_content: float = 0.0
    temporal: bool = True
    seed: int = 0
