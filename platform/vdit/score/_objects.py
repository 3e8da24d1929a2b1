"""Scored objects and what is reported of them: means over frames, then over all objects of all videos (metrics.md A2).

T frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vdit.metrics import contour, decay, mcs, recall, region
from vdit.metrics.contour import Counts
from vdit.metrics.video_consistency import WINDOWS
from vdit.record import scores


@dataclass(frozen=True, slots=True)
class Track:
    """One object (or expression) through its video. `label` is its name in the public evaluators' tables, `object` that of its rows."""

    video: str
    object: str
    label: str
    frames: tuple[str, ...]
    counts_T7: NDArray[np.int64]

    @property
    def counts(self) -> Counts:
        return Counts(*self.counts_T7.T)

    @property
    def j(self) -> NDArray[np.float64]:
        """Of each frame, [T]."""
        return jaccard(self.counts)

    @property
    def f(self) -> NDArray[np.float64]:
        return contour.accuracy(self.counts)


def jaccard(counts: Counts) -> NDArray[np.float64]:
    return region.jaccard(counts.intersection, counts.area_prediction + counts.area_truth - counts.intersection)


def means(tracks: Sequence[Track]) -> dict[str, float]:
    """J, F and J&F. Raises ValueError without an object."""
    if not tracks:
        raise ValueError("the truth has no object that the protocol scores; look at its label maps, or name another protocol")
    j = float(np.mean([track.j.mean() for track in tracks]))
    f = float(np.mean([track.f.mean() for track in tracks]))
    return {"JF": (j + f) / 2, "J": j, "F": f}


def numbers(tracks: Sequence[Track]) -> dict[str, Any]:
    """The means, recall and decay, and the means of each object."""
    found: dict[str, Any] = means(tracks)
    for name, values in (("J", [track.j for track in tracks]), ("F", [track.f for track in tracks])):
        found[f"{name}_recall"] = float(np.mean([recall.measure(values_T) for values_T in values]))
        found[f"{name}_decay"] = float(np.mean([decay.measure(values_T) for values_T in values]))
    found["J_per_object"] = {track.label: float(track.j.mean()) for track in tracks}
    found["F_per_object"] = {track.label: float(track.f.mean()) for track in tracks}
    return found


def per_video(tracks: Sequence[Track]) -> dict[str, dict[str, list[float]]]:
    """Lists of the objects' mean J and mean F, by video."""
    found: dict[str, dict[str, list[float]]] = {}
    for track in tracks:
        lists = found.setdefault(track.video, {"J": [], "F": []})
        lists["J"].append(float(track.j.mean()))
        lists["F"].append(float(track.f.mean()))
    return found


def details(track: Track) -> dict[str, Any]:
    """Every frame's J and F of one object, their means, recall and decay."""
    number = track.object.isdigit() and str(int(track.object)) == track.object
    found: dict[str, Any] = {"id": int(track.object) if number else track.object}
    for name, values_T in (("J", track.j), ("F", track.f)):
        found[name] = values_T.tolist()
        found[f"{name}_mean"] = float(values_T.mean())
        found[f"{name}_recall"], found[f"{name}_decay"] = recall.measure(values_T), decay.measure(values_T)
    return found


def summary(named: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """A row per name of J&F, J, F in % and, where the numbers have them, recall and decay, mask and video consistency."""
    columns = {"JF": "J&F", "J": "J", "F": "F", "J_recall": "J recall", "F_recall": "F recall", "J_decay": "J decay", "F_decay": "F decay"}
    columns |= {name: name.replace("_", " ") for name in (f"MCS_{mcs.THRESHOLD}", *(f"VC_{window}" for window in WINDOWS))}
    rows = {name: {said: 100 * found[key] for key, said in columns.items() if found.get(key) is not None} for name, found in named.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def rows(tracks: Sequence[Track]) -> pd.DataFrame:
    """Rows of scores.parquet, whose `expression` is the object's name."""
    return pd.concat([scores.counted(track.video, track.object, track.frames, track.counts) for track in tracks], ignore_index=True)
