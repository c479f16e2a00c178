"""A report on a terminal, and as tab-separated lines off one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mingus_lib.domain.report_document import Document, Figure, Section, Series, Table
from mingus_lib.view import human, output, report_words
from mingus_lib.view.output import Kind

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as Grid
    from rich.text import Text

# A state of a figure or trend in the look of all states.
LOOKS = {
    "rising": ("▲", "green"),
    "falling": ("▼", "yellow"),
    "steady": ("=", "dim"),
    "too few": ("·", "dim"),
}


def show(document: Document) -> None:
    """Print it with rich."""
    console = output.console()
    for part in _parts(document, console):
        console.print(part)


def _parts(document: Document, console: Console) -> Iterator[RenderableType]:
    from rich.rule import Rule
    from rich.text import Text

    yield Text(human.printable(document.title), style="bold")
    yield Text(human.printable(report_words.covered(document)), style="dim")
    for note in document.notes:
        yield Text(human.printable(note), style="yellow")
    for section in document.sections:
        yield Text("")
        yield Rule(Text(human.printable(section.title), style="bold"), align="left", style="dim")
        yield from _section(section, console.width)


def _section(section: Section, width: int) -> Iterator[RenderableType]:
    from rich.text import Text

    if section.figures:
        yield _figures(section.figures, width)
    for series in section.series:
        # A chart names its lowest and highest value: there has to be one.
        if any(report_words.numbers([value for _, value in series.points])):
            yield Text("")
            yield _chart(series, width)
    for table in section.tables:
        if table.rows:
            yield Text(f"\n{human.printable(table.title)}", style="bold")
            yield _table(table)
    for note in section.notes:
        yield Text(f"\n{human.printable(note)}", style="dim")


def _grid() -> Grid:
    from rich.table import Table as Drawn

    return Drawn(box=None, show_edge=False, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))


def _figures(figures: tuple[Figure, ...], width: int) -> Grid:
    """Labels, values, changes and the last five periods; a narrow screen goes without the change from the mean."""
    from rich.text import Text

    timed = any(figure.trailing is not None for figure in figures)
    aimed = any(figure.aim is not None for figure in figures)
    # The label takes 30 columns at least, and the others what they need: at 80 one has to go.
    wide = width >= 100
    grid = _grid()
    grid.show_header = timed
    grid.add_column("", min_width=min(30, width // 3), overflow="fold")
    grid.add_column("", justify="right", no_wrap=True)
    if timed:
        grid.add_column("Change", justify="right", no_wrap=True)
        if wide:
            grid.add_column("From mean of 4", justify="right", no_wrap=True)
        grid.add_column("Last 5", no_wrap=True)
    if aimed:
        grid.add_column("", no_wrap=True)
    for figure in figures:
        cells = [
            Text(human.printable(figure.label)),
            Text(report_words.word(figure.value, figure.unit), style="bold"),
        ]
        if timed:
            cells += [_difference(figure.change, figure)]
            if wide:
                cells += [_difference(figure.change_from_mean, figure)]
            cells += [Text(report_words.history(figure), style="cyan")]
        if aimed:
            cells.append(_aim(figure))
        grid.add_row(*cells)
    return grid


def _difference(value: float | None, figure: Figure) -> Text:
    from rich.text import Text

    # No colours of good and bad: more dead letters are no better than fewer readers.
    return Text(report_words.change(value, figure.unit), style="" if value else "dim")


def _aim(figure: Figure) -> Text:
    from rich.text import Text

    if figure.aim is None:
        return Text("")
    return output.cell(figure.state, Kind.STATE) + Text(f"  {report_words.aim(figure)}", style="dim")


def _table(table: Table) -> Grid:
    from rich.text import Text

    grid = _grid()
    for place, column in enumerate(table.columns):
        text = report_words.left(column)
        grid.add_column(
            human.printable(column.label),
            justify="left" if text else "right",
            # A number, a state or a sparkline that is broken cannot be read.
            no_wrap=not text or column.unit in ("spark", "state"),
            overflow="fold",
            ratio=1 if place == 0 and text else None,
        )
    for row in table.rows:
        cells = []
        for column in table.columns:
            content = report_words.word(row.get(column.key), column.unit)
            mark, style = LOOKS.get(content, ("", "")) if column.unit == "state" else ("", "")
            cells.append(Text(f"{mark} {content}".strip(), style="cyan" if column.unit == "spark" else style))
        grid.add_row(*cells)
    return grid


def _chart(series: Series, width: int) -> Text:
    """The series as a row of blocks, with its ends and its highest value."""
    from rich.text import Text

    # The oldest go where there is no room for all.
    points = series.points[-max(10, width - 4) :]
    values = [value for _, value in points]
    known = report_words.numbers(values)
    wide = 2 if 2 * len(values) <= width - 4 else 1
    blocks = "".join(each * wide for each in report_words.sparkline(values))
    low, high = (report_words.number(pick(known), series.unit) for pick in (min, max))
    first, last = (human.printable(points[place][0]) for place in (0, -1))
    room = max(1, len(blocks) - len(first) - len(last))
    found = Text(human.printable(series.title), style="bold")
    found.append(f"  {low} to {high}\n", style="dim not bold")
    found.append(f"{blocks}\n", style="cyan not bold")
    found.append(f"{first}{' ' * room}{last}", style="dim not bold")
    return found
