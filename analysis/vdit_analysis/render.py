"""Tables as Markdown, LaTeX (booktabs) and CSV: ours first, the paper's numbers labelled as the paper's, the notice with all of them."""

import csv
import io
import string

from vdit_analysis.table import Cell, Column, Row, Table

PAPER = "paper, full size"
LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "–": "--",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
}


def number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def ours(cell: Cell, column: Column) -> str:
    """A cell in print: a mean, a mean ± spread over seeds, "– 1/3" (finished/planned), "n/a", or nothing for the paper's own rows."""
    match cell.state:
        case "paper only":
            return ""
        case "incomplete":
            return f"– {len(cell.sources)}/{cell.planned}"
        case "undefined":
            return "n/a"
        case "measured":
            spread = "" if cell.spread is None else f" ± {number(cell.spread, column.decimals)}"
            return number(cell.mean, column.decimals) + spread


def papers(cell: Cell, column: Column) -> str:
    return "" if cell.published is None else number(cell.published, column.decimals)


def letter(table: Table, reason: str) -> str:
    """The footnote mark of a reason: a, b, ..., z, aa, ab, ..."""
    if not reason:
        return ""
    index, letters = table.footnotes().index(reason), ""
    while index >= 0:
        letters, index = string.ascii_lowercase[index % 26] + letters, index // 26 - 1
    return letters


def tick(mark: bool | None) -> str:
    return "✓" if mark else "" if mark is False else "·"


def units(table: Table) -> str:
    """What the numbers are: unit, direction, seeds, and how many of those that were planned are complete."""
    names = dict.fromkeys(column.unit for column in table.columns)
    directions = dict.fromkeys(column.better for column in table.columns)
    seeds = max((cell.planned for row in table.rows for cell in row.cells), default=0)
    spread = f", mean ± sample standard deviation over {seeds} seeds" if seeds > 1 else ", one seed" if seeds == 1 else ""
    first = [row.cells[0] for row in table.rows]
    done, planned = sum(len(cell.sources) for cell in first), sum(cell.planned for cell in first)
    complete = f"; {done}/{planned} complete" if planned else ""
    sentence = f"{', '.join(names)}, {' and '.join(directions)} is better{spread}{complete}."
    return sentence[0].upper() + sentence[1:]


def markdown(table: Table) -> str:
    """GitHub Markdown; the best complete mean of a column is bold, the paper's numbers are in italics."""
    names = [column.title for column in table.columns]
    titles = ["Method", *table.marks, *names, *(f"{name} ({PAPER})" for name in names)]
    rule = [":--", *(":-:" for _ in table.marks), *("--:" for _ in table.columns), *("--:" for _ in table.columns)]
    lines = [f"# {table.heading}", ""]
    lines += [f"> **{_markdown(table.notice)}**", ""] if table.notice else []
    lines += [_piped([_markdown(title) for title in titles]), _piped(rule), *(_piped(_markdown_row(table, row)) for row in table.rows), ""]
    lines += [_markdown(units(table)), ""]
    lines += [f"<sup>{letter(table, reason)}</sup> {_markdown(reason)}  " for reason in table.footnotes()]
    lines += [f"{_markdown(note)}  " for note in (*table.notes, f"Source: {table.source}")]
    return "\n".join(lines) + "\n"


def _markdown_row(table: Table, row: Row) -> list[str]:
    cells = [_markdown(row.name) + _superscript(letter(table, row.note)), *(tick(mark) for mark in row.marks)]
    for index, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True)):
        text = ours(cell, column)
        cells.append((f"**{text}**" if row.name in table.best(index) else text) + _superscript(letter(table, cell.why)))
    return cells + [f"*{text}*" if text else "" for text in map(papers, row.cells, table.columns)]


def _superscript(letters: str) -> str:
    return f"<sup>{letters}</sup>" if letters else ""


