"""A recorded case run again: every value under its recorded name (`vdit weights verify`).

B clips, T frames, N = B x T, Q queries, K decoder layers; the suffix of a recorded name says its layout.
"""

import torch
from einops import rearrange
from torch import Tensor

from vdit.model.batch import Batch, LayerOutput
from vdit.model.decoder import Decoded
from vdit.model.encode import Encoded
from vdit.model.features import VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion
from vdit.model.head import Keep, centres, surest
from vdit.model.losses import losses, of_chosen, total, visible_frames
from vdit.model.masks import dynamic_masks
from vdit.model.released_head import ALIAS
from vdit.model.words import words
from vdit.weights.case import Case
from vdit.weights.oracle import Oracle, RecordedTokens
from vdit.weights.watch import Seen, watching


def replay(oracle: Oracle, case: Case, mode: str) -> Seen:
    """The values of one mode, with the recorded randomness and tokens fed in."""
    feed_tokens(oracle, case, mode)
    batch = case.batch()
    with watching(oracle.model, batch.clips) as seen:
        found = train(oracle, case, batch) if mode == "train" else infer(oracle, case, batch)
    decoded = Decoded(*(seen[f"transformer.{name}"] for name in ("hs", "inter_references", "init_reference")))
    seen |= of_all_queries(oracle, decoded, seen["mask_features_btchw"], batch)
    if mode == "eval":
        found["out/reference_points"] = reference_points(oracle, decoded, found["out/pred_logits"].shape[2], batch)
    return found | {f"inter/{name}": value for name, value in seen.items()}


def feed_tokens(oracle: Oracle, case: Case, mode: str) -> None:
    frozen = oracle.model.frozen
    assert isinstance(frozen.roberta_tokenizer, RecordedTokens)
    names = ("input_ids", "attention_mask")
    frozen.roberta_tokenizer.record(**{name: case.given(f"roberta.{name}", mode) for name in names})
    if isinstance(frozen, FrozenDiffusion):
        assert isinstance(frozen.tokenizer, RecordedTokens)
        frozen.tokenizer.record(input_ids=case.given("clip_text.input_ids", mode))


def encoded(oracle: Oracle, case: Case, batch: Batch, mode: str) -> tuple[Encoded | None, Seen]:
    """The frozen stages under the recorded noise of the posterior, and their recorded values; nothing for a backbone that has none."""
    features = oracle.model.features
    if not isinstance(features, VideoDiffusionFeatures):
        return None, {}
    eps_NCHW = case.given("vae.eps", mode)
    made = features.encode(batch, eps_NCHW)
    assert made.tokens_NPC is not None
    sizes, timestep = features.model.architecture.vae, features.model.diffusion.timestep
    return made, {
        "inter/vae.eps": eps_NCHW,
        "inter/vae.z": rearrange(made.latents_BTCHW / sizes.scaling_factor, "b t c h w -> (b t) c h w"),
        "inter/vae.latents_scaled_bcfhw": rearrange(made.latents_BTCHW, "b t c h w -> b c t h w"),
        "inter/vae.feat_4x": made.map4_NCHW,
        "inter/clip_vision.last_hidden_state": made.tokens_NPC,
        "inter/unet.timesteps": torch.full((batch.clips,), timestep),
    }


def train(oracle: Oracle, case: Case, batch: Batch) -> Seen:
    """Outputs of every decoder layer, losses and gradients."""
    model = oracle.model
    assert batch.targets is not None
    given, found = encoded(oracle, case, batch, "train")
    model.zero_grad()
    outputs: tuple[LayerOutput, ...] = model(batch, oracle.train.match, given)
    boxes = max(1.0, float(visible_frames(batch.targets)))
    terms = losses(outputs, batch.targets, oracle.train.loss, boxes)
    loss = total(terms, oracle.train.loss)
    torch.autograd.backward(loss)
    for index, output in enumerate(outputs):
        prefix = "out/" if index == len(outputs) - 1 else f"out/aux{index}."
        found |= {f"{prefix}{name}": value for name, value in layer(output).items()}
    found["out/main_matcher_index"] = outputs[-1].chosen_B
    found["out/aux_matcher_index"] = torch.stack([output.chosen_B for output in outputs[:-1]])
    found |= {f"losses/{name}": value for name, value in terms.items()} | {"loss_total": loss}
    return found | gradients(oracle)


def gradients(oracle: Oracle) -> Seen:
    """By released key; box heads under the name the decoder has for them too."""
    parameters = oracle.model.trainable().items()
    named = {oracle.key(name): parameter.grad for name, parameter in parameters if parameter.grad is not None}
    boxes = {f"{ALIAS}{key}": value for key, value in named.items() if key.startswith("bbox_embed.")}
    return {f"grads/{key}": value for key, value in (named | boxes).items()}


def layer(output: LayerOutput) -> Seen:
    return {
        "pred_logits": output.logits_BTQ[..., None],
        "pred_boxes": output.boxes_BTQ4,
        "pred_masks": output.masks_BTHW,
        "pred_masks_low": of_chosen(output.low_BTQHW, output.chosen_B),
    }


@torch.no_grad()
def infer(oracle: Oracle, case: Case, batch: Batch) -> Seen:
    """The last decoder layer, for the queries that were recorded: the best one, or all."""
    model = oracle.model
    given, found = encoded(oracle, case, batch, "eval")
    levels = model.features(batch) if given is None else model.features(batch, given)
    looked = model.head.look(levels, batch)
    recorded = case.recorded("eval").get("out/pred_logits")
    keep: Keep = "best" if recorded is None or recorded.shape[2] == 1 else "all"
    prediction = model.head.predict(looked, words(model.frozen, batch.captions), batch, keep)
    return found | {
        "out/pred_logits": prediction.logits_BTQ[..., None],
        "out/pred_boxes": prediction.boxes_BTQ4,
        "out/pred_masks": prediction.masks_BTQHW,
    }


@torch.no_grad()
def of_all_queries(oracle: Oracle, decoded: Decoded, features_BTCHW: Tensor, batch: Batch) -> Seen:
    """What the released model computes for all layers and queries at inference too, and ours for those that are kept."""
    parameters_KNQP = oracle.model.head.controller(decoded.states_KNQC)
    features_NCHW = rearrange(features_BTCHW, "b t c h w -> (b t) c h w")
    masks = dynamic_masks(features_NCHW, parameters_KNQP, centres(decoded.boxes_KNQ4, batch))
    together = rearrange(masks, "k (b t) q o h w -> k b (t q) o h w", b=batch.clips)
    return {"controller_params": parameters_KNQP, "dynamic_masks_b_tq_16_hw": together}


@torch.no_grad()
def reference_points(oracle: Oracle, decoded: Decoded, kept: int, batch: Batch) -> Tensor:
    """[B, T, kept, 2]: where the queries of the last layer looked from, which is the centre after the layer before it."""
    points_BTQ2 = rearrange(decoded.boxes_KNQ4[-2][..., :2], "(b t) q x -> b t q x", b=batch.clips)
    logits_NQ1 = oracle.model.head.classes[-1](decoded.states_KNQC[-1])
    best_B = surest(rearrange(logits_NQ1, "(b t) q 1 -> b t q", b=batch.clips))
    return of_chosen(points_BTQ2, best_B)[:, :, None] if kept == 1 else points_BTQ2
