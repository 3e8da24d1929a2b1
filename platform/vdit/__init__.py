"""vdit: ablation studies of frozen text-to-video diffusion features for referring video object segmentation."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vdit.predict.callable import Model

__version__ = "0.1.0"


def load(run: str | Path, *, runs: str | Path = "runs", tracking_uri: str = "", device: str = "") -> "Model":
    """The trained model of a finished trial, called as `model(frames, expression)` (docs/python.md).

    `run` is the trial's key or its beginning, its folder, or, with `tracking_uri`, the id of its MLflow run. `runs` is the folder of runs;
    `device` "" takes a GPU where there is one. Raises ValueError where there is no such finished trial, or its weights are others now.
    """
    from vdit.predict import callable

    return callable.load(str(run), Path(runs), tracking_uri, device)
