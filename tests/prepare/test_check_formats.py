"""`vdit data check` on small trees of every format: a clean one has no problem, damages of a listing are listed together."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import a2d_tree
import davis_tree
import jhmdb_tree
import mevis_tree
import pytest

from vdit.prepare.check import Report, check

TREES: dict[str, Callable[[Path], Path]] = {
    "ref_davis17": davis_tree.write_converted,
    "mevis": mevis_tree.write,
    "a2d_sentences": a2d_tree.write,
    "jhmdb_sentences": jhmdb_tree.write,
}


def read(benchmark: str, root: Path) -> Report:
    return check(benchmark, root, (), root.parent / "manifests", lambda *_: None)


def edit(path: Path, change: Callable[[Any], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize("benchmark", TREES)
def test_a_clean_tree_is_read_whole(benchmark: str, tmp_path: Path) -> None:
    report = read(benchmark, TREES[benchmark](tmp_path / "data"))
    assert report.problems == () and report.digest
    assert report.splits and all(count.frames and count.masks for count in report.splits.values())


def test_davis(tmp_path: Path) -> None:
    root = TREES["ref_davis17"](tmp_path / "data")
    path = root / "meta_expressions/valid/meta_expressions.json"
    videos = json.loads(path.read_text())["videos"]
    edit(path, lambda listing: [video["expressions"].pop("0") for video in listing["videos"].values()])
    problems = [problem.message for problem in read("ref_davis17", root).problems]
    assert len(videos) > 1 and all(any(f"videos.{name}.expressions has the ids" in problem for problem in problems) for name in videos)


def test_mevis(tmp_path: Path) -> None:
    root = TREES["mevis"](tmp_path / "data")
    path = root / "train/mask_dict.json"
    first, second, *_ = json.loads(path.read_text())
    edit(path, lambda masks: (masks.pop(first), masks[second].pop()))
    problems = [problem.message for problem in read("mevis", root).problems]
    assert any(f"names anno_id {first}" in problem for problem in problems), problems
    assert any(f"{second} has" in problem for problem in problems), problems


def test_an_object_whose_only_mask_could_not_be_read_is_not_said_to_be_in_none(tmp_path: Path) -> None:
    root = TREES["mevis"](tmp_path / "data")
    # Object 9 is seen in this frame alone, whose size its outline is drawn at.
    (root / "train/JPEGImages/0ab4/00001.jpg").unlink()
    problems = [problem.message for problem in read("mevis", root).problems]
    assert len(problems) == 1 and "00001.jpg, which does not exist" in problems[0], problems


def test_a2d(tmp_path: Path) -> None:
    root = TREES["a2d_sentences"](tmp_path / "data")
    path = sorted(root.glob("a2d_sentences_single_frame_*_annotations.json"))[0]
    rows = json.loads(path.read_text())
    edit(path, lambda listing: listing.append(listing[0]))
    problems = [problem.message for problem in read("a2d_sentences", root).problems]
    assert sum("is listed 2 times" in problem for problem in problems) == 2, problems
    files = sorted(root.rglob("*.h5"))
    for file in files:
        file.unlink()
    problems = [problem.message for problem in read("a2d_sentences", root).problems]
    assert rows and all(any(str(file) in problem for problem in problems) for file in files), problems


def test_a2d_goes_on_without_what_cannot_be_opened(tmp_path: Path) -> None:
    root = TREES["a2d_sentences"](tmp_path / "data")
    clips, masks = root / "Release/CLIPS320", root / a2d_tree.MASKS
    (clips / "second.mp4").write_bytes(b"nothing")
    (clips / "third.mp4").unlink()
    (masks / "first/00001.h5").unlink()
    damaged = masks / "first/00007.h5"
    damaged.write_bytes(b"nothing")
    report = read("a2d_sentences", root)
    problems = [problem.message for problem in report.problems]
    expected = ("second.mp4 is not a readable", "third.mp4, which does not", "first/00001.h5, which does not", f"{damaged} cannot")
    assert len(problems) == 4 and all(any(part in problem for problem in problems) for part in expected), problems
    assert report.splits["train"].frames == a2d_tree.LENGTHS["first"], "the frames of the sound video are read"


def test_jhmdb_goes_on_without_a_path_that_leads_nowhere(tmp_path: Path) -> None:
    root = TREES["jhmdb_sentences"](tmp_path / "data")
    edit(root / jhmdb_tree.JSON, lambda rows: rows[3].__setitem__(1, "./frames/00001.png"))
    (folder,) = (root / "Rename_Images/catch").iterdir()
    (folder / "00002.png").unlink()
    problems = [problem.message for problem in read("jhmdb_sentences", root).problems]
    expected = (": 3.1 is './frames/00001.png'", "00002.png, which does not exist")
    assert len(problems) == 2 and all(part in problem for part, problem in zip(expected, problems, strict=True)), problems


def test_mevis_goes_on_without_a_video_of_no_frames_and_a_hidden_sentence(tmp_path: Path) -> None:
    root = TREES["mevis"](tmp_path / "data")
    listing = root / "train/meta_expressions.json"
    edit(listing, lambda content: content["videos"]["1cd5"].update(frames=[]))
    edit(listing, lambda content: content["videos"]["0ab4"]["expressions"]["1"].pop("anno_id"))
    (root / "train/JPEGImages/0ab4/00002.jpg").unlink()
    problems = [problem.message for problem in read("mevis", root).problems]
    expected = ("videos.1cd5.frames is empty", "expressions.1 has no anno_id", "00002.jpg, which does not exist")
    assert len(problems) == 3 and all(any(part in problem for problem in problems) for part in expected), problems


def test_jhmdb(tmp_path: Path) -> None:
    root = TREES["jhmdb_sentences"](tmp_path / "data")
    path = root / "jhmdb_sentences_samples_metadata.json"
    edit(path, lambda rows: rows.extend([rows[0], rows[1]]))
    problems = [problem.message for problem in read("jhmdb_sentences", root).problems]
    assert sum("is listed before" in problem for problem in problems) == 2, problems
