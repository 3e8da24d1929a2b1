"""One mask per expression, `<video>/<expression>/<frame>.png` on both sides: the rule of MeViS's evaluator (metrics.md A2).

What is above zero is foreground, void is not known, all frames count.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vdit.score import _expressions, _objects, _trees
from vdit.score._png import Labels
from vdit.score.result import Options, Problem, Result, admit


def score(truth: Path, predictions: Path, options: Options) -> Result:
    """Raises ValueError naming the predictions that are missing, unknown or unusable, unless `options` admits them."""
    clips, problems = [], unknown(truth, predictions)
    for video in _trees.videos(truth, "truth"):
        for name in _trees.videos(truth / video, "truth"):
            clip = _trees.clip(f"{video}/{name}", truth / video / name, [predictions / video / name])
            clips.append((video, clip, (name,), masks))
    tracks, consistency, wrong = _expressions.tracks(clips, options)
    admitted = admit(problems + wrong, options.missing)
    found = _expressions.numbers("per-expression", tracks, consistency)
    return Result(
        protocol="one mask per expression, all frames, mean over frames, then over expressions",
        numbers=found,
        summary=_objects.summary({f"mean of expressions ({len(tracks)})": found}),
        rows=_objects.rows(tracks),
        found=sum(clip.found for _, clip, _, _ in clips),
        wanted=sum(clip.wanted for _, clip, _, _ in clips),
        problems=admitted,
    )


def masks(prediction: Labels, truth: Labels, _: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return prediction > 0, truth > 0


def unknown(truth: Path, predictions: Path) -> list[Problem]:
    """Videos and expressions that are predicted and have no truth."""
    found = []
    for video in _trees.videos(predictions, "predictions"):
        for folder in [predictions / video] if not (truth / video).is_dir() else sorted((predictions / video).iterdir()):
            if folder.is_dir() and not (truth / folder.relative_to(predictions)).is_dir():
                found.append(Problem("unknown", str(folder), "has no truth", "remove it, or score it with its truth"))
    return found
