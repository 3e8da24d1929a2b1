"""Oracle: the miniature's RoBERTa, as it is and trained a little."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vdit.backbones import modelscope
from vdit.config.model import Model
from vdit.model.released import FROZEN
from vdit.weights.convert import convert
from vdit.weights.words import compare

WORD = f"{FROZEN['roberta']}encoder.layer.1.output.dense.weight"


def converted(state: dict[str, Tensor], tmp_path: Path, roberta: Path | None) -> list[str]:
    """What is said of RoBERTa, here and in the manifest."""
    said: list[str] = []
    torch.save(state, tmp_path / "model.pth")
    convert(tmp_path / "model.pth", tmp_path / "out", None, roberta, said.append)
    return [said[1], json.loads((tmp_path / "out/manifest.json").read_text())["roberta"]]


def test_unless_it_is_given_the_published_one_is_not_compared(made_sgmg: dict[str, Tensor], tmp_path: Path) -> None:
    line, finding = converted(made_sgmg, tmp_path, None)
    assert finding == "not compared" and "--roberta" in line
    assert not (tmp_path / "out/roberta").exists()


def test_the_published_one_is_recognised_and_not_written_again(made_sgmg: dict[str, Tensor], folder: Path, tmp_path: Path) -> None:
    line, finding = converted(made_sgmg, tmp_path, folder / "roberta")
    assert finding == "as published" and str(folder / "roberta") in line
    assert not (tmp_path / "out/roberta").exists()


def test_a_pooler_of_the_published_one_is_not_compared(made_sgmg: dict[str, Tensor], copied: Callable[[], Path]) -> None:
    place = copied() / "roberta"
    pooler = {"pooler.dense.weight": torch.eye(64), "pooler.dense.bias": torch.ones(64)}
    save_file({**load_file(place / "model.safetensors"), **pooler}, place / "model.safetensors")
    assert compare(Path("checkpoint"), made_sgmg, place).finding == "as published"


def test_one_that_was_trained_is_kept_so_that_it_loads(made_sgmg: dict[str, Tensor], model: Model, folder: Path, tmp_path: Path) -> None:
    trained = {**made_sgmg, WORD: made_sgmg[WORD] + 1e-3}
    line, finding = converted(trained, tmp_path, folder / "roberta")
    assert finding == "trained" and line.startswith("roberta/model.safetensors: ")
    loaded = modelscope.roberta(tmp_path / "out", model, torch.device("cpu")).state_dict()
    before = load_file(folder / "roberta/model.safetensors")
    name = WORD.removeprefix(FROZEN["roberta"])
    assert torch.equal(loaded[name], trained[WORD]) and not torch.equal(loaded[name], before[name])
    assert all(torch.equal(loaded[other], tensor) for other, tensor in before.items() if other != name)
    for settings in ("config.json", "vocab.json", "merges.txt"):
        assert (tmp_path / "out/roberta" / settings).read_bytes() == (folder / "roberta" / settings).read_bytes()


def test_one_of_another_size_is_named(made_sgmg: dict[str, Tensor], folder: Path) -> None:
    spoilt = {**made_sgmg, WORD: torch.zeros(3, 3)}
    with pytest.raises(ValueError, match=rf"checkpoint does not fit: {WORD} is \(3, 3\), expected \(64, 128\)"):
        compare(Path("checkpoint"), spoilt, folder / "roberta")
    with pytest.raises(ValueError, match=f"{WORD} is missing"):
        compare(Path("checkpoint"), {key: tensor for key, tensor in made_sgmg.items() if key != WORD}, folder / "roberta")
