"""Oracles: the released number of parameters, the specification's list of keys (section 10), the model that was renamed."""

import pytest
from torch import Tensor

from vdit.config.model import Model
from vdit.model.vdit import VDIT
from vdit.weights import vd_it


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("query_tensors", None),
        ("bbox_embed.0.layers.2.bias", None),
        ("backbone.0.diff_ftex.act_3_postprocess.1.weight", None),
        ("backbone.0.diff_ftex.act_postprocess.2.1.weight", "alias"),
        ("transformer.decoder.bbox_embed.0.layers.2.bias", "alias"),
        ("transformer.decoder.bbox_embed.0.total_ops", "counters"),
        ("controller.layers.0.total_params", "counters"),
        ("backbone.0.diff_ftex.unet.conv_in.weight", "frozen"),
        ("backbone.0.diff_ftex.vae.decoder.conv_in.weight", "frozen"),
        ("backbone.0.diff_ftex.text_encoder.text_model.embeddings.position_ids", "frozen"),
        ("backbone.0.diff_ftex.text_encoder.final_layer_norm.weight", "frozen"),
        ("backbone.0.diff_ftex.cv_model.visual_projection.weight", "frozen"),
        ("text_encoder.text_backbone.pooler.dense.bias", "frozen"),
        ("sentence_proj.layer_norm.bias", "frozen"),
        ("backbone.0.diff_ftex.discriminator.weight", None),
        ("text_encoder.other.weight", None),
    ],
)
def test_why_a_key_is_left_out(key: str, why: str | None) -> None:
    assert vd_it.reason(key) == why


@pytest.mark.parametrize("key", ["backbone.0.diff_ftex.discriminator.weight", "text_encoder.other.weight", "criterion.empty_weight"])
def test_a_key_of_no_kind_has_no_name(key: str) -> None:
    assert vd_it.reason(key) is None and vd_it.name(key) is None


def test_a_model_is_expected_to_have_what_it_trains(model: Model, trained: VDIT) -> None:
    assert vd_it.expected(model) == {f"parameter/{name}": tuple(parameter.shape) for name, parameter in trained.trainable().items()}
    assert sum(product(shape) for shape in vd_it.expected(Model()).values()) == 30_038_986


def product(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size


def test_sizes_are_read_off_the_tensors(model: Model, made: dict[str, Tensor]) -> None:
    assert vd_it.sizes(vd_it.model(made)) == vd_it.sizes(model)


def test_text_tower_in_its_newer_spelling(model: Model, made: dict[str, Tensor]) -> None:
    newer = {key.replace(".text_model.", "."): tensor for key, tensor in made.items()}
    assert set(newer) != set(made)
    assert vd_it.sizes(vd_it.model(newer)) == vd_it.sizes(model)


def test_without_frozen_networks_they_count_as_published(made: dict[str, Tensor]) -> None:
    stripped = {key: tensor for key, tensor in made.items() if vd_it.reason(key) != "frozen"}
    assert vd_it.model(stripped).architecture == Model().architecture


def test_published_sizes_have_the_names_of_a_study() -> None:
    sizes = vd_it.sizes(Model())
    assert sizes["head.queries"] == 5 and sizes["pyramid.width"] == 128
    assert sizes["prompt.heads x prompt.head_dim"] == 1024 and sizes["head.heads x head.points"] == 32
    assert sizes["architecture.unet.block_out_channels"] == [320, 640, 1280, 1280]
