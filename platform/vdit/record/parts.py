"""Features of a drift clip on their way from the worker that computed them to the one that compares them: one .npz per clip."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vdit.appearing import appearing
from vdit.metrics.drift import ClipFeatures


def write_features(path: Path, features: Sequence[ClipFeatures]) -> None:
    """Whole or not at all."""
    arrays = {"sample": np.array(features[0].sample)}
    for found in features:
        arrays[f"{found.stride}/box"], arrays[f"{found.stride}/mask"] = found.box_TC, found.mask_TC
        if found.other_TC is not None:
            arrays[f"{found.stride}/other"] = found.other_TC
    with appearing(path) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_features(path: Path) -> list[ClipFeatures]:
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    strides = sorted({int(name.split("/")[0]) for name in arrays if "/" in name})
    return [
        ClipFeatures(str(arrays["sample"]), stride, arrays[f"{stride}/box"], arrays[f"{stride}/mask"], arrays.get(f"{stride}/other"))
        for stride in strides
    ]
