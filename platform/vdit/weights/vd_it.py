"""A released VD-IT checkpoint (spec section 10): its keys, the sizes it has, and the trained tensors of `VDIT` in it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor

from vdit.config.architecture import VAE, Architecture, ImageTower, Roberta, TextTower, UNet
from vdit.config.model import Model, Prompt, Pyramid
from vdit.model.frozen import FrozenDiffusion
from vdit.model.released import ALIAS, COUNTERS, FROZEN, PREFIX, TRAINED, features_state, renamed
from vdit.model.released_head import head_name, head_state
from vdit.model.vdit import VDIT
from vdit.weights import head
from vdit.weights.names import backwards
from vdit.weights.sizes import Sizes

Reason: TypeAlias = Literal["frozen", "alias", "counters"]
MARK = PREFIX  # what its keys have and no other released model's
# The projection of RoBERTa's pooled state stays as it was drawn: nothing reads it in VD-IT.
_FROZEN = (*FROZEN.values(), "sentence_proj.")
_FEATURES_BACK = backwards(TRAINED)
_HEAD_BACK = head.back()


def reason(key: str) -> Reason | None:
    """Why a key is left out; None for one that should be a trained tensor."""
    if key.endswith(COUNTERS):
        return "counters"
    if head.is_alias(key) or ALIAS.fullmatch(key.removeprefix(PREFIX)):
        return "alias"
    return "frozen" if key.startswith(_FROZEN) else None


def name(key: str) -> str | None:
    """What a checkpoint of ours calls the trained tensor of a key."""
    if key.startswith(PREFIX):
        feature = renamed(key.removeprefix(PREFIX), TRAINED)
        return f"parameter/features.{feature}" if feature else None
    inner = head_name(key)
    return f"parameter/head.{inner}" if inner else None


def key(name: str) -> str:
    """The reverse of `name`."""
    half, _, inner = name.removeprefix("parameter/").partition(".")
    return f"{PREFIX}{renamed(inner, _FEATURES_BACK)}" if half == "features" else head.key(inner, _HEAD_BACK)


def state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained tensors as a checkpoint of ours names them. Raises ValueError where an alias differs from what it repeats."""
    head.check_originals(tensors)
    halves = {"features": features_state(tensors), "head": head_state(tensors)}
    return {f"parameter/{half}.{name}": tensor for half, named in halves.items() for name, tensor in named.items()}


def model(tensors: Mapping[str, Tensor]) -> Model:
    """A configuration of the sizes that most tensors agree on. Raises ValueError naming those that would have to say and do not.

    Of the prompt's heads and their width only the product shows; it counts as one head.
    """
    size, prompt = Sizes(tensors), f"{PREFIX}cross_attn."
    attention = f"{prompt}cros_attn."
    return Model(
        architecture=architecture(tensors),
        prompt=Prompt(
            heads=1,
            head_dim=size((f"{attention}w_qs.weight", 0), (f"{attention}w_ks.weight", 0), (f"{attention}fc.weight", 1)),
            feedforward=size((f"{prompt}pos_ffn.w_1.weight", 0), (f"{prompt}pos_ffn.w_1.bias", 0), (f"{prompt}pos_ffn.w_2.weight", 1)),
        ),
        pyramid=Pyramid(width=size((f"{PREFIX}act_1_postprocess.1.weight", 0), (f"{PREFIX}act_1_postprocess.1.bias", 0))),
        head=head.read(size, "vdit", (("query_tensors", 0), ("query_embed.weight", 0))),
    )


def published(model: Model) -> Model:
    """The released model nearest to `model`: there is one."""
    return Model()


def architecture(tensors: Mapping[str, Tensor]) -> Architecture:
    """Sizes of the frozen networks as far as they decide the shape of a trained tensor; the published ones where none are in the file."""
    if not any(key.startswith(tuple(FROZEN.values())) for key in tensors):
        return Architecture()
    size, text = Sizes(tensors), FROZEN["text_encoder"]
    if any(key.startswith(f"{text}text_model.") for key in tensors):
        text += "text_model."
    width = size((f"{text}embeddings.token_embedding.weight", 1))
    return Architecture(
        unet=UNet(block_out_channels=size.blocks(f"{FROZEN['unet']}down_blocks"), cross_attention_dim=width),
        vae=VAE(
            block_out_channels=size.blocks(f"{FROZEN['vae']}encoder.down_blocks"),
            latent_channels=size((f"{FROZEN['unet']}conv_in.weight", 1)),
        ),
        text=TextTower(hidden_size=width),
        image=ImageTower(width=size((f"{FROZEN['image_tower']}vision_model.embeddings.class_embedding", 0))),
        roberta=Roberta(hidden_size=size((f"{FROZEN['roberta']}embeddings.word_embeddings.weight", 1))),
    )


def sizes(model: Model) -> dict[str, int | list[int]]:
    """What `model` and `architecture` read, under the names of a study's configuration."""
    prompt, frozen = model.prompt, model.architecture
    return {
        **head.sizes(model.head),
        "prompt.heads x prompt.head_dim": prompt.heads * prompt.head_dim,
        "prompt.feedforward": prompt.feedforward,
        "pyramid.width": model.pyramid.width,
        "architecture.unet.block_out_channels": list(frozen.unet.block_out_channels),
        "architecture.unet.cross_attention_dim": frozen.unet.cross_attention_dim,
        "architecture.vae.block_out_channels": list(frozen.vae.block_out_channels),
        "architecture.vae.latent_channels": frozen.vae.latent_channels,
        "architecture.image.width": frozen.image.width,
        "architecture.roberta.hidden_size": frozen.roberta.hidden_size,
    }


def expected(model: Model) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what a checkpoint of `VDIT` holds, from the model itself, built without memory."""
    nowhere = torch.device("meta")
    # Shapes follow from the configuration alone; of the frozen networks a model under construction asks only where they are.
    frozen = cast(FrozenDiffusion, SimpleNamespace(device=nowhere))
    with nowhere:
        built = VDIT(model, frozen, seed=0)
    return {f"parameter/{name}": tuple(parameter.shape) for name, parameter in built.trainable().items()}
