"""Oracles: the published numbers of parameters (docs/weights.md), and frozen copies with something wrong planted."""

from math import prod
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vdit.config.architecture import Architecture, Swin, TextTower
from vdit.model.released import FROZEN
from vdit.weights import frozen, sgmg, vd_it

UNET, VAE, TEXT, IMAGE, ROBERTA = (FROZEN[part] for part in ("unet", "vae", "text_encoder", "image_tower", "roberta"))
MIDDLE = "encoder.mid_block.attentions.0."
FILE = Path("checkpoint.pth")
# Not the published sizes.
OTHER = Architecture(text=TextTower(hidden_size=32))


@pytest.mark.parametrize(("part", "millions"), [("unet", 1411), ("vae", 84), ("text_encoder", 340), ("image_tower", 632), ("roberta", 125)])
def test_as_many_parameters_as_the_published_networks(part: str, millions: int) -> None:
    numbers = sum(prod(shape) for key, shape in frozen.published().items() if key.startswith(FROZEN[part]))
    assert round(numbers / 1e6) == millions


def test_the_copies_in_recorded_checkpoints_are_accepted(recorded: dict[str, Tensor], recorded_sgmg: dict[str, Tensor]) -> None:
    for state, released in ((recorded, vd_it), (recorded_sgmg, sgmg)):
        copies = {key: tensor for key, tensor in state.items() if released.reason(key) == "frozen"}
        assert copies
        frozen.check(FILE, copies, released.model(state).architecture)


@pytest.mark.parametrize("swin", [Swin(), Swin(embed_dim=96)], ids=["B", "T"])
def test_copies_of_the_published_sizes_are_accepted_in_every_spelling(swin: Swin) -> None:
    copies = {key: torch.empty(shape, device="meta") for key, shape in frozen.published().items()}
    copies[f"{ROBERTA}embeddings.position_ids"] = torch.empty(1, 514, dtype=torch.long, device="meta")
    frozen.check(FILE, copies, Architecture(swin=swin))
    frozen.check(FILE, copies, OTHER)
    older = {key.replace(TEXT, f"{TEXT}text_model.").replace(f"{VAE}{MIDDLE}to_q.", f"{VAE}{MIDDLE}query."): copies[key] for key in copies}
    assert len(set(copies) - set(older)) == 2 + sum(key.startswith(TEXT) for key in copies)
    frozen.check(FILE, older, Architecture(swin=swin))


@pytest.mark.parametrize(
    "key", [f"{UNET}discriminator.weight", f"{IMAGE}vision_model.encoder.layers.0.gate.weight", f"{ROBERTA}lm_head.bias"]
)
@pytest.mark.parametrize("sizes", [Architecture(), OTHER], ids=["published", "other"])
def test_a_tensor_of_no_frozen_network_is_named(key: str, sizes: Architecture) -> None:
    with pytest.raises(ValueError, match=rf"checkpoint\.pth does not fit: {key} is unknown; fetch"):
        frozen.check(FILE, {key: torch.zeros(1)}, sizes)


@pytest.mark.parametrize(
    ("sizes", "shape", "said"),
    [
        (Architecture(), (4, 320, 3), r"is (4, 320, 3), expected (4, 320, 3, 3)"),
        (Architecture(), (4, 64, 3, 3), r"is (4, 64, 3, 3), expected (4, 320, 3, 3)"),
        (OTHER, (4, 64, 3), r"is (4, 64, 3), expected 4 dimensions"),
        (OTHER, (4, 64, 3, 3), None),
    ],
)
def test_a_tensor_of_another_shape_is_named_as_far_as_shapes_are_known(
    sizes: Architecture, shape: tuple[int, ...], said: str | None
) -> None:
    key = f"{UNET}conv_out.weight"
    if said is None:
        frozen.check(FILE, {key: torch.zeros(shape)}, sizes)
        return
    with pytest.raises(ValueError) as refused:
        frozen.check(FILE, {key: torch.zeros(shape)}, sizes)
    assert f"{key} {said}" in str(refused.value)


def test_a_layer_that_the_published_network_has_not_is_unknown_at_its_sizes_only() -> None:
    layer = {f"{ROBERTA}encoder.layer.12.output.dense.bias": torch.zeros(768)}
    frozen.check(FILE, layer, OTHER)
    with pytest.raises(ValueError, match=r"layer\.12\.output\.dense\.bias is unknown"):
        frozen.check(FILE, layer, Architecture())


def test_integers_in_place_of_weights_are_named() -> None:
    with pytest.raises(ValueError, match=r"sentence_proj\.fc\.bias is torch\.int64, expected floating point"):
        frozen.check(FILE, {"sentence_proj.fc.bias": torch.zeros(256, dtype=torch.long)}, Architecture())
