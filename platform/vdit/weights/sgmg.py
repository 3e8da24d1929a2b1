"""A released SgMg checkpoint (spec sections 9 and 9.1): its keys, the sizes it has, and what of it a checkpoint of ours holds."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from vdit.config.architecture import Architecture, Roberta, Swin
from vdit.config.model import Backbone, Head, Model
from vdit.model.head import SegmentationHead
from vdit.model.released import COUNTERS, FROZEN, renamed
from vdit.model.released_head import head_name
from vdit.model.released_sgmg import HEAD, SWIN, sgmg_state, swin_state
from vdit.model.swin import VideoSwinFeatures
from vdit.weights import head
from vdit.weights.names import backwards
from vdit.weights.sizes import Sizes

Reason: TypeAlias = Literal["frozen", "alias", "buffers", "counters"]
MARK = "backbone.0.body."  # what its keys have and no other released model's
POOLER = f"{FROZEN['roberta']}pooler."
_OURS = "queries.pooler."  # nothing trains it, and the trained weights mean nothing without it
_FEATURES_BACK = backwards(SWIN)
_HEAD_BACK = head.back(HEAD)
_TINY = Swin(embed_dim=96, depths=(2, 2, 6, 2), num_heads=(3, 6, 12, 24))


def reason(key: str) -> Reason | None:
    """Why a key is left out; None for one that should be a trained tensor, or the pooler's."""
    if key.endswith(COUNTERS):
        return "counters"
    if key.endswith(".relative_position_index"):
        return "buffers"
    if head.is_alias(key):
        return "alias"
    return "frozen" if key.startswith(FROZEN["roberta"]) and not key.startswith(POOLER) else None


def name(key: str) -> str | None:
    """What a checkpoint of ours calls the tensor of a key."""
    feature, inner = renamed(key, SWIN), head_name(key, HEAD)
    return f"parameter/features.{feature}" if feature else f"{place(inner)}{inner}" if inner else None


def place(inner: str) -> str:
    return "kept/head." if inner.startswith(_OURS) else "parameter/head."


def key(name: str) -> str:
    """The reverse of `name`."""
    half, _, inner = name.partition("/")[2].partition(".")
    return renamed(inner, _FEATURES_BACK) or inner if half == "features" else head.key(inner, _HEAD_BACK)


def state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors as a checkpoint of ours names them. Raises ValueError where an alias differs from what it repeats."""
    head.check_originals(tensors)
    features = {f"parameter/features.{name}": tensor for name, tensor in swin_state(tensors).items()}
    return features | {f"{place(name)}{name}": tensor for name, tensor in sgmg_state(tensors).items()}


def model(tensors: Mapping[str, Tensor]) -> Model:
    """A configuration of the sizes that most tensors agree on. Raises ValueError naming those that would have to say and do not.

    The window is the published one: its three sides do not show in a shape.
    """
    size = Sizes(tensors)
    patch = f"{MARK}patch_embed."
    stages = [f"{MARK}layers.{stage}.blocks." for stage in range(4)]
    depths = [size.count(rf"{stage.replace('.', '[.]')}(\d+)[.]") for stage in stages]
    table = "attn.relative_position_bias_table"
    heads = [size(*((f"{stage}{block}.{table}", 1) for block in range(max(1, depth)))) for stage, depth in zip(stages, depths, strict=True)]
    words = size(("text_proj.fc.weight", 1), ("sentence_proj.fc.weight", 1), (f"{POOLER}dense.weight", 0))
    return Model(
        backbone=Backbone(name="video-swin"),
        architecture=Architecture(
            swin=Swin(
                embed_dim=size((f"{patch}proj.weight", 0), (f"{patch}proj.bias", 0), (f"{patch}norm.weight", 0)),
                depths=(depths[0], depths[1], depths[2], depths[3]),
                num_heads=(heads[0], heads[1], heads[2], heads[3]),
            ),
            roberta=Roberta(hidden_size=words),
        ),
        head=head.read(size, "sgmg", (("query_embed.weight", 0),)),
    )


def published(model: Model) -> Model:
    """The released model nearest to `model`: SgMg with Video-Swin-T or with Video-Swin-B."""
    swin = _TINY if model.architecture.swin.embed_dim == _TINY.embed_dim else Swin()
    return Model(backbone=model.backbone, architecture=Architecture(swin=swin), head=Head(kind="sgmg"))


def sizes(model: Model) -> dict[str, int | list[int]]:
    """What `model` reads, under the names of a study's configuration."""
    swin = model.architecture.swin
    return {
        **head.sizes(model.head),
        "architecture.swin.embed_dim": swin.embed_dim,
        "architecture.swin.depths": list(swin.depths),
        "architecture.swin.num_heads": list(swin.num_heads),
        "architecture.roberta.hidden_size": model.architecture.roberta.hidden_size,
    }


def expected(model: Model) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a checkpoint of `VDIT` holds, from its two halves, built without memory."""
    with torch.device("meta"):
        features = VideoSwinFeatures(model.architecture.swin)
        segmentation = SegmentationHead(model.head, features.widths, model.architecture.roberta.hidden_size)
    both = nn.ModuleDict({"features": features, "head": segmentation})
    parameters = {f"parameter/{name}": tuple(parameter.shape) for name, parameter in both.named_parameters()}
    return parameters | {f"kept/{name}": tuple(buffer.shape) for name, buffer in both.named_buffers() if buffer.is_floating_point()}
