"""Ref-YouTube-VOS where the masks are public, as on a held-out part of train: one mask per expression, no matching (metrics.md A3).

The official valid and test are scored by a server whose code is not public and whose averaging is only inferred. These numbers are made by
the same rule as far as it is known; they are not the server's.
"""

from pathlib import Path

from vdit.benchmarks import ref_youtube_vos
from vdit.score import _expressions, _objects, _trees
from vdit.score._consistency import Seen
from vdit.score._trees import Clip, Source
from vdit.score.result import Options, Problem, Result, admit
from vdit.video import Video


def score(data: Path, predictions: Path, options: Options, split: str = "valid") -> Result:
    """From `<video>/<expression>/<frame>.png` under `predictions` or its Annotations/, as the server takes them.

    Raises ValueError for a split without public masks, and naming the predictions that are missing, unknown or unusable.
    """
    annotations, videos = listed(data, split)
    root = predictions / "Annotations" if (predictions / "Annotations").is_dir() else predictions
    problems = unknown(root, videos)
    clips = [(video.id, clip(annotations, root, video), names(video), masks(video)) for video in videos]
    tracks, consistency, wrong = _expressions.tracks(clips, options)
    admitted = admit(problems + wrong, options.missing)
    found = _expressions.numbers("ref-youtube-vos", tracks, consistency)
    return Result(
        protocol=f"Ref-YouTube-VOS {split}, one mask per expression, all listed frames, not the server's number",
        numbers=found,
        summary=_objects.summary({f"mean of expressions ({len(tracks)})": found}),
        rows=_objects.rows(tracks),
        found=sum(one.found for _, one, _, _ in clips),
        wanted=sum(one.wanted for _, one, _, _ in clips),
        problems=admitted,
    )


def listed(data: Path, split: str) -> tuple[Path, tuple[Video, ...]]:
    """The folder of the split's masks, which must be there, and its videos, which must have objects."""
    path, listing = ref_youtube_vos.listed(data, split)
    videos = tuple(ref_youtube_vos.to_videos(path, listing))
    annotations = data / (listing.folder or split) / "Annotations"
    if not annotations.is_dir():
        raise ValueError(
            f"{annotations} does not exist: the masks of the official valid and test are not public, "
            "only the server scores them; score a held-out part of train, or submit"
        )
    return annotations, videos


def names(video: Video) -> tuple[str, ...]:
    return tuple(expression.id for expression in video.expressions)


def clip(annotations: Path, predictions: Path, video: Video) -> Clip:
    folders = [predictions / video.id / name for name in names(video)]
    return Clip(video.id, video.frames, annotations / video.id, tuple(Source(folder, _trees.masks(folder)) for folder in folders))


def masks(video: Video) -> Seen:
    """A frame's label map is decoded once for all expressions of the video."""
    return lambda prediction, truth, index: (prediction > 0, truth == video.expressions[index].object)


def unknown(predictions: Path, videos: tuple[Video, ...]) -> list[Problem]:
    """Predicted videos and expressions that the split does not list."""
    known = {video.id: {*names(video)} for video in videos}
    found = []
    for video in _trees.videos(predictions, "predictions"):
        extra = [predictions / video] if video not in known else sorted((predictions / video).iterdir())
        for folder in extra:
            if folder.is_dir() and (video not in known or folder.name not in known[video]):
                found.append(Problem("unknown", str(folder), "is not listed in the split", "remove it, or name the split that lists it"))
    return found
