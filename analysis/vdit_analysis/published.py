"""The paper's own numbers (experiments/published/*.csv), and a lint of them: J&F must be (J + F) / 2 within rounding."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from vdit.study import locate

# Method -> column -> number; None where the paper prints none.
Published = Mapping[str, Mapping[str, float | None]]
# What Table 1 writes of a method that was trained on images before, and what its rows are called here.
PRETRAINING, PRETRAINED = "RefCOCO/+/g", "pre-trained"


@dataclass(frozen=True, kw_only=True)
class Impossible:
    """A triple that no J and F can round to: `given` is the printed J&F, `implied` is (J + F) / 2 of the printed J and F."""

    file: str
    method: str
    column: str
    given: float
    implied: float

    def __str__(self) -> str:
        said = f"The paper's {self.column} of {self.method}, {self.given:g}, is not the mean of its J and F"
        return f"{said}, {self.implied:g}, within rounding."


def folder(given: str) -> Path:
    """Where the paper's tables are: as given, else beside the studies (of this folder, the checkout or the installed wheel)."""
    beside = (root / "experiments" / "published" for root in locate.roots())
    return Path(given) if given else next((place for place in beside if place.is_dir()), Path("experiments", "published"))


def read(path: Path) -> Published:
    """Rows by method; columns that hold words (a backbone) are left out.

    A method with several rows is named with the words that tell them apart: "SgMg (Video-Swin-B, pre-trained)". Raises ValueError when
    there is no such file, it has no `method` column, or nothing tells two rows apart.
    """
    lines = _lines(path)
    rows: dict[str, dict[str, float | None]] = {}
    for line in lines:
        name = _name(line, [other for other in lines if other["method"] == line["method"]])
        if name in rows:
            raise ValueError(f"{path}: {name} has several rows that no column of words tells apart; name them apart in `method`")
        rows[name] = {column: _number(text) for column, text in line.items() if text == "" or _number(text) is not None}
    return rows


def _name(line: Mapping[str, str], namesakes: list[dict[str, str]]) -> str:
    differing = [column for column in line if column != "method" and _number(line[column]) is None and line[column]]
    words = [line[column] for column in differing if len({other[column] for other in namesakes}) > 1 and line[column] != "none"]
    # Names of methods are names of files elsewhere: no "RefCOCO/+/g" in them.
    said = [PRETRAINED if word == PRETRAINING else word for word in words]
    return f"{line['method']} ({', '.join(said)})" if said else line["method"]


def lint(path: Path) -> list[Impossible]:
    """Every printed J&F that differs from the mean of its J and F by more than the rounding of all three allows."""
    return [found for line in _lines(path) for found in _impossible(path.name, line)]


def _impossible(file: str, line: Mapping[str, str]) -> Iterator[Impossible]:
    for column in line:
        stem = column.removesuffix("jf")
        if stem == column or f"{stem}j" not in line or f"{stem}f" not in line:
            continue
        given, region, contour = (_number(line[name]) for name in (column, f"{stem}j", f"{stem}f"))
        if given is None or region is None or contour is None:
            continue
        # One decimal: each of the three is off by at most 0.05, and so is the mean of two of them.
        implied = (region + contour) / 2
        if abs(given - implied) > 0.1 + 1e-9:
            yield Impossible(file=file, method=line["method"], column=column, given=given, implied=implied)


def _lines(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise ValueError(f"no published numbers {path}; give the folder that holds the paper's tables as CSV with --published")
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    if not lines or "method" not in lines[0]:
        raise ValueError(f"{path}: no `method` column; the first line names the columns, method first")
    return lines


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
