"""The model of a trial: what is frozen, what the prompt, the noise and the features are made of, and the head (Section 4)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from vdit.config.architecture import Architecture
from vdit.config.strict import STRICT

PromptKind = Literal["image", "text", "image+text"]
NoiseKind = Literal["gaussian", "predicted", "predicted-eq2", "none"]
HeadKind = Literal["vdit", "sgmg"]
Tap = Literal["in", "down0", "down1", "down2", "down3", "mid", "up0", "up1", "up2", "up3"]
Timestep = Annotated[int, Field(ge=0, le=999)]
RELEASED_TAPS: tuple[Tap, ...] = ("in", "up2", "down0", "up1", "down1", "up0")
SGMG_SIDE = 128  # the next larger side, padded to a multiple of 16, has five cells at stride 32 and three at 64


def once(taps: tuple[Tap, ...]) -> tuple[Tap, ...]:
    """`taps` themselves; raises ValueError where a layer is named twice."""
    twice = next((tap for tap in taps if taps.count(tap) > 1), None)
    if twice is not None:
        raise ValueError(f"{twice!r} is named twice; name it once")
    return taps


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Backbone:
    """A file of vdit/backbones; `seed` is that of random weights and without effect where a checkpoint is given.

    `mode` is how the frozen networks run while the head trains: "eval", or with their dropout on, as the released code has them (B2).
    """

    name: str = "modelscope"
    seed: int = 0
    mode: Literal["eval", "released"] = "eval"

    @property
    def is_swin(self) -> bool:
        """Whether the video is read by Video Swin, which is trained, and not by a diffusion model."""
        return self.name.endswith("video-swin")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Encode:
    """How frames reach the frozen networks; the released code samples, truncates and resizes with PIL.

    `posterior`: latents are the autoencoder's mean, or a sample (B3). `cast`: grey levels for the image tower are rounded, or truncated
    (B5). `resize`: to the image tower's size for the whole batch on the device, or by PIL frame by frame.
    """

    posterior: Literal["mean", "sample"] = "mean"
    cast: Literal["round", "truncate"] = "round"
    resize: Literal["batched", "pil"] = "batched"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Prompt:
    """Text-guided image projection (Eq. 1): `heads` of `head_dim` let words attend to image tokens, `feedforward` is the width behind."""

    kind: PromptKind = "image+text"
    heads: int = 16
    head_dim: int = 64
    feedforward: int = 512


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Noise:
    """What is added to the latents: "predicted" as in the released code, "predicted-eq2" to the letter of Eq. 2 (D2).

    `statistics` is what "predicted" noise is standardised over; the released code takes the whole batch, padding included (B4).
    """

    kind: NoiseKind = "predicted"
    statistics: Literal["clip", "batch"] = "clip"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Diffusion:
    """The step of the forward process at which the U-Net is read, and its weights of signal and noise.

    "sqrt" are the roots of the shares, as released and as diffusion models are trained; "linear" the shares, to the letter of Eq. 3 (D1).
    """

    timestep: Timestep = 0
    coefficients: Literal["sqrt", "linear"] = "sqrt"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Pyramid:
    """Which U-Net layers are read, and the width of the 4x level (8x, 16x, 32x have 2, 4, 8 times as many channels)."""

    taps: Annotated[tuple[Tap, ...], Field(min_length=1), AfterValidator(once)] = RELEASED_TAPS
    width: Annotated[int, Field(ge=1)] = 128


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Head:
    """Queries, deformable transformer and mask head (Section 4.2); "sgmg" is the head of SgMg, where words reach the pixels too (D9).

    `sigma` is the spread of SgMg's Gaussian over frequencies, in cells of the 8x level; VD-IT's head has none.
    """

    kind: HeadKind = "vdit"
    queries: int = 5
    width: int = 256
    feedforward: int = 2048
    heads: int = 8
    points: int = 4
    encoder_layers: int = 4
    decoder_layers: int = 4
    dropout: float = 0.1
    mask_channels: int = 16
    sigma: float = 7.0

    def check_frame(self, height: int, width: int) -> None:
        """Raises ValueError for frames, padded or not, whose 64x level has not the 3x3 cells that SgMg's filters need (spec 9.1)."""
        if self.kind == "sgmg" and min(height, width) <= SGMG_SIDE:
            raise ValueError(
                f"frames are {height}x{width} pixels; head.kind sgmg needs both sides above {SGMG_SIDE}: "
                "take larger frames, or head.kind vdit"
            )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Model:
    """Everything that decides what function is trained."""

    architecture: Architecture = Architecture()
    backbone: Backbone = Backbone()
    encode: Encode = Encode()
    prompt: Prompt = Prompt()
    noise: Noise = Noise()
    diffusion: Diffusion = Diffusion()
    pyramid: Pyramid = Pyramid()
    head: Head = Head()
