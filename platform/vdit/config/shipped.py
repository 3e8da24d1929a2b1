"""Checkpoints that come with the package: in `launch.weights`, `shipped:NAME` is the folder of that name in vdit/pretrained.

Written so, a study means the same weights on every machine, wherever the package is installed there.
"""

from pathlib import Path

import vdit

PREFIX = "shipped:"
ROOT = Path(vdit.__file__).parent / "pretrained"


def located(weights: str) -> Path:
    """The folder that `launch.weights` names. Raises ValueError where no such checkpoint ships."""
    if not weights.startswith(PREFIX):
        return Path(weights)
    known = sorted(path.name for path in ROOT.iterdir() if path.is_dir()) if ROOT.is_dir() else []
    if (name := weights.removeprefix(PREFIX)) not in known:
        raise ValueError(f"launch.weights is {weights}, shipped are {known}; name one of them, or a folder (--weights DIR)")
    return ROOT / name
