"""Trees of label maps on disk, and the recorded cases of the public evaluators."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

Labels = NDArray[np.uint8]  # [T, H, W]
Write = Callable[[Path, Mapping[str, Labels]], Path]


@pytest.fixture(scope="session")
def write() -> Write:
    """Write `root`/<name>/<frame>.png for each name and its frames; returns the root."""

    def written(root: Path, videos: Mapping[str, Labels]) -> Path:
        for name, frames in videos.items():
            (root / name).mkdir(parents=True, exist_ok=True)
            for number, labels in enumerate(frames):
                Image.fromarray(labels).save(root / name / f"{number:05d}.png", compress_level=1)
        return root

    return written


@pytest.fixture(scope="session")
def expected(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "cases" / "expected.json").read_text())
    return found


@pytest.fixture(scope="session")
def cases(shared: Path) -> dict[str, dict[str, Labels]]:
    """Truth (`gt`) and prediction (`pred`) of each recorded video."""
    return load(shared / "cases" / "jf_cases.npz")


@pytest.fixture(scope="session")
def referred(shared: Path) -> dict[str, dict[str, Labels]]:
    """Truth (`gt`) and the predictions for each annotator of the recorded Ref-DAVIS17 videos."""
    return load(shared / "cases" / "refdavis_cases.npz")


def load(path: Path) -> dict[str, dict[str, Labels]]:
    found: dict[str, dict[str, Labels]] = {}
    with np.load(path) as arrays:
        for key in arrays:
            name, kind = key.split("/")
            found.setdefault(kind, {})[name] = arrays[key]
    return found


@pytest.fixture(scope="session")
def trees(cases: dict[str, dict[str, Labels]], write: Write, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Truth and predictions of the recorded videos as folders."""
    root = tmp_path_factory.mktemp("cases")
    return write(root / "truth", cases["gt"]), write(root / "predictions", cases["pred"])


@pytest.fixture
def pair() -> tuple[dict[str, Labels], dict[str, Labels]]:
    """Two small videos of two moving squares, and predictions a pixel off."""
    truth, prediction = np.zeros((2, 5, 40, 60), np.uint8)
    for t in range(5):
        truth[t, 5 + t : 15 + t, 5:15], truth[t, 20:32, 30 + t : 42 + t] = 1, 2
        prediction[t, 6 + t : 16 + t, 5:15], prediction[t, 20:32, 31 + t : 43 + t] = 1, 2
    return {"bear": truth, "camel": truth[:, ::-1].copy()}, {"bear": prediction, "camel": prediction[:, ::-1].copy()}
