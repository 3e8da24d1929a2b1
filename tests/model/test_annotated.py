"""Clips of which one frame is annotated. Oracle: features of all frames, cut by hand, and the head on what is left."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from vdit.config.model import Model
from vdit.config.train import LossWeights, MatchWeights
from vdit.model.annotated import clips_of, levels_of
from vdit.model.batch import Batch, Levels, Targets
from vdit.model.frozen import FrozenDiffusion
from vdit.model.losses import losses, total
from vdit.model.vdit import VDIT
from vdit.model.words import words

MakeBatch = Callable[..., Batch]
FRAMES = (2, 0)


def annotated(batch: Batch) -> Batch:
    """Another frame in each clip, with masks of unequal size."""
    assert batch.targets is not None
    masks = batch.targets.masks_BTHW[:, :1].clone()
    masks[1, :, 30:] = False
    targets = Targets(masks, batch.targets.boxes_BT4[:, :1], batch.targets.valid_BT[:, :1])
    return replace(batch, targets=targets, annotated_B=torch.tensor(FRAMES))


def by_hand(batch: Batch, levels: Levels) -> tuple[Batch, Levels]:
    """Frame 2 of the first clip is the third of all, frame 0 of the second the fourth."""
    kept = [FRAMES[0], batch.length + FRAMES[1]]
    frames, padding = (
        torch.stack([values[0, FRAMES[0]], values[1, FRAMES[1]]])[:, None] for values in (batch.frames_BT3HW, batch.padding_BTHW)
    )
    cut = Batch(frames, padding, batch.sizes_B2, batch.captions, batch.noise_seeds, batch.targets)
    return cut, Levels(tuple(level[kept] for level in levels.maps_BTCHW), tuple(level[kept] for level in levels.padding_BTHW))


@pytest.fixture(params=[("image", "vdit"), ("image+text", "vdit"), ("image+text", "sgmg")], ids="-".join)
def vdit(request: pytest.FixtureRequest, model: Model, frozen: FrozenDiffusion) -> VDIT:
    """Seen whole before the words, or not, under either head; in eval mode, with layers that do not start at zero."""
    prompt, head = request.param
    config = replace(model, prompt=replace(model.prompt, kind=prompt), head=replace(model.head, kind=head))
    made = VDIT(config, frozen, seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    return made


def test_losses_and_gradients_are_those_of_the_cut_outputs(vdit: VDIT, batch: MakeBatch) -> None:
    clip = annotated(batch(2, 3, height=144, width=144))
    assert clip.targets is not None

    def gradients(loss: torch.Tensor) -> dict[str, torch.Tensor | None]:
        vdit.zero_grad()
        loss.backward()
        return {name: parameter.grad for name, parameter in vdit.trainable().items()}

    found = total(losses(vdit(clip, MatchWeights()), clip.targets, LossWeights(), 2.0), LossWeights())
    cut, levels = by_hand(clip, vdit.features(clip))
    outputs = vdit.head(levels, words(vdit.frozen, clip.captions), cut, MatchWeights())
    assert outputs[-1].masks_BTHW.shape == (2, 1, 144, 144)
    expected = total(losses(outputs, clip.targets, LossWeights(), 2.0), LossWeights())
    assert torch.equal(found, expected)
    ours, theirs = gradients(found), gradients(expected)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours if ours[name] is not None or theirs[name] is not None)


@torch.no_grad()
def test_predictions_are_those_of_the_cut_features(vdit: VDIT, batch: MakeBatch) -> None:
    clip = annotated(batch(2, 3, height=144, width=144))
    cut, levels = by_hand(clip, vdit.levels(clip))
    expected = vdit.head.predict(vdit.head.look(levels, cut), words(vdit.frozen, clip.captions), cut, "all")
    for seen in (None, vdit.see(clip)):
        found = vdit.predict(clip, "all", seen)
        assert found.masks_BTQHW.shape[:2] == (2, 1)
        assert torch.equal(found.masks_BTQHW, expected.masks_BTQHW) and torch.equal(found.logits_BTQ, expected.logits_BTQ)


@torch.no_grad()
def test_the_other_frames_are_seen(vdit: VDIT, batch: MakeBatch) -> None:
    clip = annotated(batch(2, 3, height=144, width=144))
    blind = replace(clip, frames_BT3HW=clip.frames_BT3HW.clone())
    blind.frames_BT3HW[0, 1] = 0
    first, second = (vdit.predict(one, "all").masks_BTQHW for one in (clip, blind))
    assert not torch.equal(first[0], second[0])


def test_where_all_frames_are_annotated_nothing_is_touched(batch: MakeBatch) -> None:
    clip, levels = batch(2, 3), Levels((), ())
    assert clips_of(clip) is clip and levels_of(levels, clip) is levels


@torch.no_grad()
def test_the_only_frame_of_an_image_is_all_of_them(vdit: VDIT, batch: MakeBatch) -> None:
    clip = batch(2, 1, height=144, width=144)
    whole, single = vdit(clip, MatchWeights()), vdit(replace(clip, annotated_B=torch.tensor([0, 0])), MatchWeights())
    for one, other in zip(whole, single, strict=True):
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(one, other, strict=True))
