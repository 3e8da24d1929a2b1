"""Names of the feature half of a released VD-IT checkpoint, and ours (spec section 10)."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from vdit.model.autoencoder import OLDER_NAMES

PREFIX = "backbone.0.diff_ftex."
# Checkpoint name behind the prefix, as a regular expression, and ours in `VideoDiffusionFeatures`.
TRAINED: tuple[tuple[str, str], ...] = (
    (r"projection\.linear1\.(.+)", r"prompt.image.first.\1"),
    (r"projection\.linear2\.(.+)", r"prompt.image.second.\1"),
    (r"cross_attn\.cros_attn\.w_qs\.(.+)", r"prompt.guided.query.\1"),
    (r"cross_attn\.cros_attn\.w_ks\.(.+)", r"prompt.guided.key.\1"),
    (r"cross_attn\.cros_attn\.w_vs\.(.+)", r"prompt.guided.value.\1"),
    (r"cross_attn\.cros_attn\.fc\.(.+)", r"prompt.guided.out.\1"),
    (r"cross_attn\.cros_attn\.layer_norm\.(.+)", r"prompt.guided.attention_norm.\1"),
    (r"cross_attn\.pos_ffn\.w_1\.(.+)", r"prompt.guided.expand.\1"),
    (r"cross_attn\.pos_ffn\.w_2\.(.+)", r"prompt.guided.contract.\1"),
    (r"cross_attn\.pos_ffn\.layer_norm\.(.+)", r"prompt.guided.feedforward_norm.\1"),
    (r"noise_pred\.(.+)", r"noise.conv.\1"),
    (r"noise_fc\.0\.(.+)", r"noise.hidden.\1"),
    (r"noise_fc\.2\.(.+)", r"noise.out.\1"),
    (r"act_1_postprocess\.(.+)", r"pyramid.adapters.4.\1"),
    (r"act_2_postprocess\.(.+)", r"pyramid.adapters.8.\1"),
    (r"act_3_postprocess\.(.+)", r"pyramid.adapters.16.\1"),
    (r"act_4_postprocess\.(.+)", r"pyramid.adapters.32.\1"),
)
ALIAS = re.compile(r"act_postprocess\.(\d)\.(.+)")
COUNTERS = ("total_ops", "total_params")  # left by a FLOP counter
FROZEN = {
    "unet": PREFIX + "unet.",
    "vae": PREFIX + "vae.",
    "text_encoder": PREFIX + "text_encoder.",
    "image_tower": PREFIX + "cv_model.",
    "roberta": "text_encoder.text_backbone.",
}
# Hugging Face's names of a CLIP image tower, and open_clip's.
_IMAGE: tuple[tuple[str, str], ...] = (
    (r"vision_model\.embeddings\.class_embedding", r"class_embedding"),
    (r"vision_model\.embeddings\.patch_embedding\.weight", r"conv1.weight"),
    (r"vision_model\.embeddings\.position_embedding\.weight", r"positional_embedding"),
    (r"vision_model\.pre_layrnorm\.(.+)", r"ln_pre.\1"),
    (r"vision_model\.post_layernorm\.(.+)", r"ln_post.\1"),
    (r"vision_model\.encoder\.layers\.(\d+)\.layer_norm(\d)\.(.+)", r"transformer.resblocks.\1.ln_\2.\3"),
    (r"vision_model\.encoder\.layers\.(\d+)\.self_attn\.out_proj\.(.+)", r"transformer.resblocks.\1.attn.out_proj.\2"),
    (r"vision_model\.encoder\.layers\.(\d+)\.mlp\.fc1\.(.+)", r"transformer.resblocks.\1.mlp.c_fc.\2"),
    (r"vision_model\.encoder\.layers\.(\d+)\.mlp\.fc2\.(.+)", r"transformer.resblocks.\1.mlp.c_proj.\2"),
)
_QUERY = re.compile(r"vision_model\.encoder\.layers\.(\d+)\.self_attn\.q_proj\.(weight|bias)")


def renamed(key: str, names: tuple[tuple[str, str], ...]) -> str | None:
    """Our name of a checkpoint's key, None where `names` has no rule for it."""
    for pattern, name in names:
        found = re.fullmatch(pattern, key)
        if found:
            return found.expand(name)
    return None


def features_state(released: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained tensors of `VideoDiffusionFeatures`; raises ValueError where an alias differs from the tensor it repeats."""
    state: dict[str, Tensor] = {}
    for key, tensor in released.items():
        name = renamed(key.removeprefix(PREFIX), TRAINED) if key.startswith(PREFIX) else None
        if name is not None and not name.endswith(COUNTERS):
            state[name] = tensor
    for key, tensor in released.items():
        alias = ALIAS.fullmatch(key.removeprefix(PREFIX))
        if alias and not key.endswith(COUNTERS):
            original = f"{PREFIX}act_{int(alias[1]) + 1}_postprocess.{alias[2]}"
            if original not in released or not torch.equal(released[original], tensor):
                raise ValueError(f"{key} should repeat {original} and does not; the checkpoint is damaged, fetch it again")
    return state


def frozen_states(released: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """State of each network of `FrozenDiffusion`, by field name, under the names of its library (diffusers, transformers, open_clip)."""
    parts = {network: _below(released, prefix) for network, prefix in FROZEN.items()}
    parts["text_encoder"] = {key.removeprefix("text_model."): tensor for key, tensor in parts["text_encoder"].items()}
    parts["roberta"] = {key: tensor for key, tensor in parts["roberta"].items() if not key.startswith("pooler.")}
    parts["vae"] = {current(key): tensor for key, tensor in parts["vae"].items()}
    parts["image_tower"] = open_clip_state(parts["image_tower"])
    return parts


def current(key: str) -> str:
    """Today's name of a tensor of the autoencoder."""
    for now, before in OLDER_NAMES.items():
        key = key.replace(f".attentions.0.{before}", f".attentions.0.{now}")
    return key


def _below(released: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    ignored = (*COUNTERS, "position_ids")  # position_ids: a buffer that some versions of transformers save
    return {key.removeprefix(prefix): tensor for key, tensor in released.items() if key.startswith(prefix) and not key.endswith(ignored)}


def open_clip_state(hugging_face: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """open_clip's image tower from Hugging Face's: query, key and value become one matrix, the projection is transposed."""
    state: dict[str, Tensor] = {"proj": hugging_face["visual_projection.weight"].T}
    for key, tensor in hugging_face.items():
        name = renamed(key, _IMAGE)
        if name is not None:
            state[name] = tensor
        query = _QUERY.fullmatch(key)
        if query:
            parts = [hugging_face[key.replace("q_proj", part)] for part in ("q_proj", "k_proj", "v_proj")]
            state[f"transformer.resblocks.{query[1]}.attn.in_proj_{query[2]}"] = torch.cat(parts)
    return state
