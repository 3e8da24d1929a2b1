"""Checkpoints that come with the package: in `launch.weights`, `shipped:NAME` is the folder of that name in vdit/pretrained.

Written so, a study means the same weights on every machine, wherever the package is installed there.
"""

from pathlib import Path

import vdit

PREFIX = "shipped:"
ROOT = Path(vdit.__file__).parent / "pretrained"


def located(weights: str) -> Path:
    """The folder that `launch.weights` names. Raises ValueError where no such checkpoint ships."""
    if not installed(weights):
        raise ValueError(f"launch.weights is {weights}, shipped are {names()}; name one of them, or a folder (--weights DIR)")
    return ROOT / weights.removeprefix(PREFIX) if weights.startswith(PREFIX) else Path(weights)


def installed(weights: str) -> bool:
    """Whether `launch.weights` is a folder's path, or the name of a checkpoint that ships."""
    return not weights.startswith(PREFIX) or weights.removeprefix(PREFIX) in names()


def names() -> list[str]:
    return sorted(path.name for path in ROOT.iterdir() if path.is_dir()) if ROOT.is_dir() else []
