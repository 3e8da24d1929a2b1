"""The text-to-video U-Net on the autoencoder's latents, by the diffusion loss and nothing else; the text tower goes on with it.

B clips, T frames, C latent channels, H W latent size.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vdit.benchmarks.world import captions
from vdit.model.networks import forward_process, video_unet
from vdit.pretrain import captioning, clips, latents
from vdit.pretrain.given import Given
from vdit.pretrain.noising import noised, predict, target
from vdit.pretrain.training import CPU, Draws, Report, draws, train, weights
from vdit.train.seeds import derive, drawing

SHOWN_CLIPS = 32
AT_ONCE = 16
SHOWN_STEPS = (300, 500, 700)


class Prompted(nn.Module):
    """U-Net and text tower. The dropout of diffusers' temporal convolutions (0.1, not to be set) is off: the budget is too small for it."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self.words = captioning.tokenizer(given.architecture.text)
        self.text = captioning.tower(given.architecture.text, self.words)
        self.unet = video_unet(given.architecture.unet)
        for module in self.unet.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def forward(self, noisy_BTCHW: Tensor, steps_B: Tensor, said: Sequence[str]) -> Tensor:
        return predict(self.unet, noisy_BTCHW, steps_B, self.text(captioning.ids(self.words, said)).last_hidden_state)


class Denoising:
    """The task (training.Task)."""

    def __init__(self, given: Given) -> None:
        self.settings, recipe = given.recipe.denoiser, given.recipe
        self.clips = clips.read(recipe, given.folders["clips"])
        self.scenes = clips.scenes(recipe, range(recipe.clips))
        self.latents_NTCHW = latents.read(given, self.clips)
        self.share = torch.as_tensor(forward_process().alphas_cumprod).double()
        with drawing(derive(recipe.seed, "denoiser", "weights"), CPU):
            self.module = Prompted(given)
        towers = weights(given.folders["towers"])
        self.module.text.load_state_dict({name[5:]: value for name, value in towers.items() if name.startswith("text.")})
        self.module.text.requires_grad_(self.settings.train_text)

    def loss(self, draws: Draws) -> Tensor:
        latents_BTCHW, numbers = self.picked(draws)
        silent = draws.rng.random(len(numbers)) < self.settings.caption_dropout
        said = ["" if quiet else captions.choose(self.scenes[number], draws.rng) for number, quiet in zip(numbers, silent, strict=True)]
        late = draws.rng.random(len(said)) < self.settings.late
        steps_B = torch.from_numpy(draws.rng.integers(np.where(late, self.settings.late_from, 0), len(self.share)))
        noise_BTCHW = torch.randn(latents_BTCHW.shape, generator=draws.generator)
        return self.errors(latents_BTCHW, noise_BTCHW, steps_B, said).mean()

    def picked(self, draws: Draws) -> tuple[Tensor, NDArray[np.int64]]:
        """Clips, or single frames of more clips, and their numbers."""
        if draws.rng.random() >= self.settings.pictures:
            numbers = self.clips.pick(self.settings.batch, draws.rng)
            return torch.from_numpy(self.latents_NTCHW[numbers]), numbers
        numbers = self.clips.pick(self.settings.batch * self.clips.length, draws.rng)
        frames = draws.rng.integers(self.clips.length, size=len(numbers))
        return torch.from_numpy(self.latents_NTCHW[numbers, frames])[:, None], numbers

    def errors(self, latents_BTCHW: Tensor, noise_BTCHW: Tensor, steps_B: Tensor, said: Sequence[str]) -> Tensor:
        """[B]: the mean squared error of each clip."""
        share_B = self.share[steps_B]
        wanted = target(latents_BTCHW, noise_BTCHW, share_B, self.settings.prediction)
        found = self.module(noised(latents_BTCHW, noise_BTCHW, share_B), steps_B, said)
        return torch.as_tensor((found - wanted).square().mean(dim=(1, 2, 3, 4)))

    def held_out(self) -> Mapping[str, float]:
        """By step: the error under the true caption, and by how many per cent others raise it, with the same noise.

        Others are none at all, and captions with a wrong colour, shape or motion for every object. The gate asks this of more clips.
        """
        fixed, numbers = draws("denoiser", "held out"), self.clips.shown(SHOWN_CLIPS)
        scenes = [self.scenes[number] for number in numbers]
        said = {"true": [captions.whole(scene.things) for scene in scenes], "null": [""] * len(scenes)}
        said |= {kind: [captions.whole(captions.wrong(scene.things, kind, fixed.rng)) for scene in scenes] for kind in captions.ATTRIBUTES}
        found: dict[str, float] = {}
        for step in SHOWN_STEPS:
            seed = int(fixed.rng.integers(2**31))
            errors = {kind: self.mean_error(numbers, step, texts, seed) for kind, texts in said.items()}
            found[f"true_{step}"] = errors.pop("true")
            found |= {f"{kind}_{step}": 100 * (error / found[f"true_{step}"] - 1) for kind, error in errors.items()}
        return found

    def mean_error(self, numbers: NDArray[np.int64], step: int, said: Sequence[str], seed: int) -> float:
        generator, total = torch.Generator().manual_seed(seed), 0.0
        for first in range(0, len(numbers), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            latents_BTCHW = torch.from_numpy(self.latents_NTCHW[numbers[part]])
            noise_BTCHW = torch.randn(latents_BTCHW.shape, generator=generator)
            steps_B = torch.full((len(latents_BTCHW),), step)
            total += float(self.errors(latents_BTCHW, noise_BTCHW, steps_B, said[part]).sum())
        return total / len(numbers)

    def weights(self) -> Mapping[str, Tensor]:
        parts = {"unet": self.module.unet, "text": self.module.text}
        return {f"{part}.{name}": tensor for part, network in parts.items() for name, tensor in network.state_dict().items()}


def run(given: Given, report: Report) -> None:
    train(Denoising(given), given.recipe.denoiser, given.place("denoiser"), report)
