"""Tables as Markdown and LaTeX (booktabs): ours first, with intervals and differences, the paper's labelled, the notice with all."""

import math
import string

from vdit_analysis import certainty
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
    "−": r"$-$",
}


def number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}"


def signed(value: float, decimals: int) -> str:
    return f"{value:+.{decimals}f}".replace("-", "−")


def ours(cell: Cell, column: Column) -> str:
    """A cell in print: a mean, a mean ± spread over seeds, "– 1/3" (finished/planned), "n/a", or nothing for the paper's own rows."""
    match cell.state:
        case "paper only" | "none":
            return ""
        case "incomplete":
            return f"– {len(cell.sources)}/{cell.planned}"
        case "undefined":
            return "n/a"
        case "measured":
            spread = "" if cell.spread is None else f" ± {number(cell.spread, column.decimals)}"
            return (signed if column.difference else number)(cell.mean, column.decimals) + spread


def papers(cell: Cell, column: Column) -> str:
    return "" if cell.published is None else number(cell.published, column.decimals)


def interval(cell: Cell, column: Column) -> str:
    """ "[48.7, 53.1]", of a difference "[+0.2, +2.4], met"; nothing where there is none."""
    found = cell.interval
    if found is None or math.isnan(found.low):
        return ""
    if column.difference:
        return f"[{signed(found.low, column.decimals)}, {signed(found.high, column.decimals)}], {'met' if cell.met else 'not met'}"
    return f"[{number(found.low, column.decimals)}, {number(found.high, column.decimals)}]"


def difference(cell: Cell, column: Column) -> str:
    """ "+1.3 [0.2, 2.4], p = .031"; as much of it as there is."""
    if cell.comparison is None:
        return ""
    found = cell.comparison.interval
    if math.isnan(found.estimate):
        return "–"
    ends = "" if math.isnan(found.low) else f" [{signed(found.low, column.decimals)}, {signed(found.high, column.decimals)}]"
    return signed(found.estimate, column.decimals) + ends + p_value(cell.comparison.p)


def p_value(p: float) -> str:
    """Three decimals, and never 0: the smallest that the draws can show is above it."""
    if math.isnan(p):
        return ""
    return ", p < .001" if p < 0.001 else ", p = 1" if p > 0.9995 else f", p = {p:.3f}".replace("= 0.", "= .")


def heading_of_differences(table: Table) -> str:
    """What the second table is: rows minus the reference arm's."""
    seeds = sorted({cell.comparison.interval.seeds for row in table.compared for cell in row.cells if cell.comparison})
    over = " or ".join(str(count) for count in seeds if count)
    return f"Difference to {table.reference}, paired by video and seed ({over} seed{'' if over == '1' else 's'})"


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
    """GitHub Markdown; the best complete mean of a column is bold, its interval below it, the paper's numbers are in italics."""
    own, printed = ([table.columns[index].title for index in indices] for indices in (table.own, table.printed))
    titles = ["Method", *table.marks, *own, *(f"{name} ({PAPER})" for name in printed)]
    rule = [":--", *(":-:" for _ in table.marks), *("--:" for _ in own), *("--:" for _ in printed)]
    lines = [f"# {table.heading}", ""]
    lines += [f"> **{_markdown(table.notice)}**", ""] if table.notice else []
    lines += [_piped([_markdown(title) for title in titles]), _piped(rule), *(_piped(_markdown_row(table, row)) for row in table.rows), ""]
    lines += [_markdown(units(table)), ""]
    lines += _markdown_differences(table)
    lines += [f"<sup>{letter(table, reason)}</sup> {_markdown(reason)}  " for reason in table.footnotes()]
    lines += [f"{_markdown(note)}  " for note in (*certainty.notes(table), *table.notes, f"Source: {table.source}")]
    return "\n".join(lines) + "\n"


def _markdown_row(table: Table, row: Row) -> list[str]:
    cells = [_markdown(row.name) + _superscript(letter(table, row.note)), *(tick(mark) for mark in row.marks)]
    for index in table.own:
        cell, column = row.cells[index], table.columns[index]
        text, ends = ours(cell, column), interval(cell, column)
        below = f"<br><sub>{_markdown(ends)}</sub>" if ends else ""
        cells.append((f"**{text}**" if row.name in table.best(index) else text) + _superscript(letter(table, cell.why)) + below)
    texts = [papers(row.cells[index], table.columns[index]) for index in table.printed]
    return cells + [f"*{text}*" if text else "" for text in texts]


def _markdown_differences(table: Table) -> list[str]:
    if not table.compared:
        return []
    titles = ["Method", *(table.columns[index].title for index in table.own)]
    lines = [f"## {_markdown(heading_of_differences(table))}", "", _piped([_markdown(title) for title in titles])]
    lines += [_piped([":--", *("--:" for _ in table.own)])]
    for row in table.compared:
        cells = [(row.cells[index], table.columns[index]) for index in table.own]
        marked = [_markdown(difference(cell, column)) + _superscript(letter(table, not_compared(cell))) for cell, column in cells]
        lines.append(_piped([_markdown(row.name), *marked]))
    return [*lines, ""]


