"""Rows of clusters.parquet: which cells of a level of features hold together, in frames shown with them (Figures 1 and 3).

T frames, h w cells of a level, H W pixels of the frame as the model sees it.
"""

import io

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from vdit.video import Sample

QUALITY = 85  # of the JPEGs: some ten kilobytes a frame


def rows(sample: Sample, names: list[str], stride: int, labels_Thw: NDArray[np.int64]) -> pd.DataFrame:
    """A row for each frame of the sample: `cells` are the clusters row by row, a byte each, `picture` is the frame as JPEG.

    `height` and `width` are those of the frame; cells cover it from its upper left corner on.
    """
    height, width = sample.frames.shape[1:3]
    return pd.DataFrame(
        {
            "video": sample.video,
            "text": sample.text,
            "frame": pd.Series(names, dtype="str"),
            "stride": stride,
            "height": height,
            "width": width,
            "cells": [labels_hw.astype(np.uint8).tobytes() for labels_hw in labels_Thw],
            "picture": [jpeg(frame) for frame in sample.frames],
        }
    )


def jpeg(frame: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(frame).save(buffer, format="JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue()


def cells(row: pd.Series) -> NDArray[np.int64]:
    """The clusters [h, w] of a row."""
    high = -(-int(row["height"]) // int(row["stride"]))
    return np.frombuffer(row["cells"], np.uint8).reshape(high, -1).astype(np.int64)


def picture(row: pd.Series) -> NDArray[np.uint8]:
    """[H, W, 3] RGB."""
    with Image.open(io.BytesIO(row["picture"])) as image:
        return np.asarray(image.convert("RGB"))
