"""A released VD-IT checkpoint (spec section 10): its keys, the sizes it has, and the trained tensors of `VDIT` in it."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Literal, TypeAlias, cast

import torch
from torch import Tensor

from vdit.config.architecture import VAE, Architecture, ImageTower, Roberta, TextTower, UNet
from vdit.config.model import Head, Model, Prompt, Pyramid
from vdit.model import released_head
from vdit.model.deformable import LEVELS
from vdit.model.frozen import FrozenDiffusion
from vdit.model.released import ALIAS, COUNTERS, FROZEN, PREFIX, TRAINED, features_state, renamed
from vdit.model.vdit import VDIT
from vdit.weights.names import backwards
from vdit.weights.sizes import Sizes

Reason: TypeAlias = Literal["frozen", "alias", "counters"]
MARK = PREFIX  # what its keys have and no other released model's
# The projection of RoBERTa's pooled state stays as it was drawn: nothing reads it in VD-IT.
_FROZEN = (*FROZEN.values(), "sentence_proj.")
_ALIAS_OF_BOXES = f"{released_head.ALIAS}bbox_embed."
_FEATURES_BACK = backwards(TRAINED)
_HEAD_BACK = backwards(released_head.RENAMED)
_PARTS_BACK = {ours: theirs for theirs, ours in released_head.DEFORMABLE.items()}


def reason(key: str) -> Reason | None:
    """Why a key is left out; None for one that should be a trained tensor."""
    if key.endswith(COUNTERS):
        return "counters"
    if key.startswith(_ALIAS_OF_BOXES) or ALIAS.fullmatch(key.removeprefix(PREFIX)):
        return "alias"
    return "frozen" if key.startswith(_FROZEN) else None


def name(key: str) -> str | None:
    """What `VDIT` calls the trained tensor of a key."""
    feature = renamed(key.removeprefix(PREFIX), TRAINED) if key.startswith(PREFIX) else None
    head = released_head.head_name(key)
    return f"features.{feature}" if feature else f"head.{head}" if head else None


def state(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The trained tensors under their names in `VDIT`. Raises ValueError where an alias differs from what it repeats."""
    features, head = features_state(tensors), released_head.head_state(tensors)
    return {f"features.{name}": tensor for name, tensor in features.items()} | {f"head.{name}": tensor for name, tensor in head.items()}


def key(name: str) -> str:
    """The published key of a parameter of `VDIT`."""
    half, _, inner = name.partition(".")
    if half == "features":
        return f"{PREFIX}{renamed(inner, _FEATURES_BACK)}"
    words = (renamed(inner, _HEAD_BACK) or inner).split(".")
    return ".".join(_PARTS_BACK.get(word, word) for word in words)


def model(tensors: Mapping[str, Tensor]) -> Model:
    """A configuration of the sizes that most tensors agree on. Raises ValueError naming those that would have to say and do not.

    Of heads and points only the products show; they count as one head.
    """
    size = Sizes(tensors)
    prompt, layer = f"{PREFIX}cross_attn.", "transformer.encoder.layers.0."
    attention = f"{prompt}cros_attn."
    weights = "attention_weights.weight"
    return Model(
        architecture=architecture(tensors),
        prompt=Prompt(
            heads=1,
            head_dim=size((f"{attention}w_qs.weight", 0), (f"{attention}w_ks.weight", 0), (f"{attention}fc.weight", 1)),
            feedforward=size((f"{prompt}pos_ffn.w_1.weight", 0), (f"{prompt}pos_ffn.w_1.bias", 0), (f"{prompt}pos_ffn.w_2.weight", 1)),
        ),
        pyramid=Pyramid(width=size((f"{PREFIX}act_1_postprocess.1.weight", 0), (f"{PREFIX}act_1_postprocess.1.bias", 0))),
        head=Head(
            queries=size(("query_tensors", 0), ("query_embed.weight", 0)),
            width=size(("query_tensors", 1), ("query_embed.weight", 1), ("transformer.level_embed", 1)),
            feedforward=size((f"{layer}linear1.weight", 0), (f"{layer}linear1.bias", 0), (f"{layer}linear2.weight", 1)),
            heads=1,
            points=size((f"{layer}self_attn.{weights}", 0), (f"transformer.decoder.layers.0.cross_attn.{weights}", 0)) // LEVELS,
            encoder_layers=size.count(r"transformer\.encoder\.layers\.(\d+)\."),
            decoder_layers=size.count(r"transformer\.decoder\.layers\.(\d+)\."),
        ),
    )


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
    head, prompt, frozen = model.head, model.prompt, model.architecture
    return {
        "head.queries": head.queries,
        "head.width": head.width,
        "head.feedforward": head.feedforward,
        "head.heads x head.points": head.heads * head.points,
        "head.encoder_layers": head.encoder_layers,
        "head.decoder_layers": head.decoder_layers,
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
    """Names and shapes of `VDIT.trainable()`, from the model itself, built without memory."""
    nowhere = torch.device("meta")
    # Shapes follow from the configuration alone; of the frozen networks a model under construction asks only where they are.
    frozen = cast(FrozenDiffusion, SimpleNamespace(device=nowhere))
    with nowhere:
        built = VDIT(model, frozen, seed=0)
    return {name: tuple(parameter.shape) for name, parameter in built.trainable().items()}
