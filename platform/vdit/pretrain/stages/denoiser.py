"""The text-to-video U-Net on the autoencoder's latents, by the diffusion loss and nothing else; the text tower goes on with it.

Latents are posterior means, as they are read later. They are encoded once and stay with the autoencoder, for the next recipe.
B clips, T frames, C latent channels, H W latent size.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor, nn

from vdit.benchmarks.world import captions
from vdit.model.autoencoder import encode
from vdit.model.networks import forward_process, vae_config, video_unet
from vdit.pretrain import captioning, clips
from vdit.pretrain.given import Given
from vdit.pretrain.noising import noised, predict, target
from vdit.pretrain.training import CPU, Draws, Report, draws, train, weights
from vdit.train.folder import sweep
from vdit.train.seeds import derive, drawing

LATENTS = "latents.npy"
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
        self.latents_NTCHW = latents(given, self.clips)
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


def latents(given: Given, seen: clips.Clips) -> NDArray[np.float32]:
    """[N, T, C, H, W], scaled as the U-Net reads them."""
    path = given.folders["autoencoder"] / LATENTS
    if not path.exists():
        vae = AutoencoderKL(**vae_config(given.architecture.vae)).eval()
        vae.load_state_dict(weights(given.folders["autoencoder"]))
        means = (encode(vae, 2 * clips.shares(frames_THW3) - 1).mean_NCHW for frames_THW3 in seen.frames_NTHW3)
        _write(path, (mean_TCHW * given.architecture.vae.scaling_factor for mean_TCHW in means), len(seen.frames_NTHW3))
    found: NDArray[np.float32] = np.load(path, mmap_mode="r")
    return found


def _write(path: Path, clips_TCHW: Iterable[Tensor], count: int) -> None:
    """Whole or not at all."""
    sweep(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    array: np.memmap[Any, Any] | None = None
    for number, clip_TCHW in enumerate(clips_TCHW):
        if array is None:
            array = open_memmap(draft, mode="w+", dtype=np.float32, shape=(count, *clip_TCHW.shape))
        array[number] = clip_TCHW.numpy()
    assert array is not None
    array.flush()
    draft.replace(path)


def run(given: Given, report: Report) -> None:
    train(Denoising(given), given.recipe.denoiser, given.place("denoiser"), report)