def _piped(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    escaped = "".join(f"\\{character}" if character in "\\`*_|<>[]" else character for character in text)
    return " ".join(escaped.split())


def latex(table: Table) -> str:
    r"""A booktabs table (packages booktabs, amssymb); comment lines name the trials behind every row."""
    width = len(table.columns)
    first = 2 + len(table.marks)
    spans = [(first, first + width - 1, "This study"), (first + width, first + 2 * width - 1, "Paper (full size)")]
    heads = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{title}}}" for _, _, title in spans)
    rules = " ".join(rf"\cmidrule(lr){{{start}-{end}}}" for start, end, _ in spans)
    titles = ["Method", *map(escape, table.marks), *(column.latex for column in table.columns), *(column.latex for column in table.columns)]
    notice = rf" \textbf{{{escape(table.notice)}}}" if table.notice else ""
    lines = [f"% {' '.join(table.notice.split())}"] if table.notice else []
    lines += [
        *_latex_sources(table),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table.title)}. {escape(units(table))}{notice}}}",
    ]
    lines += [rf"\label{{tab:{table.name}}}", rf"\begin{{tabular}}{{l{'c' * len(table.marks)}{'r' * 2 * width}}}", r"\toprule"]
    lines += [" & " * len(table.marks) + f" & {heads} \\\\", rules, " & ".join(titles) + r" \\", r"\midrule"]
    lines += [" & ".join(_latex_row(table, row)) + r" \\" for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize $^{{{letter(table, reason)}}}$ {escape(reason)}" for reason in table.footnotes()]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _latex_row(table: Table, row: Row) -> list[str]:
    cells = [escape(row.name) + _raised(letter(table, row.note)), *(_latex_tick(mark) for mark in row.marks)]
    for index, (cell, column) in enumerate(zip(row.cells, table.columns, strict=True)):
        text = escape(ours(cell, column))
        cells.append((rf"\textbf{{{text}}}" if row.name in table.best(index) else text) + _raised(letter(table, cell.why)))
    return cells + [rf"\textit{{{text}}}" if text else "" for text in map(papers, row.cells, table.columns)]


def _latex_tick(mark: bool | None) -> str:
    return r"$\checkmark$" if mark else "" if mark is False else r"$\cdot$"


def _raised(letters: str) -> str:
    return f"$^{{{letters}}}$" if letters else ""


def _latex_sources(table: Table) -> list[str]:
    trials = [(row.name, source.trial) for row in table.rows for source in row.cells[0].sources]
    return [f"% {name}, seed {trial.seed}: run {trial.run_id}, key {trial.key[:16]}, commit {trial.commit}" for name, trial in trials]


def escape(text: str) -> str:
    """Plain text as LaTeX text."""
    return "".join(LATEX_SPECIAL.get(character, character) for character in text)


def as_csv(table: Table) -> str:
    """One line per row in full precision. A missing value is empty and its reason is in `note`; every line carries the notice."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    quantities = [f"{column.key}{suffix}" for column in table.columns for suffix in ("", "_spread", "_paper")]
    writer.writerow(["method", *table.marks, *quantities, "seeds_done", "seeds_planned", "runs", "note", "notice"])
    for row in table.rows:
        values = [text for cell in row.cells for text in _csv_values(cell)]
        cell = row.cells[0]
        reasons = dict.fromkeys(reason for reason in (row.note, *(cell.why for cell in row.cells)) if reason)
        runs = " ".join(source.trial.run_id for source in cell.sources)
        marks = ["" if mark is None else int(mark) for mark in row.marks]
        writer.writerow([row.name, *marks, *values, len(cell.sources), cell.planned, runs, "; ".join(reasons), table.notice])
    return text.getvalue()


def _csv_values(cell: Cell) -> list[str]:
    mean = repr(cell.mean) if cell.state == "measured" else ""
    return [mean, "" if cell.spread is None else repr(cell.spread), "" if cell.published is None else repr(cell.published)]