def not_compared(cell: Cell) -> str:
    return cell.comparison.why if cell.comparison else ""


def _superscript(letters: str) -> str:
    return f"<sup>{letters}</sup>" if letters else ""


def _piped(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown(text: str) -> str:
    escaped = "".join(f"\\{character}" if character in "\\`*_|<>[]" else character for character in text)
    return " ".join(escaped.split())


def latex(table: Table) -> str:
    r"""A booktabs table (packages booktabs, amssymb); comment lines name the trials behind every row."""
    first = 2 + len(table.marks)
    middle, last = first + len(table.own), first + len(table.own) + len(table.printed)
    spans = [span for span in ((first, middle - 1, "This study"), (middle, last - 1, "Paper (full size)")) if span[1] >= span[0]]
    heads = " & ".join(rf"\multicolumn{{{stop - start + 1}}}{{c}}{{{title}}}" for start, stop, title in spans)
    rules = " ".join(rf"\cmidrule(lr){{{start}-{stop}}}" for start, stop, _ in spans)
    titles = ["Method", *map(escape, table.marks), *(table.columns[index].latex for index in (*table.own, *table.printed))]
    notice = rf" \textbf{{{escape(table.notice)}}}" if table.notice else ""
    lines = [f"% {' '.join(table.notice.split())}"] if table.notice else []
    lines += [
        *_latex_sources(table),
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(table.title)}. {escape(units(table))}{notice}}}",
    ]
    lines += [rf"\label{{tab:{table.name}}}", rf"\begin{{tabular}}{{l{'c' * len(table.marks)}{'r' * (last - first)}}}", r"\toprule"]
    lines += [" & " * len(table.marks) + f" & {heads} \\\\", rules, " & ".join(titles) + r" \\", r"\midrule"]
    lines += [" & ".join(cells) + r" \\" for row in table.rows for cells in _latex_rows(table, row)]
    lines += [r"\bottomrule", r"\end{tabular}", *_latex_differences(table)]
    lines += [rf"\par\footnotesize $^{{{letter(table, reason)}}}$ {escape(reason)}" for reason in table.footnotes()]
    lines += [rf"\par\footnotesize {escape(note)}" for note in certainty.notes(table)]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def _latex_rows(table: Table, row: Row) -> list[list[str]]:
    """The row, and below it one of intervals where there are any."""
    cells = [escape(row.name) + _raised(letter(table, row.note)), *(_latex_tick(mark) for mark in row.marks)]
    for index in table.own:
        cell = row.cells[index]
        text = escape(ours(cell, table.columns[index]))
        cells.append((rf"\textbf{{{text}}}" if row.name in table.best(index) else text) + _raised(letter(table, cell.why)))
    texts = [papers(row.cells[index], table.columns[index]) for index in table.printed]
    plain = cells + [rf"\textit{{{text}}}" if text else "" for text in texts]
    ends = [interval(row.cells[index], table.columns[index]) for index in table.own]
    below = [*("" for _ in ("Method", *table.marks)), *(rf"\scriptsize {escape(end)}" if end else "" for end in ends), *("" for _ in texts)]
    return [plain, below] if any(ends) else [plain]


def _latex_differences(table: Table) -> list[str]:
    if not table.compared:
        return []
    columns = [table.columns[index] for index in table.own]
    lines = [rf"\par\medskip {escape(heading_of_differences(table))}\par", rf"\begin{{tabular}}{{l{'r' * len(columns)}}}", r"\toprule"]
    lines += [" & ".join(["Method", *(column.latex for column in columns)]) + r" \\", r"\midrule"]
    for row in table.compared:
        cells = [(row.cells[index], table.columns[index]) for index in table.own]
        texts = [escape(difference(cell, column)) + _raised(letter(table, not_compared(cell))) for cell, column in cells]
        lines.append(" & ".join([escape(row.name), *texts]) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _latex_tick(mark: bool | None) -> str:
    return r"$\checkmark$" if mark else "" if mark is False else r"$\cdot$"


def _raised(letters: str) -> str:
    return f"$^{{{letters}}}$" if letters else ""


def _latex_sources(table: Table) -> list[str]:
    trials = [(row.name, source.trial) for row in table.rows for source in row.widest.sources]
    return [f"% {name}, seed {trial.seed}: run {trial.run_id}, key {trial.key[:16]}, commit {trial.commit}" for name, trial in trials]


def escape(text: str) -> str:
    """Plain text as LaTeX text."""
    return "".join(LATEX_SPECIAL.get(character, character) for character in text)
