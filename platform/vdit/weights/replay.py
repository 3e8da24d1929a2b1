"""A recorded case run again: every value under its recorded name (`vdit weights verify`).

B clips, T frames, N = B x T, Q queries, K decoder layers; the suffix of a recorded name says its layout.
"""

import torch
from einops import rearrange
from torch import Tensor

from vdit.model.batch import Batch, LayerOutput
from vdit.model.decoder import Decoded
from vdit.model.features import Encoded, VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion
from vdit.model.head import centres, surest
from vdit.model.losses import losses, of_chosen, total, visible_frames
from vdit.model.masks import dynamic_masks
from vdit.model.words import words
from vdit.weights.case import Case
from vdit.weights.oracle import Oracle, RecordedTokens
from vdit.weights.watch import Seen, watching


def replay(oracle: Oracle, case: Case, mode: str) -> Seen:
    """The values of one mode, with the recorded randomness and tokens fed in."""
    feed_tokens(oracle, case)
    batch = case.batch()
    with watching(oracle.model, batch.clips) as seen:
        found = train(oracle, case, batch) if mode == "train" else infer(oracle, case, batch)
    values = {f"inter/{name}": value for name, value in (seen | drawn(oracle, seen, batch)).items()}
    return values | found


def feed_tokens(oracle: Oracle, case: Case) -> None:
    frozen = oracle.model.frozen
    assert isinstance(frozen.roberta_tokenizer, RecordedTokens)
    names = ("input_ids", "attention_mask")
    frozen.roberta_tokenizer.record(**{name: case.given(f"roberta.{name}") for name in names})
    if isinstance(frozen, FrozenDiffusion):
        assert isinstance(frozen.tokenizer, RecordedTokens)
        frozen.tokenizer.record(input_ids=case.given("clip_text.input_ids"))


def encoded(oracle: Oracle, case: Case, batch: Batch) -> tuple[Encoded | None, Seen]:
    """The frozen stages under the recorded noise of the posterior, and their recorded values; nothing for a backbone that has none."""
    features = oracle.model.features
    if not isinstance(features, VideoDiffusionFeatures):
        return None, {}
    eps_NCHW = case.given("vae.eps")
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
    given, found = encoded(oracle, case, batch)
    model.zero_grad()
    outputs: tuple[LayerOutput, ...] = model(batch, oracle.train.match, given)
    boxes = max(1.0, float(visible_frames(batch.targets)))
    terms = losses(outputs, batch.targets, oracle.train.loss, boxes)
    loss = total(terms, oracle.train.loss)
    loss.backward()
    for index, output in enumerate(outputs):
        prefix = "out/" if index == len(outputs) - 1 else f"out/aux{index}."
        found |= {f"{prefix}{name}": value for name, value in layer(output).items()}
    found["out/main_matcher_index"] = outputs[-1].chosen_B
    found["out/aux_matcher_index"] = torch.stack([output.chosen_B for output in outputs[:-1]])
    found |= {f"losses/{name}": value for name, value in terms.items()} | {"loss_total": loss}
    parameters = model.trainable().items()
    return found | {f"grads/{oracle.key(name)}": value.grad for name, value in parameters if value.grad is not None}


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
    given, found = encoded(oracle, case, batch)
    levels = model.features(batch) if given is None else model.features(batch, given)
    looked = model.head.look(levels, batch)
    recorded = case.recorded("eval").get("out/pred_logits")
    keep = "best" if recorded is None or recorded.shape[2] == 1 else "all"
    prediction = model.head.predict(looked, words(model.frozen, batch.captions), batch, keep)
    return found | {
        "out/pred_logits": prediction.logits_BTQ[..., None],
        "out/pred_boxes": prediction.boxes_BTQ4,
        "out/pred_masks": prediction.masks_BTQHW,
    }


@torch.no_grad()
def drawn(oracle: Oracle, seen: Seen, batch: Batch) -> Seen:
    """What the released model computes for all queries and layers, at inference too, and we for those that are kept."""
    head, decoded = (
        oracle.model.head,
        Decoded(seen["transformer.hs"], seen["transformer.inter_references"], seen["transformer.init_reference"]),
    )
    features_NCHW = rearrange(seen["mask_features_btchw"], "b t c h w -> (b t) c h w")
    parameters_KNQP = head.controller(decoded.states_KNQC)
    masks = dynamic_masks(features_NCHW, parameters_KNQP, centres(decoded.boxes_KNQ4, batch))
    return {
        "controller_params": parameters_KNQP,
        "dynamic_masks_b_tq_16_hw": rearrange(masks, "k (b t) q o h w -> k b (t q) o h w", b=batch.clips),
    }


def reference_points(decoded: Decoded, logits_BTQ: Tensor, clips: int) -> Tensor:
    """Where the last layer of the kept query looked from: the centre after the layer before it."""
    points_BTQ2 = rearrange(decoded.boxes_KNQ4[-2][..., :2], "(b t) q x -> b t q x", b=clips)
    return of_chosen(points_BTQ2, surest(logits_BTQ))[:, :, None]
