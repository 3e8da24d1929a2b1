"""Oracles: the released number of trained parameters, invariance to the seed's surroundings and to sharing."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from transformers import RobertaConfig, RobertaModel

from vdit.config.architecture import Swin
from vdit.config.model import Head, HeadKind, Model
from vdit.config.train import LossWeights, MatchWeights
from vdit.model.batch import Batch
from vdit.model.features import Seen
from vdit.model.frozen import FrozenDiffusion, SwinStart
from vdit.model.head import Looked
from vdit.model.losses import losses, total
from vdit.model.swin import VideoSwinFeatures
from vdit.model.vdit import VDIT
from vdit.train.nonfinite import first_nonfinite

MakeBatch = Callable[..., Batch]
SWIN_T = Swin(embed_dim=96, depths=(2, 2, 6, 2), num_heads=(3, 6, 12, 24))


def with_head(model: Model, kind: HeadKind) -> Model:
    return replace(model, head=replace(model.head, kind=kind))


def weights(backbone: str, request: pytest.FixtureRequest) -> FrozenDiffusion | SwinStart:
    found: FrozenDiffusion | SwinStart = request.getfixturevalue({"diffusion": "frozen", "video-swin": "swin_start"}[backbone])
    return found


@pytest.fixture(params=[("diffusion", "vdit"), ("diffusion", "sgmg"), ("video-swin", "vdit"), ("video-swin", "sgmg")], ids="-".join)
def crossing(request: pytest.FixtureRequest, model: Model) -> VDIT:
    """Either backbone under either head, in eval mode: no block of Video Swin is skipped."""
    backbone, head = request.param
    return VDIT(with_head(model, head), weights(backbone, request), seed=0).eval()


def test_trained_parameters_of_the_published_sizes() -> None:
    with torch.device("meta"):
        model = VDIT(Model(), SimpleNamespace(device=torch.device("meta")), seed=0)
    assert sum(parameter.numel() for parameter in model.trainable().values()) == 30_038_986


@pytest.mark.parametrize(("swin", "parameters"), [(SWIN_T, 53_231_996), (Swin(), 113_736_798)], ids=["T", "B"])
def test_trained_parameters_of_the_published_baseline(swin: Swin, parameters: int) -> None:
    architecture = replace(Model().architecture, swin=swin)
    with torch.device("meta"):
        start = dict(VideoSwinFeatures(swin).named_parameters())
        frozen = SwinStart(swin=start, roberta=RobertaModel(RobertaConfig(), add_pooling_layer=False), roberta_tokenizer=None)
        model = VDIT(Model(architecture=architecture, head=Head(kind="sgmg")), frozen, seed=0)
    assert sum(parameter.numel() for parameter in model.trainable().values()) == parameters


def test_state_holds_nothing_frozen_and_train_leaves_the_frozen_networks_alone(model: Model, frozen: FrozenDiffusion) -> None:
    vdit = VDIT(model, frozen, seed=0).train()
    assert set(vdit.trainable()) <= set(vdit.state_dict())
    assert {name.split(".")[0] for name in vdit.state_dict()} == {"features", "head"}
    for network in frozen.networks().values():
        assert not any(module.training for module in network.modules())


def test_the_seed_alone_decides_the_weights(model: Model, frozen: FrozenDiffusion) -> None:
    before = torch.get_rng_state()
    first = VDIT(model, frozen, seed=3).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(5)
    second, other = VDIT(model, frozen, seed=3).state_dict(), VDIT(model, frozen, seed=4).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


@pytest.mark.parametrize("frames", [1, 5])
def test_trains_and_predicts(model: Model, frozen: FrozenDiffusion, batch: MakeBatch, frames: int) -> None:
    vdit, clip = VDIT(model, frozen, seed=0), batch(1, frames)
    outputs = vdit(clip, MatchWeights())
    assert outputs[-1].masks_BTHW.shape == (1, frames, 64, 96)
    outputs[-1].masks_BTHW.square().mean().backward()
    with torch.no_grad():
        assert vdit.predict(clip, "best").masks_BTQHW.shape == (1, frames, 1, 64, 96)
        assert vdit.predict(clip, "all").masks_BTQHW.shape == (1, frames, model.head.queries, 64, 96)


@pytest.mark.parametrize("kind", ["image", "text", "image+text"])
def test_a_step_on_stored_stages_is_the_step_on_frames(model: Model, frozen: FrozenDiffusion, batch: MakeBatch, kind: str) -> None:
    vdit, clip = VDIT(replace(model, prompt=replace(model.prompt, kind=kind)), frozen, seed=0).eval(), batch(1, 2)
    stored = vdit(clip, MatchWeights(), vdit.features.encode(clip))
    assert torch.equal(stored[-1].masks_BTHW, vdit(clip, MatchWeights())[-1].masks_BTHW)


def test_dropout_of_the_frozen_networks_runs_in_training_only_where_it_is_wanted(model: Model, frozen: FrozenDiffusion) -> None:
    released = VDIT(replace(model, backbone=replace(model.backbone, mode="released")), frozen, seed=0).train()
    on = [name for name, network in frozen.networks().items() if any(module.training for module in network.modules())]
    assert on == list(frozen.networks())
    released.eval()
    assert not any(module.training for network in frozen.networks().values() for module in network.modules())
    released.train()
    VDIT(model, frozen, seed=0).train()  # the next trial on the same networks
    assert not any(module.training for network in frozen.networks().values() for module in network.modules())


def test_recomputed_activations_give_the_same_gradients(model: Model, frozen: FrozenDiffusion, batch: MakeBatch) -> None:
    clip = batch(1, 2)
    found = []
    for recompute in (False, True):
        vdit = VDIT(replace(model, backbone=replace(model.backbone, mode="released")), frozen, seed=0).train()
        vdit.features.recompute = recompute
        torch.manual_seed(0)
        vdit(clip, MatchWeights())[-1].masks_BTHW.square().mean().backward()
        found.append({name: parameter.grad for name, parameter in vdit.features.named_parameters()})
    vdit.eval()
    for name, gradient in found[0].items():
        assert gradient is not None and torch.equal(gradient, found[1][name]), name


def test_expressions_share_what_is_encoded_once(model: Model, frozen: FrozenDiffusion, batch: MakeBatch) -> None:
    vdit, clip = VDIT(model, frozen, seed=0).eval(), batch(1, 2)
    with torch.no_grad():
        seen = vdit.see(clip)
        for text in ("a red circle", "the star on top"):
            asked = replace(clip, captions=(text,))
            torch.testing.assert_close(vdit.predict(asked, "all", seen).masks_BTQHW, vdit.predict(asked, "all").masks_BTQHW)


def test_either_backbone_trains_under_either_head(crossing: VDIT, batch: MakeBatch) -> None:
    clip = batch(1, 2, height=144, width=144)
    assert clip.targets is not None
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # Layers that start at zero pass nothing on before their first step.
        for parameter in crossing.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    total(losses(crossing(clip, MatchWeights()), clip.targets, LossWeights(), 2.0), LossWeights()).backward()
    for name, parameter in crossing.trainable().items():
        assert parameter.grad is not None and parameter.grad.any(), name


def test_expressions_share_a_look_under_either_head(crossing: VDIT, batch: MakeBatch) -> None:
    clip = replace(batch(1, 2, height=144, width=144), targets=None)
    with torch.no_grad():
        seen = crossing.see(clip)
        for text in ("a red circle", "the star on top"):
            asked = replace(clip, captions=(text,))
            torch.testing.assert_close(crossing.predict(asked, "all", seen).masks_BTQHW, crossing.predict(asked, "all").masks_BTQHW)


def test_what_no_word_reaches_is_looked_at_once(model: Model, frozen: FrozenDiffusion, swin_start: SwinStart, batch: MakeBatch) -> None:
    imaged = replace(model, prompt=replace(model.prompt, kind="image"))
    assert isinstance(VDIT(imaged, frozen, seed=0).see(batch(1, 1)), Looked)
    assert isinstance(VDIT(model, swin_start, seed=0).see(batch(1, 1)), Looked)
    assert isinstance(VDIT(model, frozen, seed=0).see(batch(1, 1)), Seen)


def test_video_swin_starts_from_its_weights_and_leaves_them_alone(model: Model, swin_start: SwinStart) -> None:
    first, second = VDIT(model, swin_start, seed=0), VDIT(model, swin_start, seed=1)
    before = {name: tensor.clone() for name, tensor in swin_start.swin.items()}
    with torch.no_grad():
        for parameter in first.features.parameters():
            parameter.add_(1)
    assert all(torch.equal(tensor, before[name]) for name, tensor in swin_start.swin.items())
    assert all(torch.equal(parameter, before[name]) for name, parameter in second.features.named_parameters())


def test_a_checkpoint_keeps_the_drawn_pooler_which_is_that_of_all_replicates(model: Model, swin_start: SwinStart) -> None:
    baseline = with_head(model, "sgmg")
    other = replace(baseline, backbone=replace(baseline.backbone, seed=5))
    first, replicate, redrawn = (VDIT(one, swin_start, seed).kept() for one, seed in ((baseline, 0), (baseline, 1), (other, 0)))
    assert first.keys() == {"head.queries.pooler.weight", "head.queries.pooler.bias"}
    weight = "head.queries.pooler.weight"
    assert torch.equal(first[weight], replicate[weight]) and not torch.equal(first[weight], redrawn[weight])


def test_a_head_without_a_pooler_keeps_nothing(model: Model, frozen: FrozenDiffusion, swin_start: SwinStart) -> None:
    assert VDIT(model, frozen, seed=0).kept() == VDIT(model, swin_start, seed=0).kept() == {}


def test_a_pooler_that_roberta_has_is_taken(model: Model, swin_start: SwinStart) -> None:
    torch.manual_seed(1)
    pooled = RobertaModel(swin_start.roberta.config)
    taken = VDIT(with_head(model, "sgmg"), replace(swin_start, roberta=pooled), seed=0).kept()
    assert torch.equal(taken["head.queries.pooler.weight"], pooled.pooler.dense.weight)


@pytest.mark.parametrize(
    "planted",
    [
        "head.encoder.layers.0.widen.weight",
        "head.encoder.layers.1.narrow.bias",
        "head.encoder.layers.0.attention.values.weight",
        "head.decoder.layers.0.widen.bias",
        "head.decoder.layers.1.cross_attention.values.weight",
        "head.refinement.coarse.first.weight",
        "unet.down_blocks.0.temp_convs.0.conv1.2.bias",
        "unet.mid_block.temp_convs.1.conv3.3.weight",
        "vae.encoder.down_blocks.0.resnets.0.norm1.bias",
    ],
)
def test_of_weights_that_are_read_by_other_code_than_their_module_s_the_module_is_named(
    model: Model, frozen: FrozenDiffusion, batch: MakeBatch, planted: str
) -> None:
    vdit = VDIT(model, frozen, seed=0).eval()
    networks = [("", vdit), *frozen.networks().items()]
    (wrong,) = [
        weight for prefix, network in networks for name, weight in network.named_parameters() if f"{prefix}.{name}".strip(".") == planted
    ]
    before = wrong.detach().clone()
    with torch.no_grad():
        wrong.data = torch.full_like(wrong, torch.nan)  # files that are mapped cannot be written to
    try:
        assert first_nonfinite(networks, lambda: vdit(batch(), MatchWeights())) == planted.rpartition(".")[0]
    finally:
        wrong.data = before
