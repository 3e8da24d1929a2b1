"""What the paper says of its arms, each claim as a difference between two of them, measured beside published (Section 5.2)."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from vdit_analysis.stats import ROUNDING, Interval
from vdit_analysis.table import Cell, Table

Tables = tuple[Table, ...]


@dataclass(frozen=True, kw_only=True)
class Claim:
    """`arm` minus `against` in one column of one table."""

    says: str
    table: str
    column: str
    arm: str
    against: str


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`difference` is the mean over seeds of paired differences; None while an arm is incomplete or undefined.

    `spread` is their sample standard deviation, None below two seeds, and `interval` that of their mean, over videos and seeds.
    `decimals` and `unit` are the column's, `where` names it.
    """

    claim: Claim
    difference: float | None
    spread: float | None
    interval: Interval | None
    seeds: int
    published: float
    decimals: int
    unit: str
    where: str

    @property
    def verdict(self) -> Literal["appears", "the reverse appears", "open"] | None:
        """Whether the interval lies on the paper's side of 0; None below two seeds, which say nothing about a third."""
        if self.interval is None or math.isnan(self.interval.low) or self.seeds < 2:
            return None
        side = math.copysign(1, self.published)
        low, high = sorted((side * self.interval.low, side * self.interval.high))
        return "appears" if low > ROUNDING else "the reverse appears" if high < -ROUNDING else "open"


WITHOUT = "VD-IT without noise prediction"
CLAIMS = (
    Claim(says="Text beats image as the prompt", table="table3", column="JF", arm="VD-T", against="VD-I"),
    Claim(says="Image and text beat text alone", table="table3", column="JF", arm=WITHOUT, against="VD-T"),
    Claim(says="Noise prediction adds 1.0", table="table3", column="JF", arm="VD-IT", against=WITHOUT),
    Claim(says="Text steadies the masks, frame to frame", table="table5", column="D1", arm="VD-T", against="VD-I"),
    Claim(says="VD-IT is steadier than VD-I, frame to frame", table="table5", column="D1", arm="VD-IT", against="VD-I"),
    Claim(says="VD-IT is steadier than VD-I, five frames apart", table="table5", column="D5", arm="VD-IT", against="VD-I"),
    Claim(says="VD-IT is steadier than SgMg, frame to frame", table="table5", column="D1", arm="VD-IT", against="SgMg"),
    Claim(says="VD-IT is steadier than SgMg, five frames apart", table="table5", column="D5", arm="VD-IT", against="SgMg"),
    Claim(says="Image tokens give finer masks than text", table="table6", column="ratio", arm="VD-I", against="VD-T"),
    Claim(says="Text added to image slightly worsens mask quality", table="table6", column="ratio", arm=WITHOUT, against="VD-I"),
    Claim(says="Noise prediction gives finer masks", table="table6", column="ratio", arm="VD-IT", against=WITHOUT),
)


def measured(tables: Tables, compared: Callable[[str], Tables]) -> tuple[Finding, ...]:
    """The claims whose arms both stand in a table of this study and in the paper's; `compared` makes its tables with another reference."""
    by_name, again = {table.name: table for table in tables}, cache(compared)
    findings = (_finding(claim, by_name[claim.table], again) for claim in CLAIMS if claim.table in by_name)
    return tuple(found for found in findings if found is not None)


def _finding(claim: Claim, table: Table, compared: Callable[[str], Tables]) -> Finding | None:
    arm, against = table.cell(claim.arm, claim.column), table.cell(claim.against, claim.column)
    if arm is None or against is None or not (arm.planned and against.planned) or arm.published is None or against.published is None:
        return None
    column = next(column for column in table.columns if column.key == claim.column)
    pairs = _paired(arm, against)
    return Finding(
        claim=claim,
        difference=statistics.fmean(pairs) if pairs else None,
        spread=statistics.stdev(pairs) if len(pairs) > 1 else None,
        interval=_interval(claim, compared(claim.against)) if pairs else None,
        seeds=len(pairs),
        published=arm.published - against.published,
        decimals=column.decimals,
        unit=column.unit,
        where=f"{table.heading.split('.')[0]}, {column.title}",
    )


def _interval(claim: Claim, tables: Tables) -> Interval | None:
    cell = next(table for table in tables if table.name == claim.table).cell(claim.arm, claim.column)
    return cell.comparison.interval if cell is not None and cell.comparison is not None else None


def _paired(arm: Cell, against: Cell) -> list[float]:
    """Differences seed by seed: all arms see the same clips, so a seed's two trials belong together."""
    if arm.state != "measured" or against.state != "measured":
        return []
    other = {source.trial.seed: source.value for source in against.sources}
    return [source.value - other[source.trial.seed] for source in arm.sources if math.isfinite(other.get(source.trial.seed, math.nan))]
