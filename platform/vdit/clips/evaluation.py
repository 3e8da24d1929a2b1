"""A clip as it is predicted (spec section 6), and under the light noise of Figure 5 (metrics.md part C)."""

from collections.abc import Sequence

import numpy as np

from vdit.clips import caption, geometry
from vdit.clips.annotated import supervised
from vdit.clips.draws import generator, noise_seed
from vdit.config.data import Data
from vdit.config.evaluate import Evaluate
from vdit.video import Expression, Frames, Sample, Split, Video

# How often a frame's brightness is changed.
DIMMED = 0.5


def evaluation_sample(  # noqa: PLR0917 - a clip is named by four of these
    split: Split,
    video: Video,
    expression: Expression,
    indices: tuple[int, ...],
    evaluate: Evaluate,
    data: Data,
    frames: Frames | None = None,
) -> Sample:
    """The frames `indices` without augmentation, at the size of `evaluate`; all expressions of a video see the same gaussian noise.

    `frames` stand in for those on disk (brightened ones, say), one for each index.
    """
    given = split.frames(video, indices) if frames is None else frames
    clip = geometry.measure(given, split.masks(video, indices, expression.object), data.boxes)
    return supervised(sized(video.id, expression, clip, evaluate, data), video, indices)


def unlabelled_sample(video: str, frames: Frames, evaluate: Evaluate, data: Data) -> Sample:
    """Frames that are predicted and have no masks, as `evaluation_sample` would give them; the expression is left open."""
    nothing = np.zeros(frames.shape[:3], bool)
    return sized(video, Expression("", "", 0), geometry.measure(frames, nothing, data.boxes), evaluate, data)


def sized(video: str, expression: Expression, clip: geometry.Clip, evaluate: Evaluate, data: Data) -> Sample:
    """The clip at the size of inference."""
    if evaluate.short_side:
        clip = geometry.resize(clip, *geometry.fit(clip.height, clip.width, evaluate.short_side, evaluate.max_side))
    boxes_T4, valid_T = geometry.check(clip)
    text = caption.at_test(expression.text, data.captions)
    return Sample(video, expression.id, text, clip.frames, clip.masks, boxes_T4, valid_T, noise_seed(data.seed, video))


def brighten(frames: Frames, level: float, video: str, frame_names: Sequence[str], draw: int) -> Frames:
    """Every second frame, by chance, times u of U(1 - level, 1 + level), clamped.

    Chance depends on (video, frame, draw) alone: models and expressions see the same frames, and a higher level changes the same ones more.
    """
    named = zip(frames, frame_names, strict=True)
    return np.stack([brighten_frame(frame, level, generator("light", video, name, draw)) for frame, name in named])


def brighten_frame(frame: Frames, level: float, rng: np.random.Generator) -> Frames:
    """One frame, [H, W, 3]."""
    chosen, place = rng.random(2)
    if chosen >= DIMMED:
        return frame
    factor = np.float32(1 + level * (2 * place - 1))
    changed: Frames = np.rint(np.clip(frame * factor, 0, 255)).astype(np.uint8)
    return changed
