"""Tables on a terminal: the same cells as in the files, the paper's numbers dimmed."""

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from vdit_analysis import certainty, render
from vdit_analysis.table import Row, Table


def show(table: Table, console: Console) -> None:
    """Prints a table with its notice and footnotes."""
    grid = Grid(title=table.heading, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="bold")
    # On a narrow terminal the names wrap, never a number.
    grid.add_column("Method", min_width=14)
    for mark in table.marks:
        grid.add_column(mark, justify="center", no_wrap=True)
    for column in (table.columns[index] for index in table.own):
        grid.add_column(_stacked(column.title), justify="right", no_wrap=True)
    for column in (table.columns[index] for index in _with_own_number(table)):
        grid.add_column(f"{_stacked(column.title)}\npaper", justify="right", style="dim", header_style="dim", no_wrap=True)
    for row in table.rows:
        grid.add_row(*_cells(table, row))
    console.print(grid)
    if table.compared:
        console.print(_differences(table))
    for reason in table.footnotes():
        console.print(Text(f"[{render.letter(table, reason)}] {reason}", style="dim"))
    for said in (render.units(table), *certainty.notes(table), *table.notes):
        console.print(Text(said, style="dim"))
    console.print()


def _stacked(title: str) -> str:
    """A heading of two parts, one above the other."""
    return title.replace(", ", "\n").replace(" ", "\n")


def _differences(table: Table) -> Grid:
    grid = Grid(title=render.heading_of_differences(table), title_justify="left", box=None, pad_edge=False, header_style="bold")
    grid.add_column("Method", min_width=14)
    for column in (table.columns[index] for index in table.own):
        grid.add_column(_stacked(column.title), justify="right", no_wrap=True)
    for row in table.compared:
        cells = [(row.cells[index], table.columns[index]) for index in table.own]
        texts = [render.difference(cell, column) + _mark(table, render.not_compared(cell)) for cell, column in cells]
        grid.add_row(Text(row.name), *(Text(text.replace(", p", "\np").replace(" [", "\n[")) for text in texts))
    return grid


def _cells(table: Table, row: Row) -> list[Text]:
    cells = [Text(row.name + _mark(table, row.note)), *(Text(render.tick(mark)) for mark in row.marks)]
    for index in table.own:
        cell, column = row.cells[index], table.columns[index]
        text = Text(render.ours(cell, column) + _mark(table, cell.why), style="bold" if row.name in table.best(index) else "")
        # Whether it is met has a line of its own, or four columns would not fit 80 characters.
        ends = render.interval(cell, column).replace("], ", "]\n")
        cells.append(text.append(f"\n{ends}", style="not bold dim") if ends else text)
    return cells + [Text(render.papers(row.cells[index], table.columns[index])) for index in _with_own_number(table)]


def _with_own_number(table: Table) -> list[int]:
    """Columns whose published number no other column shares: one number under six readings would fill a terminal for nothing."""
    published = [column.published for column in table.columns]
    return [index for index in table.printed if published.count(published[index]) == 1]


def _mark(table: Table, reason: str) -> str:
    return f" [{render.letter(table, reason)}]" if reason else ""
