"""The yardstick of bench_score.py computes what the public evaluator does: the recorded values, and ours."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from yardstick import davis2017

from vdit.score import davis_unsupervised
from vdit.score.result import Options

NAMES = ("s120", "eight_objects", "ids_permuted", "ids_missing", "ids_excess", "void_band", "void_everything_once", "border_frame")


def test_the_yardstick_gives_the_recorded_values_and_ours(shared: Path, tmp_path: Path) -> None:
    with np.load(shared / "cases" / "jf_cases.npz") as arrays:
        for name in NAMES:
            for kind in ("gt", "pred"):
                (tmp_path / kind / name).mkdir(parents=True)
                for frame, labels in enumerate(arrays[f"{name}/{kind}"]):
                    Image.fromarray(labels).save(tmp_path / kind / name / f"{frame:05d}.png")
    expected = json.loads((shared / "cases" / "expected.json").read_text())["jf"]
    found = davis2017.score(tmp_path / "gt", tmp_path / "pred")
    ours = davis_unsupervised.score(tmp_path / "gt", tmp_path / "pred", Options(threads=2)).numbers["jf"]
    for name in NAMES:
        for measure in ("J", "F"):
            assert found[name][measure] == pytest.approx(expected[name]["davis_unsupervised"][measure], abs=1e-12), name
            assert found[name][measure] == pytest.approx(ours[name]["davis_unsupervised"][measure], abs=1e-12), name
