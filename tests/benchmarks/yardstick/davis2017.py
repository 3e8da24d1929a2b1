"""What davis2017-evaluation does with a folder under its unsupervised protocol, written from its description (metrics.md A2 and A4).

A video is read whole into float64 stacks, one [T, H, W] per object; J and F of every predicted object with every true one are computed on
dense maps; then objects are matched. Numbers come in the form of vdit/score.

N objects, P predicted and G true ones, T frames, H W pixels.
"""

from pathlib import Path

import numpy as np
from bench_contour import dense_f
from numpy.typing import NDArray
from PIL import Image
from scipy.optimize import linear_sum_assignment

Stack = NDArray[np.float64]
VOID = 255


def score(truth: Path, predictions: Path) -> dict[str, dict[str, list[float]]]:
    """J and F of each object, in the order of the predicted ids, by video."""
    found = {}
    for folder in sorted(truth.iterdir()):
        names = sorted(path.name for path in folder.glob("*.png"))
        labels_THW = read(folder, names)
        void_THW = labels_THW == VOID
        labels_THW[void_THW] = 0
        true_GTHW = objects(labels_THW, int(labels_THW[0].max()))
        ours_THW = read(predictions / folder.name, names)
        ours_PTHW = objects(ours_THW, int(ours_THW.max()))
        if len(ours_PTHW) < len(true_GTHW):
            empty = np.zeros((len(true_GTHW) - len(ours_PTHW), *ours_THW.shape))
            ours_PTHW = np.concatenate([ours_PTHW, empty])
        found[folder.name] = matched(ours_PTHW, true_GTHW, void_THW)
    return found


def read(folder: Path, names: list[str]) -> Stack:
    first = np.array(Image.open(folder / names[0]))
    stack_THW = np.zeros((len(names), *first.shape))
    for index, name in enumerate(names):
        stack_THW[index] = np.array(Image.open(folder / name))
    return stack_THW


def objects(labels_THW: Stack, number: int) -> Stack:
    ids_NTHW = np.ones((number, *labels_THW.shape)) * np.arange(1, number + 1)[:, None, None, None]
    return (ids_NTHW == labels_THW[None]).astype(np.float64)


def matched(ours_PTHW: Stack, true_GTHW: Stack, void_THW: NDArray[np.bool_]) -> dict[str, list[float]]:
    j_PGT, f_PGT = np.zeros((2, len(ours_PTHW), len(true_GTHW), len(void_THW)))
    for p, ours_THW in enumerate(ours_PTHW):
        for g, true_THW in enumerate(true_GTHW):
            j_PGT[p, g] = region(ours_THW, true_THW, void_THW)
            f_PGT[p, g] = contour(ours_THW, true_THW, void_THW)
    pairs = linear_sum_assignment(-(j_PGT.mean(-1) + f_PGT.mean(-1)) / 2)
    return {"J": j_PGT[pairs].mean(-1).tolist(), "F": f_PGT[pairs].mean(-1).tolist()}


def region(ours_THW: Stack, true_THW: Stack, void_THW: NDArray[np.bool_]) -> Stack:
    ours, true, valid = ours_THW.astype(np.bool_), true_THW.astype(np.bool_), ~void_THW
    intersection = np.sum(ours & true & valid, axis=(1, 2))
    union = np.sum((ours | true) & valid, axis=(1, 2))
    return np.array([both / either if either else 1.0 for both, either in zip(intersection, union, strict=True)])


def contour(ours_THW: Stack, true_THW: Stack, void_THW: NDArray[np.bool_]) -> Stack:
    frames = zip(ours_THW, true_THW, void_THW, strict=True)
    return np.array([dense_f((ours * ~void).astype(np.bool_), (true * ~void).astype(np.bool_)) for ours, true, void in frames])
