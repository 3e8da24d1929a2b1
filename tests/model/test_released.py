"""Oracle: the checkpoint of the released VD-IT at random weights (oracle/README.md); what it computes is held by `vdit weights verify`."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from vdit.config.model import Encode
from vdit.model.features import VideoDiffusionFeatures
from vdit.model.released import features_state, frozen_states
from vdit.model.tokens import prepare
from vdit.weights import oracle


@pytest.fixture(scope="module")
def released(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "oracle/weights.safetensors")


def test_every_trained_tensor_of_the_checkpoint_is_placed(shared: Path, released: dict[str, Tensor]) -> None:
    sizes = json.loads((shared / "oracle/oracle.json").read_text())["config"]
    features = VideoDiffusionFeatures(oracle.vd_it(sizes, released), frozen=None)
    assert set(features_state(released)) == set(features.state_dict())


@pytest.mark.parametrize("name", ["a", "d"])
def test_released_image_preparation_is_exact_and_the_default_differs_by_two_levels(shared: Path, name: str) -> None:
    records = load_file(shared / f"oracle/{name}.safetensors")
    recorded = records["train/inter/clip_vision.pixel_values"]
    mean, std = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
    tower = SimpleNamespace(image_size=recorded.shape[-1], image_mean=mean, image_std=std)
    shares = (records["train/inter/vae.pixel_values"] + 1) / 2
    exact = prepare(shares, tower, Encode(cast="truncate", resize="pil"))
    torch.testing.assert_close(exact, recorded, rtol=0, atol=1e-6)
    levels = (prepare(shares, tower, Encode()) - exact).abs() * torch.tensor(std).view(3, 1, 1) * 255
    # Rounding instead of truncation is one level; PILLOW interpolates with whole numbers, so that a tie may fall to the other side.
    assert 0.5 < levels.max() < 3.1


def test_a_damaged_alias_is_refused(released: dict[str, Tensor]) -> None:
    state = dict(released)
    key = "backbone.0.diff_ftex.act_postprocess.2.0.weight"
    state[key] = state[key] + 1
    with pytest.raises(ValueError, match=r"act_postprocess\.2\.0\.weight"):
        features_state(state)


def test_older_names_of_the_autoencoder_are_read(released: dict[str, Tensor]) -> None:
    state = dict(released)
    query = "backbone.0.diff_ftex.vae.encoder.mid_block.attentions.0.to_q.weight"
    older = {key.replace(".to_q.", ".query.") if ".vae." in key else key: tensor for key, tensor in state.items()}
    assert query in state and query not in older
    assert torch.equal(frozen_states(older)["vae"]["encoder.mid_block.attentions.0.to_q.weight"], state[query])
