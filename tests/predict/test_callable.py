"""`vdit.load`. Oracle: the PNGs that `vdit predict` writes of the same video."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

import vdit
from vdit import cli
from vdit.predict.callable import Model
from vdit.track.entry import Entry
from vdit.track.mlflow import MLflow, default_uri
from vdit.train import folder


@pytest.fixture(scope="module")
def loaded(runs: Path, place: Path) -> Model:
    return vdit.load(place.name[:8], runs=runs, device="cpu")


def decoded(path: Path) -> np.ndarray:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return np.stack(frames)


def test_masks_are_those_of_the_command(loaded: Model, runs: Path, place: Path, film: Callable[..., Path], tmp_path: Path) -> None:
    """Of five frames, which are three windows."""
    path = film(5)
    asked = ["--run", place.name, "--video", str(path), "--expression", "a red box", "--out", str(tmp_path / "out"), "--device", "cpu"]
    assert cli.main(["predict", "--runs", str(runs), *asked]) == 0
    written = [np.asarray(Image.open(file)) > 0 for file in sorted((tmp_path / "out/a-red-box/masks").iterdir())]
    frames = decoded(path)
    masks = loaded(frames, "a red box", video=path.stem)
    assert masks.shape == (5, 32, 64) and masks.dtype == bool
    assert (masks == np.stack(written)).all()
    scores = loaded.scores(frames, "a red box", video=path.stem)
    assert scores.dtype == np.float32 and 0 <= scores.min() <= scores.max() <= 1
    assert ((scores > loaded.evaluate.threshold) == masks).all()
    whole = loaded.scores(frames, "a red box", video=path.stem, window=5)
    assert whole.shape == scores.shape and not np.array_equal(whole, scores)


def test_a_trial_is_named_by_its_folder_or_its_run_in_mlflow(loaded: Model, runs: Path, place: Path, tmp_path: Path) -> None:
    ticket = folder.read_ticket(place)
    record = MLflow(default_uri(tmp_path), tmp_path)
    record.study({"study": "once"})
    record.start(Entry(ticket.key, "VD-IT", 0, {}, "c", "d", "w", "", {}))
    for run, uri in ((str(place), ""), (record.open[ticket.key], record.uri)):
        assert vdit.load(run, runs=runs, tracking_uri=uri, device="cpu").trained.parameters == loaded.trained.parameters
    for run in ("0" * 32, record.parent):
        with pytest.raises(ValueError, match=rf"no trial under the run id '{run}'"):
            vdit.load(run, runs=runs, tracking_uri=record.uri)


def test_a_mistake_says_what_would_work(loaded: Model, runs: Path, place: Path) -> None:
    frames = np.zeros((2, 32, 64, 3), np.uint8)
    for wrong, said in (
        (frames.astype(np.float32), r"float32 \[2, 32, 64, 3\]; give uint8 \[T, H, W, 3\]"),
        (frames[0], r"uint8 \[32, 64, 3\]"),
        (frames[:0], "one frame or more"),
    ):
        with pytest.raises(ValueError, match=said):
            loaded(wrong, "a red box")
    with pytest.raises(ValueError, match="has no words"):
        loaded(frames, " ")
    with pytest.raises(ValueError, match="no trial 'zzz'"):
        vdit.load("zzz", runs=runs)
    with pytest.raises(ValueError, match="device abacus"):
        vdit.load(place, runs=runs, device="abacus")


def test_importing_the_package_loads_nothing() -> None:
    code = "import sys, vdit; print(*{name.split('.')[0] for name in sys.modules} & {'torch', 'numpy', 'pydantic', 'mlflow', 'typer'})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
