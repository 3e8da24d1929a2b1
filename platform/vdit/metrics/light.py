"""Robustness against light noise (Figure 5): J under random brightness, and how much of J it costs."""

import pandas as pd

from vdit.metrics import components

UNIT = "% (j), percentage points of J (loss)"

KEY = ["video", "expression", "frame"]


def measure(scores: pd.DataFrame, light: pd.DataFrame) -> pd.DataFrame:
    """A row per level, from 0 on: `level`, `j` = J(b), `loss` = J(0) - J(b); both means over the draws.

    `scores` are the undisturbed rows (level 0), `light` those of light.parquet. Raises ValueError if a draw does not have the very frames
    of `scores`: the difference would be one of frames, not of light. Rows of a single draw may leave `draw` out.
    """
    light = light if "draw" in light else light.assign(draw=0)
    frames = pd.MultiIndex.from_frame(scores[KEY])
    for (level, draw), rows in light.groupby(["level", "draw"]):
        _check(frames, rows, f"level {level}, draw {draw}")
    undisturbed = components.measure(scores).j
    draws = light.groupby(["level", "draw", "video", "expression"])["j"].mean().groupby(["level", "draw"]).mean()
    disturbed = 100 * draws.groupby("level").mean()
    table = pd.DataFrame({"level": [0.0, *disturbed.index], "j": [undisturbed, *disturbed]})
    return table.assign(loss=undisturbed - table["j"])


def _check(frames: pd.MultiIndex, rows: pd.DataFrame, where: str) -> None:
    lit = pd.MultiIndex.from_frame(rows[KEY])
    odd = frames.symmetric_difference(lit)
    if len(odd):
        raise ValueError(
            f"{where} and the scores differ in {len(odd)} frames, the first is {odd[0]}; score the same frames under every light"
        )
    if lit.has_duplicates:
        raise ValueError(f"{where} has the frame {lit[lit.duplicated()][0]} twice; merge the parts of each draw once")
