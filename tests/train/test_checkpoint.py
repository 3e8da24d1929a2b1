"""What a checkpoint holds beside trained parameters: written and read again."""

from pathlib import Path

import pytest
import torch

from vdit.train import checkpoint


def test_what_is_kept_comes_back_into_the_same_tensors(tmp_path: Path) -> None:
    kept, model = {"head.a": torch.tensor([1.0, 2.0])}, {"head.a": torch.zeros(2)}
    checkpoint.write(tmp_path, checkpoint.aside(kept), 3)
    saved = checkpoint.read(tmp_path)
    assert saved is not None
    before = model["head.a"]
    checkpoint.put_back(model, saved[0], tmp_path)
    assert torch.equal(before, kept["head.a"])


def test_it_is_no_trained_parameter() -> None:
    assert checkpoint.parameters(checkpoint.aside({"head.a": torch.zeros(2)})) == {}


def test_a_copy_is_saved() -> None:
    kept = {"head.a": torch.zeros(2)}
    tensors = checkpoint.aside(kept)
    kept["head.a"].fill_(1)
    assert not tensors["kept/head.a"].any()


def test_a_checkpoint_without_it_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'head\.a' is only in the model"):
        checkpoint.put_back({"head.a": torch.zeros(2)}, {}, tmp_path)
