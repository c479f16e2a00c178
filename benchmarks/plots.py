"""Charts as SVG files: readable in light and dark, no script, no outside font."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from itertools import pairwise

WIDTH, HEIGHT, GAP, LEFT = 640, 110, 44, 16
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#57606a}.t{font-size:15px;fill:#1f2328}"
    "path{fill:none;stroke:#0969da;stroke-width:1.5}line{stroke:#d0d7de}rect{fill:#0969da}"
    ".d{stroke:#8c959f;stroke-dasharray:4 4}@media(prefers-color-scheme:dark){text{fill:#9198a1}.t{fill:#f0f6fc}"
    "path{stroke:#4493f8}rect{fill:#4493f8}line{stroke:#3d444d}.d{stroke:#656c76}}"
)
Points = Sequence[tuple[float, float]]


def lines(title: str, series: Mapping[str, Points], across: str = "minutes") -> str:
    """One chart under another, each from zero to its greatest value; `series` is (x, y) by name."""
    height = 40 + len(series) * (HEIGHT + GAP)
    charts = [
        _chart(40 + number * (HEIGHT + GAP), name, points, across)
        for number, (name, points) in enumerate(series.items())
    ]
    return _svg(title, height, charts)


def bars(title: str, values: Mapping[str, float]) -> str:
    """A bar for each value, from zero, with its name and figure."""
    most = max(values.values(), default=0) or 1.0
    rows = [
        f'<text x="{LEFT}" y="{52 + 40 * number}">{escape(name)}</text>'
        f'<text x="{LEFT + WIDTH}" y="{52 + 40 * number}" text-anchor="end">{value:,.3g}</text>'
        f'<rect x="{LEFT}" y="{57 + 40 * number}" width="{max(1.0, value / most * WIDTH):.1f}" height="9" rx="2"/>'
        for number, (name, value) in enumerate(values.items())
    ]
    return _svg(title, 50 + 40 * len(values), rows)


def curves(title: str, series: Mapping[str, Mapping[str, float]]) -> str:
    """How cost grows with size: a line for each name over its sizes, both axes logarithmic.

    `series` is by name: size (as text, commas allowed) to a positive cost. The dashed line grows as the size does.
    """
    points = {
        name: [(math.log10(float(x.replace(",", ""))), math.log10(max(y, 1e-9))) for x, y in line.items()]
        for name, line in series.items()
    }
    height = 40 + len(points) * (HEIGHT + GAP)
    return _svg(
        title,
        height,
        [
            _growth(40 + n * (HEIGHT + GAP), name, line, series[name])
            for n, (name, line) in enumerate(points.items())
        ],
    )


def _growth(top: int, name: str, points: Points, told: Mapping[str, float]) -> str:
    left, right = points[0][0], points[-1][0]
    span = max(right - left, 1e-9)
    low, base, tall = min(y for _, y in points), top + HEIGHT, HEIGHT - 30

    def place(x: float, y: float) -> str:
        return f"{LEFT + (x - left) / span * WIDTH:.1f} {base - (y - low) / span * tall:.1f}"

    line = " ".join(f"{'L' if n else 'M'}{place(x, y)}" for n, (x, y) in enumerate(points))
    slopes = [(b[1] - a[1]) / max(b[0] - a[0], 1e-9) for a, b in pairwise(points)]
    (first, *_, last) = told.items()
    return (
        f'<text x="{LEFT}" y="{top + 12}">{escape(name)}</text>'
        f'<text x="{LEFT + WIDTH}" y="{top + 12}" text-anchor="end">'
        f"{first[1]:.3g} to {last[1]:.3g}; steepest growth: size to the power of {max(slopes, default=0):.2f}</text>"
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{base}" y2="{base}"/><path d="{line}"/>'
        f'<path class="d" d="M{place(left, low)}L{place(right, low + span)}"/>'
        f'<text x="{LEFT}" y="{base + 16}">{escape(first[0])}</text>'
        f'<text x="{LEFT + WIDTH}" y="{base + 16}" text-anchor="end">{escape(last[0])}</text>'
    )


def _svg(title: str, height: int, inner: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * LEFT} {height}" role="img">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<text class="t" x="{LEFT}" y="22">{escape(title)}</text>{"".join(inner)}</svg>\n'
    )


def _chart(top: int, name: str, points: Points, across: str) -> str:
    most = max((y for _, y in points), default=0) or 1.0
    end = max((x for x, _ in points), default=0) or 1.0
    base = top + 20 + HEIGHT - 20
    steps = " ".join(
        f"{'M' if not index else 'L'}{LEFT + x / end * WIDTH:.1f} {base - y / most * (HEIGHT - 30):.1f}"
        for index, (x, y) in enumerate(_highest(points, end))
    )
    return (
        f'<text x="{LEFT}" y="{top + 12}">{escape(name)}</text>'
        f'<text x="{LEFT + WIDTH}" y="{top + 12}" text-anchor="end">at most {most:,.3g}</text>'
        f'<line x1="{LEFT}" x2="{LEFT + WIDTH}" y1="{base}" y2="{base}"/><path d="{steps}"/>'
        f'<text x="{LEFT}" y="{base + 16}">0</text>'
        f'<text x="{LEFT + WIDTH}" y="{base + 16}" text-anchor="end">{end:.3g} {escape(across)}</text>'
    )


def _highest(points: Points, end: float) -> Points:
    """Of each two pixels' points the highest: more cannot be seen, and a peak is not lost."""
    seen: dict[int, tuple[float, float]] = {}
    for x, y in points:
        place = int(x / end * WIDTH / 2)
        if place not in seen or y > seen[place][1]:
            seen[place] = (x, y)
    return list(seen.values())
