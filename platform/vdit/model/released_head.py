"""Names of the head's parameters in a released VD-IT checkpoint (spec section 10)."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from vdit.model.released import COUNTERS

# Checkpoint name, as a regular expression, and ours.
RENAMED: tuple[tuple[str, str], ...] = (
    (r"query_tensors", r"queries.queries_QC"),
    (r"query_embed\.weight", r"decoder.positions_QC"),
    (r"text_proj\.fc\.(.+)", r"text.linear.\1"),
    (r"text_proj\.layer_norm\.(.+)", r"text.norm.\1"),
    (r"fusion_module\.multihead_attn\.(.+)", r"queries.attention.\1"),
    (r"input_proj\.(.+)", r"neck.levels.\1"),
    (r"transformer\.level_embed", r"encoder.level_LC"),
    (r"transformer\.reference_points\.(.+)", r"decoder.start.\1"),
    (r"transformer\.encoder\.layers\.(\d+)\.self_attn\.(.+)", r"encoder.layers.\1.attention.\2"),
    (r"transformer\.encoder\.layers\.(\d+)\.norm1\.(.+)", r"encoder.layers.\1.attention_norm.\2"),
    (r"transformer\.encoder\.layers\.(\d+)\.norm2\.(.+)", r"encoder.layers.\1.feedforward_norm.\2"),
    (r"transformer\.decoder\.layers\.(\d+)\.self_attn\.(.+)", r"decoder.layers.\1.self_attention.\2"),
    (r"transformer\.decoder\.layers\.(\d+)\.cross_attn\.(.+)", r"decoder.layers.\1.cross_attention.\2"),
    (r"transformer\.decoder\.layers\.(\d+)\.norm1\.(.+)", r"decoder.layers.\1.cross_norm.\2"),
    (r"transformer\.decoder\.layers\.(\d+)\.norm2\.(.+)", r"decoder.layers.\1.self_norm.\2"),
    (r"transformer\.decoder\.layers\.(\d+)\.norm3\.(.+)", r"decoder.layers.\1.feedforward_norm.\2"),
    (r"transformer\.(encoder|decoder)\.layers\.(\d+)\.linear1\.(.+)", r"\1.layers.\2.widen.\3"),
    (r"transformer\.(encoder|decoder)\.layers\.(\d+)\.linear2\.(.+)", r"\1.layers.\2.narrow.\3"),
    (r"class_embed\.(.+)", r"classes.\1"),
    (r"(?:transformer\.decoder\.)?bbox_embed\.(.+)", r"decoder.boxes.\1"),
    (r"controller\.(.+)", r"controller.\1"),
    (r"mask_refine\.conv1_1div8\.(.+)", r"refinement.coarse.first.\1"),
    (r"mask_refine\.conv2_1div8\.(.+)", r"refinement.coarse.second.\1"),
    (r"mask_refine\.conv1_1div4\.(.+)", r"refinement.fine.first.\1"),
    (r"mask_refine\.conv2_1div4\.(.+)", r"refinement.fine.second.\1"),
)
DEFORMABLE = {"sampling_offsets": "offsets", "attention_weights": "weights", "value_proj": "values", "output_proj": "output"}
ALIAS = "transformer.decoder."  # before `bbox_embed.`: the decoder holds the box heads a second time


def head_name(key: str, own: tuple[tuple[str, str], ...] = ()) -> str | None:
    """Our name of a released key; None for a key that is no parameter of the head. `own` are rules of another head, which come first."""
    if key.endswith(COUNTERS):
        return None
    for released, ours in (*own, *RENAMED):
        if re.fullmatch(released, key):
            name = re.sub(released, ours, key)
            return ".".join(DEFORMABLE.get(part, part) for part in name.split("."))
    return None


def head_state(released: Mapping[str, Tensor], own: tuple[tuple[str, str], ...] = ()) -> dict[str, Tensor]:
    """The head's state dict. Raises ValueError where a box head and its alias differ: such a checkpoint is damaged."""
    for key, value in released.items():
        alias = ALIAS + key
        if key.startswith("bbox_embed.") and alias in released and not torch.equal(value, released[alias]):
            raise ValueError(f"{key} and its alias {alias} differ in the checkpoint; they are one tensor: download the checkpoint again")
    named = {head_name(key, own): value for key, value in released.items()}
    return {name: value for name, value in named.items() if name is not None}
