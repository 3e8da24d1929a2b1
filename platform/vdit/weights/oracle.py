"""A recorded run of a released model: its configuration and weights as ours, every option at the released value (`vdit weights verify`).

The configuration is JSON: `config` with the sizes of each network under its library's names and of the `head`, and `weight_dict` of the
losses. A `config` with `swin` is SgMg's, one with `unet` VD-IT's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from diffusers import AutoencoderKL, DDPMScheduler, UNet3DConditionModel
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from open_clip.transformer import VisionTransformer
from torch import Tensor
from transformers import BatchEncoding, CLIPTextConfig, CLIPTextModel, RobertaConfig, RobertaModel

from vdit.config.architecture import VAE, Architecture, ImageTower, Roberta, Swin, TextTower, UNet
from vdit.config.model import Backbone, Head, HeadKind, Model, Prompt, Pyramid
from vdit.config.released import released
from vdit.config.train import LossWeights, MatchWeights, Train
from vdit.config.trial import Trial
from vdit.model.frozen import FrozenDiffusion, SwinStart
from vdit.model.released import PREFIX, features_state, frozen_states
from vdit.model.released_head import head_state
from vdit.model.released_sgmg import roberta_state, sgmg_state, swin_state
from vdit.model.vdit import VDIT
from vdit.weights.trained import RELEASED

Kind = Literal["vd-it", "sgmg"]
WORDS = "text_encoder.text_backbone.embeddings.word_embeddings.weight"


class RecordedTokens:
    """A tokenizer that gives what was recorded, whatever it is asked: the vocabularies are not part of a recording."""

    def __init__(self) -> None:
        self.encoding = BatchEncoding({})

    def record(self, **tensors: Tensor) -> None:
        self.encoding = BatchEncoding(tensors)

    def __call__(self, captions: list[str], **options: object) -> BatchEncoding:
        return self.encoding


@dataclass(frozen=True, slots=True)
class Oracle:
    """The model with the released weights in it, in eval mode, and the weights of costs and losses."""

    kind: Kind
    model: VDIT
    train: Train

    def key(self, name: str) -> str:
        """The released key of a parameter."""
        return RELEASED[self.kind].key(f"parameter/{name}")


def read(config: Path, state: Mapping[str, Tensor]) -> Oracle:
    """Raises ValueError naming the file and the key where the configuration lacks one, or the weights do not fit it."""
    content = document(config)
    sizes, kind = content["config"], kind_of(config, content["config"])
    train = Train(loss=loss_weights(content), match=match_weights(sizes["head"]))
    try:
        described = vd_it(sizes, state) if kind == "vd-it" else sgmg(sizes, state)
        model = released(Trial(arm=kind, model=described, train=train)).model
        networks = diffusion_networks(sizes, model.architecture, state) if kind == "vd-it" else words_and_swin(sizes, model, state)
        built = VDIT(model, networks, seed=0)
        fill(built, kind, state)
    except KeyError as error:
        raise ValueError(f"{config} or the weights lack {error}; they are not of one recording") from error
    except RuntimeError as error:
        raise ValueError(f"the weights do not fit {config}: {error}") from error
    return Oracle(kind, built.eval(), train)


def fill(model: VDIT, kind: Kind, state: Mapping[str, Tensor]) -> None:
    if kind == "vd-it":
        model.features.load_state_dict(features_state(state))
        model.head.load_state_dict(head_state(state))
    else:
        model.head.load_state_dict(sgmg_state(state))


def document(config: Path) -> dict[str, Any]:
    try:
        content = json.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{config}: {error.strerror}; give the configuration of the recorded model") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{config} is no JSON ({error})") from error
    missing = [key for key in ("config", "weight_dict") if key not in content]
    if missing:
        raise ValueError(f"{config} has no {missing[0]!r}; give the configuration of the recorded model, such as oracle.json")
    return dict(content)


def kind_of(config: Path, sizes: Mapping[str, Any]) -> Kind:
    if "swin" in sizes:
        return "sgmg"
    if "unet" in sizes:
        return "vd-it"
    raise ValueError(f"{config}: config has neither 'unet' (VD-IT) nor 'swin' (SgMg), so what was recorded cannot be told")


def vd_it(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Model:
    """Sizes that the configuration leaves out are read off the weights; the prompt has as many heads as the text tower, 16 as released."""
    attention, ffn = state[f"{PREFIX}cross_attn.cros_attn.w_qs.weight"], state[f"{PREFIX}cross_attn.pos_ffn.w_1.weight"]
    heads = config["text"]["num_attention_heads"]
    return Model(
        architecture=architecture(config, state),
        prompt=Prompt(heads=heads, head_dim=attention.shape[0] // heads, feedforward=ffn.shape[0]),
        pyramid=Pyramid(width=config["head"]["backbone_embed_dim"]),
        head=head(config["head"], "vdit"),
    )


def sgmg(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Model:
    swin, words = config["swin"], roberta(config["roberta"], state)
    sizes = Swin(
        embed_dim=swin["embed_dim"],
        depths=tuple(swin["depths"]),
        num_heads=tuple(swin["num_heads"]),
        window=tuple(swin["window_size"]),
        stochastic_depth=swin["drop_path_rate"],
    )
    return Model(
        architecture=Architecture(swin=sizes, roberta=words),
        backbone=Backbone(name="video-swin"),
        head=head(config["head"], "sgmg"),
    )


def architecture(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Architecture:
    vision = config["vision"]
    return Architecture(
        unet=UNet(**of_ours(UNet, config["unet"])),
        vae=VAE(**of_ours(VAE, config["vae"])),
        text=TextTower(**of_ours(TextTower, config["text"])),
        image=ImageTower(
            image_size=vision["image_size"],
            patch_size=vision["patch_size"],
            width=vision["hidden_size"],
            layers=vision["num_hidden_layers"],
            head_width=vision["hidden_size"] // vision["num_attention_heads"],
            mlp_ratio=vision["intermediate_size"] / vision["hidden_size"],
            embed_dim=vision["projection_dim"],
        ),
        roberta=roberta(config["roberta"], state),
    )


def roberta(config: Mapping[str, Any], state: Mapping[str, Tensor]) -> Roberta:
    return Roberta(**of_ours(Roberta, {**config, "vocab_size": state[WORDS].shape[0]}))


def of_ours(kind: type, config: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that our configuration has too; lists are tuples there."""
    names = {field.name for field in fields(kind)}
    return {key: tuple(value) if isinstance(value, list) else value for key, value in config.items() if key in names}


