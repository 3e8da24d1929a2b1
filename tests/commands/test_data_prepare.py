"""`vdit data prepare` as a user meets it: what it prints, and one line and exit code 2 where an archive cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path

import davis_tree
import pytest
import refer_tree

from vdit.benchmarks import miniature
from vdit.config.data import World

VDIT = Path(sys.executable).parent / "vdit"


def vdit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [str(VDIT), "data", "prepare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def test_davis_is_converted_and_what_is_written_is_said(tmp_path: Path) -> None:
    source = davis_tree.write(tmp_path / "source")
    done = vdit("davis", source, tmp_path / "to")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{tmp_path / 'to/meta_expressions/valid/meta_expressions.json'}: written"
    again = vdit("davis", source, tmp_path / "to", "--copy", "--quiet")
    assert (again.returncode, again.stdout) == (0, "")


def test_refcoco_is_converted_where_it_is_or_elsewhere(tmp_path: Path) -> None:
    source = refer_tree.write(tmp_path / "coco")
    for place, arguments in ((tmp_path / "to", ("--to", tmp_path / "to")), (source, ())):
        done = vdit("refcoco", source, *arguments)
        assert done.returncode == 0, done.stderr
        assert f"{place / 'refcocog/instances_refcocog_test.json'}: written" in done.stdout.splitlines()


def test_200_videos_of_ref_youtube_vos_are_held_out(tmp_path: Path) -> None:
    path = tmp_path / "meta_expressions/train/meta_expressions.json"
    path.parent.mkdir(parents=True)
    entry = {"expressions": {"0": {"exp": "a dog", "obj_id": "1"}}, "frames": ["00000"]}
    path.write_text(json.dumps({"videos": {f"{number:04d}": entry for number in range(230)}}))
    done = vdit("held-out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1::2] == ["held_out: 200 videos", "train_without_held_out: 30 videos"]


def test_videos_of_one_object_are_set_side_by_side(tmp_path: Path) -> None:
    miniature.write(tmp_path / "data", World(train_videos=2, valid_videos=2, frames=2, height=32, width=64, objects=2))
    refused = vdit("side-by-side", tmp_path / "data", tmp_path / "to")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "train0000.expressions name the objects 1, 2, expected one" in refused.stderr and len(refused.stderr.splitlines()) == 1
    for split in ("train", "valid"):
        path = tmp_path / f"data/meta_expressions/{split}/meta_expressions.json"
        listing = json.loads(path.read_text())
        for entry in listing["videos"].values():
            entry["expressions"] = {key: said for key, said in entry["expressions"].items() if said["obj_id"] == "1"}
        path.write_text(json.dumps(listing))
    done = vdit("side-by-side", tmp_path / "data", tmp_path / "to", "--height", "16")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{tmp_path / 'to/meta_expressions/valid/meta_expressions.json'}: written"


@pytest.mark.parametrize(
    "arguments", [("davis", "nowhere", "to"), ("refcoco", "nowhere"), ("held-out", "nowhere"), ("side-by-side", "nowhere", "to")]
)
def test_a_folder_that_is_not_there_is_one_line_and_exit_code_2(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    kind, source, *to = arguments
    done = vdit(kind, tmp_path / source, *(tmp_path / name for name in to))
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith("vdit: ") and str(tmp_path / source) in done.stderr
