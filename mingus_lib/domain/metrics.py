"""Metrics as Prometheus takes them. Pure.

The text format is that of https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Sample:
    """One value under its labels; `suffix` is `_bucket`, `_sum` or `_count` in a histogram."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples. `name` follows Prometheus' rules: base units, counters end in _total."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    help: str
    samples: tuple[Sample, ...]


def histogram(
    labels: Mapping[str, str], counts: Mapping[float, int], bounds: Iterable[float], total: float
) -> Iterator[Sample]:
    """The samples of one histogram: cumulative `counts` (by upper bound) at `bounds`, and the `total` of values."""
    for bound in bounds:
        below = sum(runs for upper, runs in counts.items() if upper <= bound)
        yield Sample(below, {**labels, "le": _number(bound)}, "_bucket")
    whole = sum(counts.values())
    # The format demands it of every histogram.
    yield Sample(whole, {**labels, "le": "+Inf"}, "_bucket")
    yield Sample(total, labels, "_sum")
    yield Sample(whole, labels, "_count")


def text(families: Iterable[Family]) -> str:
    """All of them in the text format."""
    return "".join(line + "\n" for family in families for line in _lines(family))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {_escaped(family.help)}"
    yield f"# TYPE {family.name} {family.kind}"
    for sample in family.samples:
        pairs = ",".join(f'{name}="{_escaped(value, quoted=True)}"' for name, value in sample.labels.items())
        labels = f"{{{pairs}}}" if pairs else ""
        yield f"{family.name}{sample.suffix}{labels} {_number(sample.value)}"


def _number(value: float) -> str:
    # The bounds become labels, which are compared as text: 1 and 1.0 would be two series.
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _escaped(words: str, *, quoted: bool = False) -> str:
    # Backslashes first, or those that stand for line ends would be doubled.
    escaped = words.replace("\\", "\\\\").replace("\n", "\\n")
    # Quotes in labels alone: the format knows no such escape in a HELP line.
    return escaped.replace('"', '\\"') if quoted else escaped
