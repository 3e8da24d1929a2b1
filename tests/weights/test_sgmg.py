"""Oracles: the released numbers of parameters (spec 9.1), the specification's list of keys, and the model whose parameters were renamed."""

from dataclasses import replace
from math import prod
from typing import get_args

import pytest
from torch import Tensor

from vdit.axes.backbone import Level
from vdit.config.architecture import Architecture, Swin
from vdit.config.model import Head, Model
from vdit.model.vdit import VDIT
from vdit.weights import sgmg

TINY = Swin(embed_dim=96, depths=(2, 2, 6, 2), num_heads=(3, 6, 12, 24))


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("sentence_proj.fc.weight", None),
        ("text_encoder.text_backbone.pooler.dense.bias", None),
        ("text_encoder.text_backbone.encoder.layer.0.output.dense.bias", "frozen"),
        ("text_encoder.text_backbone.embeddings.position_ids", "frozen"),
        ("transformer.decoder.bbox_embed.0.layers.2.bias", "alias"),
        ("backbone.0.body.layers.0.blocks.0.attn.relative_position_index", "buffers"),
        ("backbone.0.body.layers.0.blocks.0.attn.relative_position_bias_table", None),
        ("backbone.0.body.patch_embed.total_ops", "counters"),
        ("backbone.0.body.head.weight", None),
    ],
)
def test_why_a_key_is_left_out(key: str, why: str | None) -> None:
    assert sgmg.reason(key) == why


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("backbone.0.body.layers.2.blocks.1.mlp.fc1.bias", "parameter/features.features.4.1.mlp.0.bias"),
        ("backbone.0.body.downsamples.1.norm.weight", "parameter/features.features.3.norm.weight"),
        ("text_encoder.text_backbone.pooler.dense.bias", "kept/head.queries.pooler.bias"),
        ("input_fft_post.3.fc.0.weight", "parameter/head.fusion.after.3.spectrum.gate.hidden.weight"),
        ("backbone.0.body.norm.weight", None),
    ],
)
def test_what_a_checkpoint_of_ours_calls_a_key(key: str, name: str | None) -> None:
    assert sgmg.name(key) == name
    if name is not None:
        assert sgmg.key(name) == key


@pytest.mark.parametrize(("swin", "parameters"), [(TINY, 53_231_996), (Swin(), 113_736_798)], ids=["T", "B"])
def test_as_many_parameters_as_the_released_models(swin: Swin, parameters: int) -> None:
    shapes = sgmg.expected(Model(architecture=Architecture(swin=swin), head=Head(kind="sgmg")))
    assert sum(prod(shape) for name, shape in shapes.items() if name.startswith("parameter/")) == parameters
    assert {name for name in shapes if name.startswith("kept/")} == {f"kept/head.queries.pooler.{name}" for name in ("weight", "bias")}


def test_a_model_is_expected_to_have_what_it_trains_and_keeps(model: Model, baseline: VDIT) -> None:
    expected = sgmg.expected(replace(model, head=replace(model.head, kind="sgmg")))
    assert expected == {
        **{f"parameter/{name}": tuple(parameter.shape) for name, parameter in baseline.trainable().items()},
        **{f"kept/{name}": tuple(buffer.shape) for name, buffer in baseline.kept().items()},
    }


def test_sizes_are_read_off_the_tensors(model: Model, made_sgmg: dict[str, Tensor]) -> None:
    found = sgmg.model(made_sgmg)
    assert found.architecture.swin == model.architecture.swin
    assert found.backbone.name in get_args(Level) and found.backbone.is_swin
    assert found.head.kind == "sgmg" and sgmg.sizes(found) == sgmg.sizes(model)


def test_the_nearer_of_two_published_models_is_compared_with() -> None:
    of_tiny = sgmg.published(Model(architecture=Architecture(swin=replace(TINY, depths=(2, 2, 2, 2)))))
    assert of_tiny.architecture.swin == TINY
    assert sgmg.published(Model(architecture=Architecture(swin=Swin(embed_dim=16)))).architecture.swin == Swin()
