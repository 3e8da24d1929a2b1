"""Clips of videos of which one frame is annotated: the window around it, and a truth for it alone (spec sections 3.9 and 5).

T frames.
"""

from dataclasses import replace

import numpy as np

from vdit.video import Sample, Video


def centred(video: Video, frames: int) -> tuple[int, ...]:
    """The indices of the window of `frames` frames around the annotated one, which is in its middle or just behind.

    Where the window passes an end of the video the frame at that end is repeated, as released. A photograph, all of which is annotated,
    is a window of its own.
    """
    if video.annotated is None:
        return tuple(range(len(video.frames)))
    first = video.annotated - frames // 2
    return tuple(min(max(index, 0), len(video.frames) - 1) for index in range(first, first + frames))


def supervised(sample: Sample, video: Video, indices: tuple[int, ...]) -> Sample:
    """The sample of the frames `indices`, none of which but the annotated one is valid; as it is where all frames are annotated.

    At an end of its video the annotated frame may be there several times; the first counts, as released.
    """
    if video.annotated is None:
        return sample
    annotated = indices.index(video.annotated)
    others_T = np.arange(len(indices)) != annotated
    boxes_T4 = np.where(others_T[:, None], np.float32(0), sample.boxes_T4)
    return replace(sample, boxes_T4=boxes_T4, valid_T=sample.valid_T & ~others_T, annotated=annotated)
