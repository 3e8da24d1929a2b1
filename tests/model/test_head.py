"""The whole head against the recorded released model: intermediates, outputs, losses, gradients; and against itself, batched otherwise."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.config.train import LossWeights, MatchWeights
from vdit.model.batch import Batch, LayerOutput, Levels, Targets, Words
from vdit.model.fusion import finest_maps
from vdit.model.head import SegmentationHead, centres, surest
from vdit.model.losses import losses, total, visible_frames
from vdit.model.released_head import head_name, head_state

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"
TINY = Head(width=64, feedforward=128)
CHANNELS = (16, 32, 64, 128)


@dataclass(frozen=True)
class Case:
    recorded: dict[str, Tensor]
    head: SegmentationHead
    levels: Levels
    words: Words
    batch: Batch


def released_head() -> SegmentationHead:
    head = SegmentationHead(TINY, CHANNELS, words=48).eval()
    head.load_state_dict(head_state(load_file(ORACLE / "weights.safetensors")))
    return head


def read(name: str) -> Case:
    recorded = load_file(ORACLE / f"{name}.safetensors")
    maps = tuple(recorded[f"train/inter/pyramid.out{level}"] for level in range(4))
    padding = tuple(torch.zeros(m.shape[0], *m.shape[-2:], dtype=torch.bool) for m in maps)
    truth = "inputs/targets/0/"
    targets = Targets(recorded[truth + "masks"][None].bool(), recorded[truth + "boxes"][None], recorded[truth + "valid"][None].bool())
    frames = recorded["inputs/frames_normalised_padded_btchw"]
    batch = Batch(frames, recorded["inputs/pad_mask_bthw"], recorded[truth + "size"][None], ("a white duck",), (0,), targets)
    words = Words(recorded["train/inter/roberta.last_hidden_state"], recorded["train/inter/roberta.attention_mask"] != 1)
    return Case(recorded, released_head(), Levels(maps, padding), words, batch)


@pytest.fixture(scope="module", params=["a", "d"])
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    if not ORACLE.is_dir():
        pytest.skip(f"the recorded released model is not here: {ORACLE}")
    yield read(request.param)


def relative(given: Tensor, expected: Tensor) -> float:
    assert given.shape == expected.shape, (given.shape, expected.shape)
    return float((given.detach() - expected).abs().max() / expected.abs().max())


def step(case: Case) -> tuple[LayerOutput, ...]:
    return case.head(case.levels, case.words, case.batch, MatchWeights())


def test_every_recorded_intermediate_of_the_training_branch_is_reproduced(case: Case) -> None:
    seen: dict[str, Any] = {}
    parts: dict[str, nn.Module] = {
        name: getattr(case.head, name) for name in ("text", "queries", "neck", "encoder", "decoder", "controller")
    }
    hooks = [part.register_forward_hook(lambda *call, name=name: seen.update({name: call[2]})) for name, part in parts.items()]
    hooks.append(case.head.refinement.register_forward_hook(lambda *call: seen.update(mso_in=call[1][0], mso_out=call[2])))
    with torch.no_grad():
        outputs = step(case)
    for hook in hooks:
        hook.remove()
    decoded = seen["decoder"]
    got = {
        "text_proj": seen["text"],
        "query_tokens_qbc": seen["queries"].transpose(0, 1),
        "transformer.enc3": seen["encoder"].tokens_NSC,
        "transformer.hs": decoded.states_KNQC,
        "transformer.init_reference": decoded.initial_NQ2,
        "transformer.inter_references": decoded.boxes_KNQ4,
        "controller_params": seen["controller"],
        "mso_in": seen["mso_in"],
        "mso_out": seen["mso_out"],
        "dynamic_masks_b_tq_16_hw": F.pixel_unshuffle(torch.stack([o.low_BTQHW for o in outputs]).flatten(2, 3).unsqueeze(3), 4),
    }
    got |= {f"input_proj{level}": map_NCHW for level, map_NCHW in enumerate(seen["neck"])}
    got |= {f"transformer.memory{level}": map_NCHW for level, map_NCHW in enumerate(finest_maps(seen["encoder"], 3))}
    off = {name: relative(value, case.recorded[f"train/inter/{name}"]) for name, value in got.items()}
    assert max(off.values()) < 1e-5, off


def test_outputs_and_matches_of_all_four_layers_are_the_recorded_ones(case: Case) -> None:
    with torch.no_grad():
        outputs = step(case)
    chosen = [*case.recorded["train/out/aux_matcher_index"].flatten().tolist(), int(case.recorded["train/out/main_matcher_index"])]
    assert [int(output.chosen_B) for output in outputs] == chosen
    for index, output in enumerate(outputs):
        name = "train/out/" + (f"aux{index}." if index < 3 else "")
        assert relative(output.boxes_BTQ4, case.recorded[name + "pred_boxes"]) < 1e-5
        assert relative(output.logits_BTQ[..., None], case.recorded[name + "pred_logits"]) < 1e-5
        assert relative(output.masks_BTHW, case.recorded[name + "pred_masks"]) < 1e-5
        assert relative(output.low_BTQHW[:, :, chosen[index]], case.recorded[name + "pred_masks_low"]) < 1e-5


def test_the_28_losses_their_sum_and_every_gradient_are_the_recorded_ones(case: Case) -> None:
    assert case.batch.targets is not None
    case.head.zero_grad()
    terms = losses(step(case), case.batch.targets, LossWeights(), visible_frames(case.batch.targets).clamp(min=1))
    recorded = {key.removeprefix("train/losses/"): value for key, value in case.recorded.items() if key.startswith("train/losses/")}
    assert terms.keys() == recorded.keys()
    assert len(terms) == 28
    assert all(relative(terms[name], recorded[name]) < 1e-5 for name in terms)
    loss = total(terms, LossWeights())
    assert relative(loss, case.recorded["train/loss_total"]) < 1e-5
    loss.backward()
    named = {head_name(key.removeprefix("train/grads/")): value for key, value in case.recorded.items() if "/grads/" in key}
    grads = {name: value for name, value in named.items() if name is not None}
    found = {name: parameter.grad for name, parameter in case.head.named_parameters()}
    assert found.keys() == grads.keys()
    off = {name: relative(grad, grads[name]) for name, grad in found.items() if grad is not None}
    assert len(off) == len(grads)
    assert max(off.values()) < 1e-2, max(off, key=lambda name: off[name])
    assert torch.tensor(list(off.values())).median() < 1e-4


def test_inference_keeps_the_recorded_query_and_draws_the_recorded_mask(case: Case) -> None:
    with torch.no_grad():
        prediction = case.head.predict(case.head.look(case.levels, case.batch), case.words, case.batch, "best")
    assert relative(prediction.masks_BTQHW, case.recorded["eval/out/pred_masks"]) < 1e-5
    assert relative(prediction.boxes_BTQ4, case.recorded["eval/out/pred_boxes"]) < 1e-5
    assert relative(prediction.logits_BTQ[..., None], case.recorded["eval/out/pred_logits"]) < 1e-5


def test_keeping_all_queries_contains_the_best_one_and_the_matched_one_of_training(case: Case) -> None:
    with torch.no_grad():
        looked = case.head.look(case.levels, case.batch)
        everything = case.head.predict(looked, case.words, case.batch, "all")
        best = case.head.predict(looked, case.words, case.batch, "best")
        last = step(case)[-1]
    assert everything.masks_BTQHW.shape[2] == TINY.queries
    surest = int(everything.logits_BTQ.sigmoid().mean(dim=1).argmax())
    assert relative(best.masks_BTQHW[:, :, 0], everything.masks_BTQHW[:, :, surest]) < 1e-5
    assert relative(last.masks_BTHW, everything.masks_BTQHW[:, :, int(last.chosen_B)]) < 1e-5


def pair() -> tuple[SegmentationHead, Levels, Words, Batch]:
    """Two different clips of 2 frames, 64x96, the second with 4 of 6 words and 48x64 valid pixels."""
    generator = torch.Generator().manual_seed(3)
    torch.manual_seed(0)
    head = SegmentationHead(TINY, CHANNELS, words=48).eval()
    for parameter in head.parameters():
        parameter.data.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
    padding = torch.zeros(2, 2, 64, 96, dtype=torch.bool)
    padding[1, :, 48:], padding[1, :, :, 64:] = True, True
    maps = tuple(torch.randn(4, c, 64 // s, 96 // s, generator=generator) for c, s in zip(CHANNELS, (4, 8, 16, 32), strict=True))
    shrunk = tuple(F.interpolate(padding.flatten(0, 1)[:, None].float(), size=m.shape[-2:])[:, 0].bool() for m in maps)
    words = Words(torch.randn(2, 6, 48, generator=generator), torch.tensor([[False] * 6, [False] * 4 + [True] * 2]))
    masks = torch.zeros(2, 2, 64, 96, dtype=torch.bool)
    masks[0, 0, 10:30, 20:60], masks[1, :, 5:20, 5:40] = True, True
    boxes = torch.tensor([[[0.4, 0.3, 0.4, 0.3], [0.0] * 4], [[0.3, 0.2, 0.5, 0.3]] * 2])
    targets = Targets(masks, boxes, torch.tensor([[True, False], [True, True]]))
    sizes = torch.tensor([[64, 96], [48, 64]])
    return head, Levels(maps, shrunk), words, Batch(torch.zeros(2, 2, 3, 64, 96), padding, sizes, ("", ""), (0, 0), targets)


def one(clip: int, levels: Levels, words: Words, batch: Batch) -> tuple[Levels, Words, Batch]:
    keep, frames = slice(clip, clip + 1), slice(2 * clip, 2 * clip + 2)
    assert batch.targets is not None
    targets = Targets(batch.targets.masks_BTHW[keep], batch.targets.boxes_BT4[keep], batch.targets.valid_BT[keep])
    alone = replace(
        batch, frames_BT3HW=batch.frames_BT3HW[keep], padding_BTHW=batch.padding_BTHW[keep], sizes_B2=batch.sizes_B2[keep], targets=targets
    )
    few = Levels(tuple(m[frames] for m in levels.maps_BTCHW), tuple(p[frames] for p in levels.padding_BTHW))
    return few, Words(words.states_BLC[keep], words.padding_BL[keep]), alone


def test_a_clip_comes_out_the_same_alone_and_in_a_batch() -> None:
    head, levels, words, batch = pair()
    with torch.no_grad():
        together = head(levels, words, batch, MatchWeights())
        best = head.predict(head.look(levels, batch), words, batch, "best")
        for clip in (0, 1):
            alone = head(*one(clip, levels, words, batch), MatchWeights())
            for layer, other in zip(together, alone, strict=True):
                assert layer.chosen_B[clip] == other.chosen_B[0]
                torch.testing.assert_close(layer.masks_BTHW[clip], other.masks_BTHW[0], rtol=1e-4, atol=1e-4)
                torch.testing.assert_close(layer.boxes_BTQ4[clip], other.boxes_BTQ4[0], rtol=1e-4, atol=1e-5)
            few, its, only = one(clip, levels, words, batch)
            single = head.predict(head.look(few, only), its, only, "best")
            torch.testing.assert_close(best.masks_BTQHW[clip], single.masks_BTQHW[0], rtol=1e-4, atol=1e-4)


def test_the_surest_query_is_so_by_mean_probability_not_by_its_best_frame_or_its_mean_logit() -> None:
    logits_BTQ = torch.tensor([[[10.0, 1.0, 5.0], [-10.0, 1.0, -1.0]], [[0.0, -1.0, 2.0], [0.0, -1.0, 2.0]]])
    assert surest(logits_BTQ).tolist() == [1, 2]


def test_the_place_of_a_query_is_in_pixels_of_the_unpadded_frame_of_its_clip() -> None:
    *_, batch = pair()
    boxes = torch.tensor([0.5, 0.25, 0.1, 0.1]).expand(1, 4, 1, 4)
    assert centres(boxes, batch)[0, :, 0].tolist() == [[48, 16], [48, 16], [32, 12], [32, 12]]  # 64x96, then 48x64


def test_a_mask_gives_no_gradient_to_boxes() -> None:
    head, levels, words, batch = pair()
    head(levels, words, batch, MatchWeights())[-1].masks_BTHW.sum().backward()
    assert not any(p.grad is not None and p.grad.any() for p in head.decoder.boxes.parameters())
    assert head.controller.layers[0].weight.grad.any()


def test_words_that_are_padding_do_not_change_the_result() -> None:
    head, levels, words, batch = pair()
    other = words.states_BLC.clone()
    other[1, 4:] = 7.0
    with torch.no_grad():
        looked = head.look(levels, batch)
        first = head.predict(looked, words, batch, "all")
        second = head.predict(looked, Words(other, words.padding_BL), batch, "all")
    assert torch.equal(first.masks_BTQHW, second.masks_BTQHW)


def test_under_autocast_what_is_compared_and_drawn_stays_float32_and_near_the_float32_result() -> None:
    head, levels, words, batch = pair()
    assert batch.targets is not None
    with torch.no_grad():
        exact = head(levels, words, batch, MatchWeights())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            outputs = head(levels, words, batch, MatchWeights())
            terms = losses(outputs, batch.targets, LossWeights(), 3.0)
    for output in outputs:
        assert {output.logits_BTQ.dtype, output.boxes_BTQ4.dtype, output.low_BTQHW.dtype, output.masks_BTHW.dtype} == {torch.float32}
    assert {term.dtype for term in terms.values()} == {torch.float32}
    expected = total(losses(exact, batch.targets, LossWeights(), 3.0), LossWeights())
    assert float(total(terms, LossWeights())) == pytest.approx(float(expected), rel=0.02)


def test_training_without_targets_says_what_to_do() -> None:
    head, levels, words, batch = pair()
    with pytest.raises(ValueError, match="call predict"):
        head(levels, words, replace(batch, targets=None), MatchWeights())


def test_a_mask_of_another_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"head\.mask_channels is 8"):
        SegmentationHead(replace(TINY, mask_channels=8), CHANNELS, words=48)
