"""DAVIS 2017 to Ref-DAVIS17, against a tree written without the conversion, and what it says of archives that cannot be used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import davis_tree
import numpy as np
import pytest

from vdit.benchmarks import ref_davis17
from vdit.prepare.davis import prepare

TEXT = Path("davis_text_annotations/Davis17_annot1.txt")
OTHER = Path("davis_text_annotations/Davis17_annot2_full_video.txt")
SEMANTICS = Path("DAVIS/davis_semantics.json")
MASK = Path("DAVIS/Annotations_unsupervised/480p/dogs-scale/00001.png")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return davis_tree.write(tmp_path / "source")


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def times(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def parsed(files: dict[str, bytes]) -> dict[str, object]:
    return {name: json.loads(data) if name.endswith(".json") else data for name, data in files.items()}


@pytest.mark.parametrize("copy", [False, True])
def test_the_result_is_the_tree_and_the_source_stays(source: Path, tmp_path: Path, copy: bool) -> None:
    before = content(source)
    said = list(prepare(source, tmp_path / "to", copy))
    assert parsed(content(tmp_path / "to")) == parsed(content(davis_tree.write_converted(tmp_path / "expected")))
    assert content(source) == before
    assert said[0] == f"{tmp_path / 'to/train'}: 2 videos, 5 frames and masks, {'copied' if copy else 'linked'}"
    assert f"{tmp_path / 'to/meta_expressions/valid/meta_expressions.json'}: written" in said and len(said) == 6


def test_a_second_time_nothing_changes(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", copy=False))
    before = times(tmp_path / "to")
    said = list(prepare(source, tmp_path / "to", copy=False))
    assert times(tmp_path / "to") == before
    assert sum("as it was" in line for line in said) == 4 and not any("written" in line for line in said)


def test_the_result_is_read_even_without_the_source(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to", copy=False))
    shutil.rmtree(source)
    for split in ("train", "valid"):
        data = ref_davis17.read(tmp_path / "to", split, 2)
        for video in data.videos:
            seen = set(np.unique(data.labels(video, (0,)))) - {0}
            assert {said.object for said in video.expressions} == seen


def edit(path: Path, old: bytes, new: bytes) -> Callable[[Path], object]:
    def damage(root: Path) -> None:
        data = (root / path).read_bytes()
        assert old in data
        (root / path).write_bytes(data.replace(old, new))

    return damage


DOG = b'dog-scale 1 "the first object 1 of dogs-scale"'
BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no folder": (shutil.rmtree, ("DAVIS/ImageSets/2017/train.txt cannot be read (No such file", "restore it")),
    "no text": (lambda root: (root / TEXT).unlink(), (f"{TEXT} cannot be read", "restore it")),
    "another encoding": (edit(TEXT, b"first", "ün".encode("latin-1")), (f"{TEXT} is not utf-8 (byte 18)", "restore it")),
    "no expression": (edit(TEXT, DOG, b"dog-scale 1"), (f"{TEXT}: line", "is 'dog-scale 1', expected: video object", "mend")),
    "no quotes": (edit(TEXT, DOG, b"dog-scale 1 a dog"), ("'dog-scale 1 a dog', expected",)),
    "empty quotes": (edit(TEXT, DOG, b'dog-scale 1 ""'), ("expected: video object",)),
    "a word for an object": (edit(TEXT, DOG, b'dog-scale one "a dog"'), ("expected: video object",)),
    "one object twice": (edit(TEXT, DOG, DOG + b"\n" + DOG), ("is a second one about object 1 of dog-scale",)),
    "an object too few": (edit(TEXT, DOG, b""), (f"{TEXT} lacks object 1 of video dogs-scale",)),
    "an object too few in the last file": (
        edit(OTHER, b'dog-scale 1 "the na', b'dog-scale 2000 "the na'),
        (f"{OTHER} lacks object 1 of video dogs-scale",),
    ),
    "an unknown object": (
        edit(SEMANTICS, b'"dogs-scale": {"1": "dog", ', b'"dogs-scale": {'),
        ("object 1 of video dogs-scale: DAVIS has 2", "mend the number"),
    ),
    "nothing of a video": (
        lambda root: [edit(TEXT.parent / file, b"dog-scale", b"dogscale")(root) for file in davis_tree.TEXTS],
        ("says nothing of video dogs-scale",),
    ),
    "no semantics": (lambda root: (root / SEMANTICS).unlink(), (f"{SEMANTICS} cannot be read", "restore it")),
    "broken semantics": (lambda root: (root / SEMANTICS).write_text("{"), (f"{SEMANTICS}: the file: Invalid JSON",)),
    "a video without semantics": (edit(SEMANTICS, b"dogs-scale", b"dog-scale"), (f"{SEMANTICS} lacks video dogs-scale",)),
    "a missing mask": (lambda root: (root / MASK).unlink(), (f"{MASK} does not exist, but JPEGImages/480p has that frame",)),
    "a missing frame": (
        lambda root: (root / "DAVIS/JPEGImages/480p/dogs-scale/00001.jpg").unlink(),
        ("480p/dogs-scale/00001.jpg does not exist, but Annotations_unsupervised/480p has",),
    ),
    "no masks of a video": (lambda root: shutil.rmtree(root / MASK.parent), (f"{MASK.parent} holds no .png", "unpack it there")),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_before_anything_is_written(source: Path, tmp_path: Path, name: str) -> None:
    damage, said = BAD[name]
    damage(source)
    with pytest.raises(ValueError) as caught:
        list(prepare(source, tmp_path / "to", copy=False))
    message = str(caught.value)
    assert "\n" not in message and all(part in message for part in said), message
    assert not (tmp_path / "to").exists()


def test_a_video_of_no_split_is_left_out_and_named(source: Path, tmp_path: Path) -> None:
    with (source / OTHER).open("ab") as file:
        file.write(b'stranger 1 "somebody"\n')
    assert (
        list(prepare(source, tmp_path / "to", copy=False))[-1] == f"{OTHER.name}: video stranger is in no split of DAVIS 2017 and left out"
    )


def test_blanks_windows_line_ends_and_odd_latin_1_characters_do_no_harm(source: Path, tmp_path: Path) -> None:
    edit(TEXT, DOG, b'  dog-scale\t1  "the  first object 1 of dogs-scale"  ')(source)
    edit(TEXT, b"\n", b"\r\n")(source)
    # 0x1c ends a line for str.splitlines.
    edit(OTHER, b'dog-scale 1 "the ', b'dog-scale 1 "the \x1c')(source)
    list(prepare(source, tmp_path / "to", copy=False))
    assert parsed(content(tmp_path / "to")) == parsed(content(davis_tree.write_converted(tmp_path / "expected")))


def test_what_somebody_else_wrote_is_kept(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "to/valid/meta.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"valid/meta\.json exists and does not hold what would be written"):
        list(prepare(source, tmp_path / "to", copy=False))
    assert path.read_text() == "{}"
    assert not (tmp_path / "to/meta_expressions/valid").exists(), "a split without its listing is no split"
