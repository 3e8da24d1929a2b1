"""A recipe of `vdit pretrain`: how a miniature text-to-video model, and the Video Swin beside it, are made of nothing (not in the paper).

The defaults are those of experiments/pretrain/miniature.yaml.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from vdit.config.data import World
from vdit.config.strict import STRICT

# What the U-Net learns to predict of a noisy latent: the velocity (arXiv 2202.00512, Appendix D) or the noise, as ModelScope.
Prediction = Literal["v", "epsilon"]
Share = Annotated[float, Field(ge=0, le=1)]
Decay = Annotated[float, Field(ge=0, lt=1)]  # of a moving average
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Training:
    """AdamW for a fixed number of steps: `warmup` steps up to the learning rate, then a cosine down to `floor` of it.

    `batch` counts frames where frames are trained on, sentences where sentences are, clips elsewhere; `clip` bounds the gradient's norm.
    The weights of a stage are their moving average over about 1 / (1 - `ema`) steps; 0 takes the last ones.
    """

    steps: Count = 1000
    batch: Count = 32
    learning_rate: Positive = 1e-3
    betas: tuple[Decay, Decay] = (0.9, 0.99)
    weight_decay: Annotated[float, Field(ge=0)] = 1e-3
    warmup: Annotated[int, Field(ge=0)] = 50
    floor: Share = 0.02
    clip: Positive = 1.0
    ema: Decay = 0.0


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Autoencoder(Training):
    """L1 + L2 + `kl` x the divergence from a standard normal, of a latent cell.

    The error of a pixel of an object counts `object_weight` times: the masks enter here and nowhere else, as a weight. `spread` is what
    each latent channel's standard deviation is set to afterwards; the smaller, the more of it a step's noise hides.
    """

    steps: Count = 1000
    batch: Count = 16
    learning_rate: Positive = 3e-3
    kl: Annotated[float, Field(ge=0)] = 1e-4
    object_weight: Annotated[float, Field(ge=1)] = 4.0
    spread: Positive = 0.4


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Towers(Training):
    """One frame of a clip, drawn anew at each visit, against a caption of the clip, both ways; the temperature is learned."""

    steps: Count = 1500
    batch: Count = 96


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Words(Training):
    """Masked language modelling: `masked` of the tokens are predicted (80 % hidden, 10 % exchanged, 10 % as they are)."""

    steps: Count = 800
    batch: Count = 64
    masked: Share = 0.15


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Denoiser(Training):
    """The diffusion loss alone. `late` of the timesteps are drawn from `late_from` on, the others from all.

    `pictures` of the steps are on single frames of as many clips as `batch` clips have frames: more scenes for the same work. A caption is
    left out with the probability `caption_dropout`. `train_text` goes on training the text tower with the U-Net.
    """

    steps: Count = 8000
    batch: Count = 8
    learning_rate: Positive = 2e-3
    warmup: Annotated[int, Field(ge=0)] = 60
    prediction: Prediction = "v"
    caption_dropout: Share = 0.1
    pictures: Share = 0.6
    late: Share = 0.8
    late_from: Annotated[int, Field(ge=0, le=999)] = 300
    train_text: bool = True


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SwinTraining(Training):
    """Which colours, shapes and motions are in the clip: one yes or no each."""

    steps: Count = 8000
    batch: Count = 8
    # At 1e-3 a Video Swin as large as the miniature's U-Net learns next to nothing (experiments/LOG.md).
    learning_rate: Positive = 2e-4
    warmup: Annotated[int, Field(ge=0)] = 200


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Recipe:
    """`preset` names the file whose model.architecture is trained. No stage trains on the last `held_out` of the `clips`."""

    recipe: str
    preset: str
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    world: World = World(seed=1000, frames=5)
    clips: Count = 6000
    held_out: Count = 256
    autoencoder: Autoencoder = Autoencoder()
    towers: Towers = Towers()
    words: Words = Words()
    denoiser: Denoiser = Denoiser()
    swin: SwinTraining = SwinTraining()

    @property
    def trained_on(self) -> int:
        """How many clips, the first ones, stages train on."""
        return self.clips - self.held_out
