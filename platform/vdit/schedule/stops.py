"""Writes the points of a search (study/points.py), and takes back that one was ended early."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from vdit.study import points
from vdit.study.points import Point
from vdit.study.spec import Study
from vdit.train.folder import write_json


def keep(study: Study, runs: Path, drawn: Sequence[Point]) -> None:
    """Whole or not at all."""
    write_json(points.file_of(study, runs), {"study": study.study, "points": [asdict(point) for point in drawn]})


def resume(study: Study, runs: Path, key: str) -> None:
    """The trial of this key is to run again."""
    drawn = points.drawn(study, runs)
    resumed = [replace(point, stop=None) if point.stop and point.stop.key == key else point for point in drawn]
    if resumed != drawn:
        keep(study, runs, resumed)
