"""Cosine between an object's features in the first frame and in later ones (Figure 4): how far features drift in time.

Raw cosines of two backbones do not compare, since features that share a large mean are alike whatever they show. So three more kinds are
given: with the mean feature of all clips taken off, with the features of the object's mask instead of its box, and the margin over
another object of the same video.

T frames, C channels, h w size of a feature level, H W pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vdit.video import Masks, Split, Video

if TYPE_CHECKING:
    from torch import Tensor

UNIT = "cosine in [-1, 1]"

Kind: TypeAlias = Literal["raw", "centred", "mask", "margin"]
Features: TypeAlias = NDArray[np.float32]  # [T, C]


class Clip(NamedTuple):
    """Consecutive annotated frames, from index `start` on, that all show the expression's object."""

    video: str
    expression: str
    start: int


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """What one level says of the object in each frame of a clip: [T, C] of its box, its mask, and another object's box.

    NaN in frames where the object is not seen. `other_TC` is None if the video has no other object.
    """

    sample: str
    stride: int
    box_TC: Features
    mask_TC: Features
    other_TC: Features | None


def clips(split: Split, count: int, frames: int, seed: int) -> tuple[Clip, ...]:
    """`count` clips of `frames` frames, or as many as there are. One of every expression that has any before a second of the same."""
    rng = np.random.default_rng(seed)
    turns: list[tuple[int, float, Clip]] = []
    for video in split.videos:
        for expression, starts in _starts(split, video, frames).items():
            shuffled = rng.permutation(starts)
            turns += [(turn, rng.random(), Clip(video.id, expression, int(start))) for turn, start in enumerate(shuffled)]
    return tuple(clip for _, _, clip in sorted(turns)[:count])


def _starts(split: Split, video: Video, frames: int) -> dict[str, NDArray[np.int64]]:
    """By expression: where the object is seen in `frames` consecutive frames."""
    if len(video.frames) < frames:
        return {}
    labels_THW = split.labels(video, tuple(range(len(video.frames))))
    seen = {object_: (labels_THW == object_).any(axis=(1, 2)) for object_ in {expression.object for expression in video.expressions}}
    windows = {object_: np.lib.stride_tricks.sliding_window_view(seen_T, frames).all(axis=1) for object_, seen_T in seen.items()}
    return {expression.id: np.flatnonzero(windows[expression.object]) for expression in video.expressions}


def roi_features(map_TChw: "Tensor", boxes_T4: "Tensor", stride: int) -> "Tensor":
    """Mean over a 7 x 7 RoIAlign (aligned, 2 samples a bin) of one box a frame: [T, C]. Boxes are x1 y1 x2 y2 in pixels of the frame."""
    # Imported where features are pooled: whoever averages stored curves needs no torch.
    import torch
    from torchvision.ops import roi_align

    frames_T1 = torch.arange(len(boxes_T4), device=map_TChw.device, dtype=map_TChw.dtype)[:, None]
    rois_T5 = torch.cat([frames_T1, boxes_T4.to(map_TChw)], dim=1)
    aligned_TC77 = roi_align(map_TChw, rois_T5, output_size=7, spatial_scale=1 / stride, sampling_ratio=2, aligned=True)
    pooled_TC: Tensor = aligned_TC77.mean(dim=(2, 3))
    return pooled_TC


def mask_features(map_TChw: "Tensor", masks_THW: "Tensor", stride: int) -> "Tensor":
    """Mean over the cells of the map, each weighed by how much of it the mask covers: [T, C]; NaN where a mask is empty.

    Raises ValueError if the frame is larger than the map; a map larger than the frame (padding) is right.
    """
    from torch.nn.functional import avg_pool2d, pad

    height, width = masks_THW.shape[1:]
    below, right = map_TChw.shape[2] * stride - height, map_TChw.shape[3] * stride - width
    if below < 0 or right < 0:
        raise ValueError(
            f"masks of {height}x{width} do not fit a map of {tuple(map_TChw.shape[2:])} at stride {stride}; resize them like the frames"
        )
    cover_T1hw = avg_pool2d(pad(masks_THW[:, None].to(map_TChw), (0, right, 0, below)), stride)
    pooled_TC: Tensor = (map_TChw * cover_T1hw).sum(dim=(2, 3)) / cover_T1hw.sum(dim=(2, 3))
    return pooled_TC


