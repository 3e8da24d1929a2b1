"""Oracle: the released SgMg run on random weights (oracle/sgmg/README.md): same weights in, everything that was recorded out."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import RobertaConfig, RobertaModel

from vdit.config.architecture import Swin
from vdit.config.model import Head
from vdit.config.train import LossWeights, MatchWeights
from vdit.model.batch import Batch, LayerOutput, Prediction, Targets, Words
from vdit.model.collate import MEAN, STD
from vdit.model.fusion import finest_maps
from vdit.model.head import SegmentationHead, surest
from vdit.model.losses import losses, total, visible_frames
from vdit.model.positions import pixel_positions, word_positions
from vdit.model.released_sgmg import roberta_state, sgmg_state, swin_state
from vdit.model.swin import PATCH_WEIGHT, VideoSwinFeatures
from vdit.model.words import word_states

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle" / "sgmg"
TINY = Head(kind="sgmg", width=64, feedforward=128)
SWIN = Swin(embed_dim=16, depths=(2, 2, 2, 2), num_heads=(2, 4, 8, 16))
GIVEN = ("roberta.input_ids", "roberta.attention_mask")
Seen = dict[str, list[Any]]


@dataclass(frozen=True)
class SgMg:
    """The parts of the released model, in eval mode as it was recorded."""

    released: dict[str, Tensor]
    features: VideoSwinFeatures
    head: SegmentationHead
    roberta: RobertaModel

    def words(self, records: dict[str, Tensor], branch: str) -> Words:
        ids, attention = (records[f"{branch}/inter/roberta.{name}"] for name in ("input_ids", "attention_mask"))
        return word_states(SimpleNamespace(roberta=self.roberta), ids, attention)

    def networks(self) -> dict[str, nn.Module]:
        return {"features": self.features, "head": self.head}


@dataclass(frozen=True)
class Run:
    """One pass: what was recorded of it, what it gave, and by name what every module gave each time it was called."""

    records: dict[str, Tensor]
    result: Any
    words: Words
    batch: Batch
    seen: Seen


@pytest.fixture(scope="module")
def sgmg() -> SgMg:
    if not ORACLE.is_dir():
        pytest.skip(f"the recorded run of the released SgMg is not at {ORACLE}")
    released = load_file(ORACLE / "sgmg_weights.safetensors")
    roberta = RobertaModel(RobertaConfig(**json.loads((ORACLE / "sgmg.json").read_text())["config"]["roberta"]), add_pooling_layer=False)
    roberta.load_state_dict(roberta_state(released))
    features, head = VideoSwinFeatures(SWIN), SegmentationHead(TINY, (16, 32, 64, 128), words=48)
    features.start(swin_state(released))
    head.load_state_dict(sgmg_state(released))
    return SgMg(released, features.eval(), head.eval(), roberta.eval().requires_grad_(False))


def frames(records: dict[str, Tensor]) -> Tensor:
    if "inputs/frames_u8_btchw" not in records:
        return records["inputs/frames_normalised_padded_btchw"]
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return (records["inputs/frames_u8_btchw"] / 255 - mean) / std


def clip(records: dict[str, Tensor]) -> Batch:
    frames_BT3HW, truth = frames(records), "inputs/targets/0/"
    targets = None
    if truth + "masks" in records:
        masks, boxes, valid = (records[truth + name][None] for name in ("masks", "boxes", "valid"))
        targets = Targets(masks.bool(), boxes, valid.bool())
    padding_BTHW = torch.zeros_like(frames_BT3HW[:, :, 0], dtype=torch.bool)
    return Batch(frames_BT3HW, padding_BTHW, records[truth + "size"][None], ("",), (0,), targets)


def watched(networks: dict[str, nn.Module]) -> tuple[Seen, list[Any]]:
    """Collects outputs of every module, and inputs of two whose inputs are recorded."""
    seen: Seen = {}
    hooks = [
        module.register_forward_hook(lambda *call, name=f"{network}.{name}": seen.setdefault(name, []).append(call[2]))
        for network, root in networks.items()
        for name, module in root.named_modules()
    ]
    for name in ("encoder", "refinement"):
        part = networks["head"].get_submodule(name)
        hooks.append(part.register_forward_pre_hook(lambda *call, name=name: seen.setdefault(f"{name} input", []).append(call[1])))
    return seen, hooks


def run(sgmg: SgMg, case: str, branch: str) -> Run:
    records = load_file(ORACLE / f"sgmg_{case}.safetensors")
    batch, words = clip(records), sgmg.words(records, "train" if case == "a" else branch)
    seen, hooks = watched(sgmg.networks())
    with torch.set_grad_enabled(branch == "train"):
        levels = sgmg.features(batch)
        if branch == "train":
            result = sgmg.head(levels, words, batch, MatchWeights())
        else:
            result = sgmg.head.predict(sgmg.head.look(levels, batch), words, batch, "best")
    for hook in hooks:
        hook.remove()
    return Run(records, result, words, batch, seen)


@pytest.fixture(scope="module")
def training(sgmg: SgMg) -> Run:
    return run(sgmg, "a", "train")


@pytest.fixture(scope="module", params=["a", "f"])
def inference(request: pytest.FixtureRequest, sgmg: SgMg) -> Run:
    return run(sgmg, request.param, "eval")


def relative(given: Tensor, expected: Tensor) -> float:
    assert given.shape == expected.shape, (given.shape, expected.shape)
    if expected.dtype == torch.bool:
        return float((given != expected).any())
    return float((given.detach() - expected).abs().max() / expected.abs().max())


def swin_steps(seen: Seen) -> dict[str, Tensor]:
    stages, [levels] = "features.features", seen["features."]
    steps = {f"swin.out{level}": levels.maps_BTCHW[level] for level in range(4)}
    steps |= {f"swin.mask{level}": levels.padding_BTHW[level] for level in range(4)}
    steps |= {f"swin.down{i}_bthwc": seen[f"{stages}.{2 * i + 1}"][0] for i in range(3)}
    return steps | {f"swin.s{i}b{j}_bthwc": seen[f"{stages}.{2 * i}.{j}"][0] for i in range(4) for j in range(2)}


def filter_steps(seen: Seen) -> dict[str, Tensor]:
    steps = {}
    for call, (theirs, ours) in enumerate((("lfm_pre", "before"), ("lfm_post", "after"))):
        for level in range(4):
            name, part = f"{theirs}{level}", f"head.fusion.{ours}.{level}"
            steps[f"{name}.pool"] = seen[f"{part}.spectrum.gate.pool"][0]
            steps[f"{name}.gate"] = seen[f"{part}.spectrum.gate"][0]
            steps[f"{name}.gauss"] = seen["head.fusion.gaussians"][call][level]
            steps[f"{name}.spectrum_in"] = seen[f"{part}.spectrum"][0]
            steps[f"{name}.spectrum_out"] = seen[f"{part}.mix"][0]
            steps[f"{name}.out"] = seen[part][0]
    return steps


def word_steps(seen: Seen, words: Words) -> dict[str, Tensor]:
    [projected], [pooled] = seen["head.text"], seen["head.queries.pooler"]
    return {
        "roberta.last_hidden_state": words.states_BLC,
        "roberta.pooler_output": pooled,
        "text_proj": projected,
        "text_pos_bcl": word_positions(words.padding_BL, projected.shape[-1]).transpose(1, 2),
        "sentence_proj": seen["head.queries.sentence"][0],
    }


def fusion_steps(seen: Seen) -> dict[str, Tensor]:
    steps = {f"input_proj{level}": map_NCHW for level, map_NCHW in enumerate(seen["head.neck"][0])}
    for level, map_NCHW in enumerate(seen["head.fusion.words"]):
        steps[f"fusion{level}_thw_b_c"] = rearrange(map_NCHW, "(b t) c h w -> (t h w) b c", b=1)
    return steps


def transformer_steps(seen: Seen, length: int) -> dict[str, Tensor]:
    [decoded], [queries_BQC] = seen["head.decoder"], seen["head.queries"]
    [(_, padding)] = seen["encoder input"]
    steps = {f"transformer.memory{level}": map_NCHW for level, map_NCHW in enumerate(finest_maps(seen["head.encoder"][0], 3))}
    for level, padding_NHW in enumerate(padding):
        steps[f"transformer.mask{level}"] = padding_NHW
        steps[f"transformer.pos{level}"] = pixel_positions(padding_NHW[:1], queries_BQC.shape[-1])
    return steps | {
        "transformer.tgt_btqc": repeat(queries_BQC, "b q c -> b t q c", t=length),
        "transformer.hs": decoded.states_KNQC,
        "transformer.init_reference": decoded.initial_NQ2,
        "transformer.inter_references": decoded.boxes_KNQ4,
    }


def steps(run: Run) -> dict[str, Tensor]:
    found = swin_steps(run.seen) | filter_steps(run.seen) | word_steps(run.seen, run.words) | fusion_steps(run.seen)
    found |= transformer_steps(run.seen, run.batch.length)
    found["mso_in"] = run.seen["refinement input"][0][0][-1:]
    return found


def mask_steps(run: Run) -> dict[str, Tensor]:
    """Of the last decoder layer, with all its queries: inference draws the mask of one."""
    low_BTQHW = run.result[-1].low_BTQHW
    return {
        "controller_params": run.seen["head.controller"][0][-1:],
        "dynamic_masks_b_tq_16_hw": F.pixel_unshuffle(rearrange(low_BTQHW, "b t q h w -> 1 b (t q) 1 h w"), 4),
    }


def compare(found: dict[str, Tensor], run: Run, branch: str) -> None:
    """Everything that was recorded of a branch is found, but for the token ids it was given."""
    prefix = f"{branch}/inter/"
    recorded = {key.removeprefix(prefix): value for key, value in run.records.items() if key.startswith(prefix)}
    off = {name: relative(found[name], value) for name, value in recorded.items() if name not in GIVEN}
    assert off and max(off.values()) < 1e-5, off


def test_every_recorded_step_of_training(training: Run) -> None:
    compare(steps(training) | mask_steps(training), training, "train")


def test_every_recorded_step_of_inference(inference: Run) -> None:
    compare(steps(inference), inference, "eval")


def test_outputs_and_matches_of_all_four_layers(training: Run) -> None:
    out = {key.removeprefix("train/out/"): value for key, value in training.records.items() if key.startswith("train/out/")}
    outputs: tuple[LayerOutput, ...] = training.result
    chosen = [*out["aux_matcher_index"].flatten().tolist(), int(out["main_matcher_index"])]
    assert [int(output.chosen_B) for output in outputs] == chosen
    for index, output in enumerate(outputs):
        layer = f"aux{index}." if index < 3 else ""
        assert relative(output.boxes_BTQ4, out[layer + "pred_boxes"]) < 1e-5
        assert relative(output.logits_BTQ[..., None], out[layer + "pred_logits"]) < 1e-5
        assert relative(output.low_BTQHW[:, :, chosen[index]], out[layer + "pred_masks_low"]) < 1e-5
    assert relative(outputs[-1].masks_BTHW, out["pred_masks"]) < 1e-5


def test_the_kept_query_and_its_mask(inference: Run) -> None:
    prediction: Prediction = inference.result
    assert relative(prediction.masks_BTQHW, inference.records["eval/out/pred_masks"]) < 1e-5
    assert relative(prediction.boxes_BTQ4, inference.records["eval/out/pred_boxes"]) < 1e-5
    assert relative(prediction.logits_BTQ[..., None], inference.records["eval/out/pred_logits"]) < 1e-5
    # What is recorded as its reference point is the centre of the box before the last.
    best = int(surest(rearrange(inference.seen["head.classes.3"][0], "(b t) q 1 -> b t q", b=1)))
    before_NQ4 = inference.seen["head.decoder"][0].boxes_KNQ4[-2]
    assert relative(before_NQ4[None, :, [best], :2], inference.records["eval/out/reference_points"]) < 1e-5


def test_the_28_losses_their_sum_and_all_411_gradients(sgmg: SgMg, training: Run) -> None:
    targets = training.batch.targets
    assert targets is not None
    terms = losses(training.result, targets, LossWeights(), visible_frames(targets).clamp(min=1))
    recorded = {key.removeprefix("train/losses/"): value for key, value in training.records.items() if key.startswith("train/losses/")}
    assert len(terms) == 28 and terms.keys() == recorded.keys()
    assert all(relative(terms[name], recorded[name]) < 1e-5 for name in terms)
    loss = total(terms, LossWeights())
    assert relative(loss, training.records["train/loss_total"]) < 1e-5
    loss.backward()
    released = {key.removeprefix("train/grads/"): value for key, value in training.records.items() if "/grads/" in key}
    assert len(released) == 411
    grads = {"features": swin_state(released), "head": sgmg_state(released)}
    off = {}
    for part, network in sgmg.networks().items():
        assert dict(network.named_parameters()).keys() == grads[part].keys()
        for name, parameter in network.named_parameters():
            assert parameter.grad is not None, name
            off[f"{part}.{name}"] = relative(parameter.grad, grads[part][name])
    assert len(off) == 411
    assert max(off.values()) < 1e-2, max(off, key=lambda name: off[name])
    assert torch.tensor(list(off.values())).median() < 1e-4


def test_names_map_one_to_one_onto_all_our_tensors(sgmg: SgMg) -> None:
    own = {**swin_state(sgmg.released), **sgmg_state(sgmg.released), **roberta_state(sgmg.released)}
    buffers = {name for name, _ in sgmg.features.named_buffers()}
    ours = {name for network in (sgmg.features, sgmg.head, sgmg.roberta) for name in network.state_dict()} - buffers
    assert own.keys() == ours
    aliases = [key for key in sgmg.released if key.startswith("transformer.decoder.bbox_embed.")]
    assert len(own) == len(sgmg.released) - len(aliases) == 490 - 24


def test_left_overs_of_counters_and_buffers_are_no_tensors_of_ours(sgmg: SgMg) -> None:
    extra = {
        "backbone.0.body.layers.0.blocks.0.attn.relative_position_index": torch.zeros(392, 392),
        "backbone.0.body.patch_embed.total_ops": torch.zeros(1),
        "input_fft.0.total_params": torch.zeros(1),
        "text_encoder.text_backbone.embeddings.position_ids": torch.zeros(1, 514),
    }
    for state in (swin_state, sgmg_state, roberta_state):
        assert state({**sgmg.released, **extra}).keys() == state(sgmg.released).keys()


def test_a_patch_convolution_over_two_frames_becomes_one_over_their_sum(sgmg: SgMg) -> None:
    key = "backbone.0.body." + PATCH_WEIGHT
    weight = sgmg.released[key]
    twice = swin_state({**sgmg.released, key: torch.cat([weight / 4, weight * 3 / 4], dim=2)})
    torch.testing.assert_close(twice[PATCH_WEIGHT], weight)


def test_a_box_head_that_differs_from_its_alias_is_refused(sgmg: SgMg) -> None:
    key = "transformer.decoder.bbox_embed.2.layers.1.bias"
    with pytest.raises(ValueError, match=r"bbox_embed\.2\.layers\.1\.bias differ"):
        sgmg_state({**sgmg.released, key: sgmg.released[key] + 1})
