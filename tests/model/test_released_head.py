"""Released parameter names of the head, against spec section 10."""

import pytest
import torch

from vdit.config.model import Head
from vdit.model.head import SegmentationHead
from vdit.model.released_head import head_name, head_state

EXTRACTOR = 5_248_512 + 2_361_344 + 5_968_512 + 180  # prompt attention, image projection, adapters, noise predictor (spec 1.3 to 1.9)


def test_the_full_size_head_has_as_many_parameters_as_the_released_one() -> None:
    with torch.device("meta"):
        head = SegmentationHead(Head(), (128, 256, 512, 1024), words=768)
    assert sum(p.numel() for p in head.parameters()) == 30_038_986 - EXTRACTOR


@pytest.mark.parametrize(
    ("released", "ours"),
    [
        ("transformer.encoder.layers.2.self_attn.sampling_offsets.bias", "encoder.layers.2.attention.offsets.bias"),
        ("transformer.decoder.layers.0.norm1.weight", "decoder.layers.0.cross_norm.weight"),
        ("transformer.decoder.layers.0.norm2.weight", "decoder.layers.0.self_norm.weight"),
        ("transformer.decoder.layers.3.self_attn.in_proj_weight", "decoder.layers.3.self_attention.in_proj_weight"),
        ("transformer.decoder.bbox_embed.1.layers.2.bias", "decoder.boxes.1.layers.2.bias"),
        ("backbone.0.diff_ftex.noise_pred.bias", None),
        ("sentence_proj.fc.weight", None),
        ("controller.layers.0.total_ops", None),
    ],
)
def test_names_are_translated_and_what_is_not_of_the_head_is_left_out(released: str, ours: str | None) -> None:
    assert head_name(released) == ours


def test_an_alias_that_differs_is_refused_by_name() -> None:
    key = "bbox_embed.0.layers.0.weight"
    state = {key: torch.zeros(2), f"transformer.decoder.{key}": torch.ones(2)}
    with pytest.raises(ValueError, match=r"transformer\.decoder\.bbox_embed\.0\.layers\.0\.weight differ"):
        head_state(state)
    equal = {key: torch.ones(2), f"transformer.decoder.{key}": torch.ones(2)}
    assert list(head_state(equal)) == ["decoder.boxes.0.layers.0.weight"]
