"""`vdit score` as a user meets it: what it prints, the file it writes, exit codes and refusals on one line."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from vdit.commands.score import Protocol
from vdit.record import scores
from vdit.registry import find

VDIT = Path(sys.executable).parent / "vdit"


def vdit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run([str(VDIT), "score", *map(str, arguments)], capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """One video of four frames, one object, and predictions that hold half of it."""
    for kind, width in (("truth", 20), ("predictions", 10)):
        folder = tmp_path / kind / "bear"
        folder.mkdir(parents=True)
        labels = np.zeros((30, 40), np.uint8)
        labels[10:20, 10 : 10 + width] = 1
        for frame in range(4):
            Image.fromarray(labels).save(folder / f"{frame:05d}.png")
    return tmp_path / "truth", tmp_path / "predictions"


def masks(folders: tuple[Path, Path], *more: str | Path, protocol: str = "identity") -> subprocess.CompletedProcess[str]:
    return vdit("masks", "--truth", folders[0], "--predictions", folders[1], "--protocol", protocol, *more)


def test_a_person_sees_the_protocol_the_coverage_and_one_table(folders: tuple[Path, Path]) -> None:
    done = masks(folders)
    assert done.returncode == 0, done.stderr
    said, coverage, header, row = done.stdout.splitlines()
    assert "fixed ids" in said and coverage == "4/4 predictions found, numbers in %"
    assert header.split("  ")[-1].strip() == "MCS 0.9" and len(header) == len(row)
    assert row.startswith("mean of objects (1)") and " 50.00 " in row


def test_a_program_gets_full_precision_and_rows(folders: tuple[Path, Path], tmp_path: Path) -> None:
    done = masks(folders, "--json", "--out", tmp_path / "scores.parquet", protocol="davis-unsupervised")
    found = json.loads(done.stdout)
    assert (found["protocol"], found["J"], found["found"], found["problems"]) == ("davis-unsupervised", 0.5, [4, 4], [])
    assert found["jf"] == {"bear": {"davis_unsupervised": {"J": [0.5], "F": [found["F"]]}}}
    rows = scores.read(tmp_path / "scores.parquet")
    assert rows["j"].tolist() == [0.5] * 4 and rows["f"].mean() == pytest.approx(found["F"], abs=1e-12)


def test_a_missing_mask_is_refused_on_one_line_or_scored_as_empty_and_said(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[1] / "bear/00002.png").unlink()
    done = masks(folders, "--out", tmp_path / "scores.parquet")
    assert done.returncode == 2 and done.stdout == "" and not (tmp_path / "scores.parquet").exists()
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("vdit: ") and "00002.png does not exist" in done.stderr
    done = masks(folders, "--missing", "empty")
    assert done.returncode == 0 and "3/4 predictions found" in done.stdout and " 37.50 " in done.stdout
    assert "missing: " in done.stderr and "00002.png" in done.stderr


def test_ref_davis17_shows_the_number_by_identity_beside_its_own(folders: tuple[Path, Path], tmp_path: Path) -> None:
    for annotator in range(4):
        shutil.copytree(folders[1], tmp_path / "all" / f"anno_{annotator}")
    done = vdit("ref-davis17", "--truth", folders[0], "--predictions", tmp_path / "all")
    assert done.returncode == 0, done.stderr
    rows = done.stdout.splitlines()[3:]
    names = ("anno_0", "anno_1", "anno_2", "anno_3", "mean", "identity (not the protocol)")
    assert len(rows) == len(names) and all(row.startswith(name) for row, name in zip(rows, names, strict=True))
    assert "16/16" in done.stdout


def test_ref_youtube_vos_refuses_the_official_valid(tmp_path: Path) -> None:
    listing = {"videos": {"a": {"expressions": {"0": {"exp": "a bear"}}, "frames": ["00000"]}}}
    (tmp_path / "meta_expressions/valid").mkdir(parents=True)
    (tmp_path / "meta_expressions/valid/meta_expressions.json").write_text(json.dumps(listing))
    done = vdit("ref-youtube-vos", "--data", tmp_path, "--predictions", tmp_path, "--split", "valid")
    assert done.returncode == 2 and "official valid" in done.stderr and len(done.stderr.splitlines()) == 1


def test_every_protocol_is_a_file() -> None:
    for protocol in get_args(Protocol):
        assert callable(find("score", protocol).score)


def test_an_unknown_protocol_is_bad_input(folders: tuple[Path, Path]) -> None:
    assert masks(folders, protocol="davis").returncode == 2
