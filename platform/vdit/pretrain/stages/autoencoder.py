"""The autoencoder of the latents: reconstruction and divergence; afterwards each latent channel is given mean 0 and one spread.

N frames, H W pixels, C latent channels.
"""

import copy
from collections.abc import Mapping

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from vdit.model.autoencoder import encode
from vdit.model.networks import standardise, vae_config
from vdit.pretrain import clips
from vdit.pretrain.given import Given
from vdit.pretrain.training import CPU, Draws, Report, train
from vdit.train.seeds import derive, drawing

MEASURED_CLIPS = 256  # whose latents give mean and spread
SHOWN_CLIPS = 32


class Reconstruction:
    """The task (training.Task)."""

    def __init__(self, given: Given) -> None:
        self.settings, self.sizes = given.recipe.autoencoder, given.architecture.vae
        self.clips = clips.read(given.recipe, given.folders["clips"])
        with drawing(derive(given.recipe.seed, "autoencoder", "weights"), CPU):
            self.module = AutoencoderKL(**vae_config(self.sizes))

    def loss(self, draws: Draws) -> Tensor:
        count = self.settings.batch
        numbers, frames = draws.rng.integers(self.clips.trained_on, size=count), draws.rng.integers(self.clips.length, size=count)
        pixels_N3HW = 2 * clips.shares(self.clips.frames_NTHW3[numbers, frames]) - 1
        weight_N1HW = 1 + (self.settings.object_weight - 1) * clips.covered(self.clips.objects_NTHw[numbers, frames], pixels_N3HW.shape[-1])
        posterior = self.module.encode(pixels_N3HW).latent_dist
        eps = torch.randn(posterior.mean.shape, generator=draws.generator)
        error = self.module.decode(posterior.mean + posterior.std * eps).sample - pixels_N3HW
        reconstruction = (weight_N1HW * (error.abs() + error.square())).mean() / weight_N1HW.mean()
        divergence = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).sum(dim=1).mean()
        return torch.as_tensor(reconstruction + self.settings.kl * divergence)

    def held_out(self) -> Mapping[str, float]:
        """Decibels of the whole picture and of the objects' pixels, of the first frames of clips."""
        numbers = self.clips.shown(SHOWN_CLIPS)
        shares_N3HW = clips.shares(self.clips.frames_NTHW3[numbers, 0])
        seen_N1HW = clips.covered(self.clips.objects_NTHw[numbers, 0], shares_N3HW.shape[-1])
        decoded = self.module.decode(self.module.encode(2 * shares_N3HW - 1).latent_dist.mean).sample
        error_N3HW = ((decoded.clamp(-1, 1) + 1) / 2 - shares_N3HW).square()
        objects = (error_N3HW * seen_N1HW).sum() / (3 * seen_N1HW.sum()).clamp(min=1)
        return {"decibels": _decibels(error_N3HW.mean()), "decibels_objects": _decibels(objects)}

    def weights(self) -> Mapping[str, Tensor]:
        vae = copy.deepcopy(self.module)
        mean_C, spread_C = statistics(vae, self.clips, np.arange(min(MEASURED_CLIPS, self.clips.trained_on)))
        standardise(vae, mean_C, spread_C, self.settings.spread / self.sizes.scaling_factor)
        return dict(vae.state_dict())


def statistics(vae: AutoencoderKL, seen: clips.Clips, numbers: "np.typing.NDArray[np.int64]") -> tuple[Tensor, Tensor]:
    """Mean and spread of each channel of the posterior mean over all frames of these clips; not yet scaled."""
    means = [encode(vae, 2 * clips.shares(seen.frames_NTHW3[number]) - 1).mean_NCHW for number in numbers]
    mean_NCHW = torch.cat(means)
    return mean_NCHW.mean(dim=(0, 2, 3)), mean_NCHW.std(dim=(0, 2, 3))


def _decibels(error: Tensor) -> float:
    return float(-10 * error.clamp(min=1e-10).log10())


def run(given: Given, report: Report) -> None:
    train(Reconstruction(given), given.recipe.autoencoder, given.place("autoencoder"), report)