def boxes(masks_THW: Masks) -> NDArray[np.float32]:
    """x1 y1 x2 y2 of each mask, in pixels, the far edges excluded: [T, 4]; NaN where a mask is empty."""
    boxes_T4 = np.full((len(masks_THW), 4), np.nan, np.float32)
    for t, mask_HW in enumerate(masks_THW):
        rows, columns = np.flatnonzero(mask_HW.any(axis=1)), np.flatnonzero(mask_HW.any(axis=0))
        if rows.size:
            boxes_T4[t] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes_T4


def curves(features: Sequence[ClipFeatures]) -> pd.DataFrame:
    """The rows of drift.parquet: of every clip and stride, each kind's value at k = 1 .. T-1.

    NaN where it is not defined: no other object, or one that is out of sight. Raises ValueError without features.
    """
    if not features:
        raise ValueError("no clips to compare; measure drift on videos that are long enough, or set drift_clips to 0")
    strides = sorted({clip.stride for clip in features})
    tables = [_rows([clip for clip in features if clip.stride == stride]) for stride in strides]
    return pd.concat(tables, ignore_index=True)


def measure(drift: pd.DataFrame) -> pd.DataFrame:
    """Means over the clips: a row per stride, kind and k with `cosine` and the number of `clips` it is defined in; NaN and 0 if in none."""
    grouped = drift.groupby(["stride", "kind", "k"])["cosine"]
    return grouped.agg(cosine="mean", clips="count").reset_index()


def _rows(features: Sequence[ClipFeatures]) -> pd.DataFrame:
    # A frame in which the object is too small to be seen at this size is NaN, and no part of the mean.
    features_XC = np.concatenate([clip.box_TC for clip in features], dtype=np.float64)
    mean_C = np.asarray(np.nanmean(features_XC, axis=0))
    tables = [_clip_rows(clip, kind, values) for clip in features for kind, values in _kinds(clip, mean_C).items()]
    return pd.concat(tables, ignore_index=True)


def _clip_rows(clip: ClipFeatures, kind: Kind, values: NDArray[np.float64]) -> pd.DataFrame:
    k = np.arange(1, len(values) + 1, dtype=np.int64)
    return pd.DataFrame({"sample": clip.sample, "k": k, "cosine": values, "kind": kind, "stride": np.int64(clip.stride)})


def _kinds(clip: ClipFeatures, mean_C: NDArray[np.float64]) -> dict[Kind, NDArray[np.float64]]:
    raw = _cosines(clip.box_TC[0], clip.box_TC[1:])
    other = np.full(raw.shape, np.nan) if clip.other_TC is None else _cosines(clip.box_TC[0], clip.other_TC[1:])
    return {
        "raw": raw,
        "centred": _cosines(clip.box_TC[0] - mean_C, clip.box_TC[1:] - mean_C),
        "mask": _cosines(clip.mask_TC[0], clip.mask_TC[1:]),
        "margin": raw - other,
    }


def _cosines(one_C: NDArray[np.floating], many_KC: NDArray[np.floating]) -> NDArray[np.float64]:
    one, many = one_C.astype(np.float64), many_KC.astype(np.float64)
    lengths = np.linalg.norm(one) * np.linalg.norm(many, axis=1)
    # A feature of zero length has no direction.
    cosines: NDArray[np.float64] = np.divide(many @ one, lengths, out=np.full(lengths.shape, np.nan), where=lengths != 0)
    return cosines
