"""Oracle: keys and sizes by hand."""

import pytest
import torch

from vdit.weights import head
from vdit.weights.sizes import Sizes

BOX, TWICE = "bbox_embed.0.layers.0.bias", "transformer.decoder.bbox_embed.0.layers.0.bias"


def test_the_decoders_box_heads_are_aliases() -> None:
    assert head.is_alias(TWICE) and not head.is_alias(BOX) and not head.is_alias("transformer.decoder.layers.0.linear1.bias")


def test_an_alias_alone_is_refused_by_the_name_of_its_original() -> None:
    head.check_originals({BOX: torch.zeros(1), TWICE: torch.zeros(1), "transformer.decoder.layers.0.linear1.bias": torch.zeros(1)})
    with pytest.raises(ValueError, match=f"^{BOX} is missing"):
        head.check_originals({TWICE: torch.zeros(1)})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("encoder.layers.2.attention.offsets.bias", "transformer.encoder.layers.2.self_attn.sampling_offsets.bias"),
        ("decoder.layers.0.cross_attention.values.weight", "transformer.decoder.layers.0.cross_attn.value_proj.weight"),
        ("decoder.boxes.1.layers.2.bias", "bbox_embed.1.layers.2.bias"),
        ("nobody.knows", "nobody.knows"),
    ],
)
def test_a_published_key(name: str, key: str) -> None:
    assert head.key(name, head.back()) == key


def test_rules_of_another_head_come_first() -> None:
    own = ((r"another_module\.(.+)", r"queries.attention.\1"),)
    assert head.key("queries.attention.in_proj_bias", head.back()) == "fusion_module.multihead_attn.in_proj_bias"
    assert head.key("queries.attention.in_proj_bias", head.back(own)) == "another_module.in_proj_bias"


def test_sizes() -> None:
    encoder, decoder = "transformer.encoder.layers.", "transformer.decoder.layers."
    tensors = {
        "query_embed.weight": (5, 32),
        "text_proj.fc.weight": (32, 48),
        f"{encoder}0.linear1.weight": (128, 32),
        f"{encoder}0.linear2.weight": (32, 128),
        f"{encoder}0.self_attn.attention_weights.weight": (4 * 24, 32),
        f"{encoder}1.norm1.bias": (32,),
        f"{decoder}0.norm1.bias": (32,),
        f"{decoder}1.norm1.bias": (32,),
        f"{decoder}2.norm1.bias": (32,),
    }
    found = head.read(Sizes({name: torch.zeros(shape) for name, shape in tensors.items()}), "sgmg", (("query_embed.weight", 0),))
    assert (found.kind, found.queries, found.width, found.feedforward) == ("sgmg", 5, 32, 128)
    assert head.sizes(found)["head.heads x head.points"] == 24
    assert (found.encoder_layers, found.decoder_layers) == (2, 3)