def head(config: Mapping[str, Any], kind: HeadKind) -> Head:
    """Of the released configuration's names; what it leaves out has the released default, ours too."""
    names = {
        **{"hidden_dim": "width", "dim_feedforward": "feedforward", "nheads": "heads", "num_queries": "queries"},
        **{"enc_n_points": "points", "enc_layers": "encoder_layers", "dec_layers": "decoder_layers"},
    }
    sigma = float(config.get("lfm_sigma", Head().sigma))
    return Head(kind=kind, sigma=sigma, **{ours: config[theirs] for theirs, ours in names.items() if theirs in config})


def loss_weights(content: Mapping[str, Any]) -> LossWeights:
    return LossWeights(**{field.name: float(content["weight_dict"][f"loss_{field.name}"]) for field in fields(LossWeights)})


def match_weights(config: Mapping[str, Any]) -> MatchWeights:
    names = {"class": "ce", "bbox": "bbox", "giou": "giou", "mask": "mask", "dice": "dice"}
    return MatchWeights(**{ours: float(config[f"set_cost_{name}"]) for name, ours in names.items() if f"set_cost_{name}" in config})


def diffusion_networks(config: Mapping[str, Any], sizes: Architecture, state: Mapping[str, Tensor]) -> FrozenDiffusion:
    """The frozen networks of a released checkpoint, built by their libraries."""
    vision = sizes.image
    tower = (vision.image_size, vision.patch_size, vision.width, vision.layers, vision.width // vision.head_width, vision.mlp_ratio)
    networks = {
        "unet": UNet3DConditionModel(**config["unet"]),
        "vae": AutoencoderKL(**config["vae"]),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**config["text"])),
        "image_tower": VisionTransformer(*tower, output_dim=vision.embed_dim),
        "roberta": words_network(config, sizes),
    }
    for name, values in frozen_states(state).items():
        networks[name].load_state_dict(values)
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    return FrozenDiffusion(
        **networks,
        tokenizer=RecordedTokens(),
        roberta_tokenizer=RecordedTokens(),
        alphas_cumprod=scheduler.alphas_cumprod.double(),
        image_mean=OPENAI_DATASET_MEAN,
        image_std=OPENAI_DATASET_STD,
        image_size=vision.image_size,
    )


def words_and_swin(config: Mapping[str, Any], model: Model, state: Mapping[str, Tensor]) -> SwinStart:
    """RoBERTa without its pooler, which is the head's, and Video Swin."""
    words = words_network(config, model.architecture)
    words.load_state_dict(roberta_state(state))
    return SwinStart(swin=swin_state(state), roberta=words, roberta_tokenizer=RecordedTokens())


def words_network(config: Mapping[str, Any], sizes: Architecture) -> RobertaModel:
    return RobertaModel(RobertaConfig(**{**config["roberta"], "vocab_size": sizes.roberta.vocab_size}), add_pooling_layer=False)
