"""Oracles: digests by hand, folders spoilt by hand, and an interruption at the worst moment."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from vdit.weights.output import whole

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2).expand(3, 2)}


def write(target: Path) -> None:
    with whole(target) as draft:
        draft.write("part/a.safetensors", STATE, {"step": "0"})
        draft.add("part/config.json", b"{}\r\n")
        draft.finish({"kind": "test"})


def test_a_folder_and_what_its_manifest_says_of_it(tmp_path: Path) -> None:
    target, source = tmp_path / "deep" / "out", tmp_path / "source"
    source.mkdir()
    (source / "vocab.txt").write_bytes(b"a\r\n")
    with whole(target) as draft:
        said = draft.write("part/a.safetensors", STATE, {"step": "0"})
        draft.copy("words", source, ("vocab.txt", "absent.txt"))
        draft.source("vocab", source / "vocab.txt")
        draft.finish({"kind": "test"})
    assert said == "part/a.safetensors: 2 tensors, 12 parameters"
    assert json.loads((target / "manifest.json").read_text()) == {
        "written_by": "vdit weights convert",
        "kind": "test",
        "sources": {"vocab": sha256(b"a\r\n").hexdigest()},
        "files": {
            "part/a.safetensors": {
                "sha256": sha256((target / "part/a.safetensors").read_bytes()).hexdigest(),
                "tensors": 2,
                "parameters": 12,
            },
            "words/vocab.txt": {"sha256": sha256(b"a\r\n").hexdigest()},
        },
    }
    assert all(torch.equal(load_file(target / "part/a.safetensors")[name], tensor) for name, tensor in STATE.items())
    with safe_open(target / "part/a.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt", "step": "0"}
    assert (target / "part/a.safetensors").stat().st_mode == (target / "manifest.json").stat().st_mode


def test_a_folder_that_was_written_before_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "out")
    with whole(tmp_path / "out") as draft:
        draft.add("other.json", b"")
        draft.finish({"kind": "test"})
    assert {path.name for path in (tmp_path / "out").rglob("*")} == {"manifest.json", "other.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_taken_and_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "disk" / "empty").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "disk" / "empty")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "empty" / "manifest.json").exists()


@pytest.mark.parametrize("before", [True, False])
def test_an_error_on_the_way_leaves_everything_as_it_was(tmp_path: Path, before: bool) -> None:
    target = tmp_path / "out"
    if before:
        write(target)
    known = sorted(path.name for path in tmp_path.rglob("*"))
    with pytest.raises(KeyboardInterrupt), whole(target) as draft:
        draft.write("a.safetensors", STATE, {})
        raise KeyboardInterrupt
    assert sorted(path.name for path in tmp_path.rglob("*")) == known


@pytest.mark.parametrize("spoil", ["foreign", "added", "another manifest", "file"])
def test_what_somebody_else_put_there_stays(tmp_path: Path, spoil: str) -> None:
    target = tmp_path / "out"
    if spoil == "foreign":
        target.mkdir()
        (target / "notes.txt").write_text("mine")
    elif spoil == "added":
        write(target)
        (target / "part" / "notes.txt").write_text("mine")
    elif spoil == "another manifest":
        target.mkdir()
        (target / "manifest.json").write_text('{"files": []}')
    else:
        target.write_text("mine")
    known = {path: path.read_bytes() for path in [target, *target.rglob("*")] if path.is_file()}
    named = {"added": "part/notes.txt", "foreign": "notes.txt", "another manifest": "manifest.json", "file": "is a file"}[spoil]
    with pytest.raises(ValueError, match=named):
        write(target)
    assert {path: path.read_bytes() for path in [target, *target.rglob("*")] if path.is_file()} == known
