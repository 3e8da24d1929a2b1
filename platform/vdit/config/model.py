"""The model of a trial: what is frozen, what the prompt, the noise and the features are made of, and the head (Section 4)."""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdit.config.architecture import Architecture
from vdit.config.strict import STRICT

PromptKind = Literal["image", "text", "image+text"]
NoiseKind = Literal["gaussian", "predicted"]
Tap = Literal["in", "down0", "down1", "down2", "down3", "mid", "up0", "up1", "up2", "up3"]
Timestep = Annotated[int, Field(ge=0, le=999)]
RELEASED_TAPS: tuple[Tap, ...] = ("in", "up2", "down0", "up1", "down1", "up0")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Backbone:
    """A file of vdit/backbones; `seed` is that of random weights and without effect where a checkpoint is given."""

    name: str = "modelscope"
    seed: int = 0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Prompt:
    """Text-guided image projection (Eq. 1): `heads` of `head_dim` let words attend to image tokens, `feedforward` is the width behind."""

    kind: PromptKind = "image+text"
    heads: int = 16
    head_dim: int = 64
    feedforward: int = 512


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Noise:
    """What is added to the latents (Eq. 2)."""

    kind: NoiseKind = "predicted"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Diffusion:
    """The step of the forward process at which the U-Net is read (Eq. 3)."""

    timestep: Timestep = 0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Pyramid:
    """Which U-Net layers are read, and the width of the 4x level (8x, 16x, 32x have 2, 4, 8 times as many channels)."""

    taps: tuple[Tap, ...] = RELEASED_TAPS
    width: int = 128


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Head:
    """Queries, deformable transformer and mask head (Section 4.2)."""

    queries: int = 5
    width: int = 256
    feedforward: int = 2048
    heads: int = 8
    points: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 4
    dropout: float = 0.1
    mask_channels: int = 16


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Model:
    """Everything that decides what function is trained."""

    architecture: Architecture = Architecture()
    backbone: Backbone = Backbone()
    prompt: Prompt = Prompt()
    noise: Noise = Noise()
    diffusion: Diffusion = Diffusion()
    pyramid: Pyramid = Pyramid()
    head: Head = Head()
