"""Which rows the columns of a table are made of, and whether a method's are of the same truth as a trial's (docs/scoring.md)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from vdit.benchmarks.ref_davis17 import ANNOTATORS

FRAME = ["video", "expression", "frame"]
ANNOTATORS_ROWS = re.compile(r"anno_(?P<annotator>\d)/(?P<object>\d+)")


@dataclass(frozen=True, kw_only=True)
class Rows:
    """`file` is the Parquet file they are in, `way` the command of `vdit score` that makes a method's, `admits` its protocols.

    `read` takes what belongs to the columns out of a file, with the names that a trial's rows (the second argument) have. `difference`
    says why a method's rows, so read, are not of a trial's truth; "" where they are.
    """

    file: Literal["scores", "instances"]
    way: str
    admits: Callable[[str], bool]
    difference: Callable[[pd.DataFrame, pd.DataFrame], str]
    read: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame] = lambda own, _: own


def same_frames(method: pd.DataFrame, trial: pd.DataFrame) -> str:
    """The same frames of the same expressions, with the same areas of the true masks."""
    ours, theirs = (table.set_index(FRAME)["area_truth"].sort_index() for table in (trial, method))
    for whose, lone in (("the study", ours.index.difference(theirs.index)), ("the method", theirs.index.difference(ours.index))):
        if len(lone):
            return f"only {whose} has {'/'.join(map(str, lone[0]))} ({len(lone)} such frames)"
    other = ours.index[ours.to_numpy() != theirs.to_numpy()]
    return f"the true mask of {'/'.join(map(str, other[0]))} is another ({len(other)} such frames)" if len(other) else ""


def same_objects(method: pd.DataFrame, trial: pd.DataFrame) -> str:
    """The frames and areas of a method's objects, by annotator, are those of the expressions about them (benchmarks/ref_davis17.py).

    The protocol scores no object that is not in the first frame, and a trial its expressions all the same: only these may be lacking.
    """
    named = _as_expressions(method, trial)
    first = trial[trial["frame"].eq(trial.groupby("video")["frame"].transform("min"))]
    late = first.loc[first["area_truth"].eq(0), ["video", "expression"]]
    lacking = late.merge(named[["video", "expression"]].drop_duplicates(), how="left", indicator=True).query("_merge == 'left_only'")
    left_out = pd.MultiIndex.from_frame(lacking[["video", "expression"]])
    scored = trial[~pd.MultiIndex.from_frame(trial[["video", "expression"]]).isin(left_out)]
    return same_frames(named, scored)


def same_images(method: pd.DataFrame, trial: pd.DataFrame) -> str:
    """The same images, none with a true mask that cannot be the other's: it holds every intersection and lies in every union."""
    ours, theirs = (table.groupby("image").agg(inside=("intersection", "max"), around=("union", "min")) for table in (trial, method))
    for whose, lone in (("the study", ours.index.difference(theirs.index)), ("the method", theirs.index.difference(ours.index))):
        if len(lone):
            return f"only {whose} has image {lone[0]} ({len(lone)} such)"
    inside = ours["inside"].combine(theirs["inside"], max)
    around = ours["around"].combine(theirs["around"], min)
    other = inside.index[inside > around]
    return f"the true mask of image {other[0]} is another ({len(other)} such)" if len(other) else ""


EXPRESSIONS = Rows(
    file="scores",
    way="vdit score masks --protocol per-expression, or ref-youtube-vos",
    admits=lambda protocol: protocol not in ("ref-davis17", "detections"),
    difference=same_frames,
)
ANNOTATED = Rows(file="scores", way="vdit score ref-davis17", admits=lambda protocol: protocol == "ref-davis17", difference=same_objects)
DETECTIONS = Rows(file="instances", way="vdit score detections", admits=lambda protocol: protocol == "detections", difference=same_images)


def of_data_set(name: str) -> Rows:
    """The sentences of RefCOCO, RefCOCO+ or RefCOCOg; a trial has all three, a method is scored on one after the other."""

    def read(own: pd.DataFrame, trial: pd.DataFrame) -> pd.DataFrame:
        mine = own[own["image"].str.startswith(f"{name}-")]
        if len(mine):
            return mine
        # A results file calls a sentence by its number, a trial by data set, split and number.
        known = {int(image.rpartition("-")[2]): image for image in trial["image"].unique() if image.startswith(f"{name}-")}
        numbers = own["image"].where(own["image"].str.isdecimal())
        names = {text: known.get(int(text), text) for text in numbers.dropna().unique()}
        return own[own["image"].str.isdecimal()].assign(image=numbers.map(names))

    return Rows(file="instances", way=DETECTIONS.way, admits=DETECTIONS.admits, difference=same_images, read=read)


def _as_expressions(method: pd.DataFrame, trial: pd.DataFrame) -> pd.DataFrame:
    """ "anno_1/2" as the expression of the second object by the second annotator; objects are in the order of their ids as text."""
    last = trial["expression"].astype(int).groupby(trial["video"]).max()
    parts = method["expression"].str.extract(ANNOTATORS_ROWS)
    places = {
        (video, number): place
        for video, greatest in last.items()
        for place, number in enumerate(sorted(map(str, range(1, 1 + (greatest + 1) // ANNOTATORS))))
    }
    objects = [places.get(pair, -1) for pair in zip(method["video"], parts["object"], strict=True)]
    ids = ANNOTATORS * pd.Series(objects, index=method.index) + parts["annotator"].astype(int)
    return method.assign(expression=ids.where(ids >= 0).map("{:.0f}".format).where(ids >= 0, method["expression"]))
