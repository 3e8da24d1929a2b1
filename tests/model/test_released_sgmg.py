"""Oracle: the checkpoint of the released SgMg (oracle/sgmg/README.md); what it computes is held by `vdit weights verify`."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from vdit.config.architecture import Swin
from vdit.config.model import Head
from vdit.model.head import SegmentationHead
from vdit.model.released_sgmg import roberta_state, sgmg_state, swin_state
from vdit.model.swin import PATCH_WEIGHT, VideoSwinFeatures


@pytest.fixture(scope="module")
def released(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "oracle/sgmg/sgmg_weights.safetensors")


def test_names_map_one_to_one_onto_all_our_tensors(released: dict[str, Tensor]) -> None:
    features = VideoSwinFeatures(Swin(embed_dim=16, depths=(2, 2, 2, 2), num_heads=(2, 4, 8, 16)))
    head = SegmentationHead(Head(kind="sgmg", width=64, feedforward=128), features.widths, words=48)
    own = [swin_state(released), sgmg_state(released), roberta_state(released)]
    assert own[0].keys() == dict(features.named_parameters()).keys()
    assert own[1].keys() == head.state_dict().keys()
    aliases = [key for key in released if key.startswith("transformer.decoder.bbox_embed.")]
    assert sum(map(len, own)) == len(released) - len(aliases) == 490 - 24


def test_left_overs_of_counters_and_buffers_are_no_tensors_of_ours(released: dict[str, Tensor]) -> None:
    extra = {
        "backbone.0.body.layers.0.blocks.0.attn.relative_position_index": torch.zeros(392, 392),
        "backbone.0.body.patch_embed.total_ops": torch.zeros(1),
        "input_fft.0.total_params": torch.zeros(1),
        "text_encoder.text_backbone.embeddings.position_ids": torch.zeros(1, 514),
    }
    for state in (swin_state, sgmg_state, roberta_state):
        assert state({**released, **extra}).keys() == state(released).keys()


def test_a_patch_convolution_over_two_frames_becomes_one_over_their_sum(released: dict[str, Tensor]) -> None:
    key = "backbone.0.body." + PATCH_WEIGHT
    weight = released[key]
    twice = swin_state({**released, key: torch.cat([weight / 4, weight * 3 / 4], dim=2)})
    torch.testing.assert_close(twice[PATCH_WEIGHT], weight)


def test_a_box_head_that_differs_from_its_alias_is_refused(released: dict[str, Tensor]) -> None:
    key = "transformer.decoder.bbox_embed.2.layers.1.bias"
    with pytest.raises(ValueError, match=r"bbox_embed\.2\.layers\.1\.bias differ"):
        sgmg_state({**released, key: released[key] + 1})
