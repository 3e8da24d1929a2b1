"""Ref-DAVIS17 as ReferFormer, SgMg and VD-IT report it: `davis-unsupervised` by each of four annotators, then the mean (metrics.md A3).

Matching forgives swapped expressions. So the mean with fixed ids and void ignored stands beside it; it is not the protocol's number.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from vdit.score import _labelled, _objects, _trees, davis_unsupervised, identity
from vdit.score._objects import Track
from vdit.score._pairs import VOID, Frame, every_pair, same_ids
from vdit.score._png import Labels
from vdit.score._trees import Clip
from vdit.score.result import Options, Problem, Result, admit

ANNOTATORS = ("anno_0", "anno_1", "anno_2", "anno_3")


class Both(NamedTuple):
    """A frame looked at by the protocol and by identity."""

    matched: Frame
    fixed: Frame


def score(truth: Path, predictions: Path, options: Options) -> Result:
    """From `<video>/<frame>.png` under `truth` and under each anno_0 ... anno_3 of `predictions`.

    Raises ValueError naming what is missing, unknown or unusable, unless `options` admits it. A missing annotator is always refused.
    """
    clips, problems = _trees.pair(truth, [predictions / name for name in ANNOTATORS])
    problems += [
        Problem("unknown", str(predictions / name), "is no annotator", f"the four are {', '.join(ANNOTATORS)}")
        for name in _trees.videos(predictions, "predictions")
        if name not in ANNOTATORS
    ]
    matched: list[list[Track]] = [[] for _ in ANNOTATORS]
    fixed: list[list[Track]] = [[] for _ in ANNOTATORS]
    with ThreadPoolExecutor(options.threads) as pool:
        for clip in clips:
            problems += _trees.gaps(clip)
            counted, wrong = _trees.compare(clip, count, pool)
            problems += wrong
            if not wrong:
                problems += gather(clip, counted, matched, fixed)
    admitted = admit(problems, options.missing)
    found, summary = numbers(matched, fixed)
    return Result(
        protocol="Ref-DAVIS17, mean over four annotators of DAVIS unsupervised (all frames, void removed, predicted ids matched)",
        numbers=found,
        summary=_objects.summary(summary),
        rows=_objects.rows([named(track, name) for name, tracks in zip(ANNOTATORS, matched, strict=True) for track in tracks]),
        found=sum(clip.found for clip in clips),
        wanted=sum(clip.wanted for clip in clips),
        problems=admitted,
    )


def count(prediction: Labels, truth: Labels, _: int) -> Both:
    matched = every_pair(prediction, truth)
    # Without void, fixed ids are among the pairs already counted.
    return Both(matched, same_ids(prediction, truth) if (truth == VOID).any() else matched)


def gather(clip: Clip, counted: Sequence[tuple[Both, ...]], matched: list[list[Track]], fixed: list[list[Track]]) -> list[Problem]:
    """Add the video's tracks of each annotator."""
    problems: list[Problem] = []
    for index, source in enumerate(clip.sources):
        alone = Clip(clip.name, clip.frames, clip.truth, (source,))
        frames = [both[index].matched for both in counted]
        tracks, wrong = davis_unsupervised.track(alone, frames, max(frames[0].true))
        matched[index] += tracks
        problems += wrong
        by_id = [both[index].fixed for both in counted]
        fixed[index] += _labelled.fixed(alone, by_id, identity.known(by_id))
    # What is said of the truth is said by each annotator.
    return list(dict.fromkeys(problems))


def numbers(matched: Sequence[Sequence[Track]], fixed: Sequence[Sequence[Track]]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """All numbers, and those that are printed by name."""
    annotators = [_objects.numbers(tracks) for tracks in matched]
    means = {key: float(np.mean([found[key] for found in annotators])) for key in ("JF", "J", "F")}
    by_id = [_objects.means(tracks) for tracks in fixed]
    plain = {key: float(np.mean([found[key] for found in by_id])) for key in ("JF", "J", "F")}
    shown = dict(zip(ANNOTATORS, annotators, strict=True))
    found = {
        "protocol": "ref-davis17",
        "annotators": annotators,
        **{f"mean_{key}": value for key, value in means.items()},
        "not_the_protocol_identity_matching_no_void": {"J": plain["J"], "F": plain["F"]},
    }
    return found, {**shown, "mean": means, "identity (not the protocol)": plain}


def named(track: Track, annotator: str) -> Track:
    """Rows are told apart by annotator and object."""
    return Track(track.video, f"{annotator}/{track.object}", track.label, track.frames, track.counts_T7)
