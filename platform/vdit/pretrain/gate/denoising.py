"""Row (a): how much worse a backbone denoises under a caption with all colours, all shapes or all motions wrong.

The ratio of errors is the same in the noise, in v and in the clean latents: at one timestep they differ by a factor.
"""

# K timesteps, S seeds, B clips, T frames, C channels, H W latent size

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from torch import Tensor

from vdit.benchmarks.world import captions
from vdit.benchmarks.world.captions import ATTRIBUTES, wrong
from vdit.benchmarks.world.scene import Thing
from vdit.config.model import Diffusion
from vdit.model.diffusion import noised
from vdit.pretrain.gate.backbone import Denoiser, chunks
from vdit.pretrain.gate.clips import gaussian
from vdit.pretrain.gate.interval import Array, Interval, bootstrap
from vdit.pretrain.gate.table import Row, verdict

TIMESTEPS = (300, 400, 500, 600, 700)
BOUND = 5.0  # per cent
TRUE, NOTHING = "true", "no caption"


def readings(things: Sequence[Thing], rng: np.random.Generator) -> dict[str, str]:
    """A caption of the whole scene, one with each attribute wrong throughout, and none."""
    return {
        TRUE: captions.whole(things),
        **{attribute: captions.whole(wrong(things, attribute, rng)) for attribute in ATTRIBUTES},
        NOTHING: "",
    }


def errors(denoiser: Denoiser, latents_BTCHW: Tensor, said: Mapping[str, Sequence[str]], key: tuple[int, ...]) -> dict[str, Array]:
    """[K, B] mean squared error in the noise under each kind of caption; all kinds see the same noise, which `key` draws."""
    found = {kind: np.zeros((len(TIMESTEPS), len(latents_BTCHW))) for kind in said}
    for row, timestep in enumerate(TIMESTEPS):
        noise_BTCHW = gaussian(tuple(latents_BTCHW.shape), *key, timestep)
        noisy_BTCHW = noised(latents_BTCHW, noise_BTCHW, denoiser.alphas_cumprod, Diffusion(timestep=timestep))
        for chunk in chunks(len(latents_BTCHW)):
            seen = denoiser.noise(noisy_BTCHW[chunk], timestep, [texts[chunk] for texts in said.values()])
            for kind, seen_BTCHW in zip(said, seen, strict=True):
                found[kind][row, chunk] = (seen_BTCHW - noise_BTCHW[chunk]).square().mean(dim=(1, 2, 3, 4)).numpy()
    return found


def rows(by_seed: Sequence[Mapping[str, Array]]) -> list[Row]:
    """Of the errors under each seed."""
    bound = f"mean over t = {', '.join(map(str, TIMESTEPS))} at least +{BOUND:.0f} %"
    found = []
    for attribute in ATTRIBUTES:
        of_all, alone_K = overall(by_seed, attribute), at_each(by_seed, attribute)
        reached = sum(value >= BOUND for value in alone_K)
        note = f"{listed(alone_K)}; at least +{BOUND:.0f} % at {reached} of {len(TIMESTEPS)}"
        says = f"error under a caption with every {attribute} wrong, above the true one's"
        found.append(verdict("a", says, "%", of_all, clips_of(by_seed), bound=bound, passed=of_all.figure >= BOUND, note=note))
    says, note = "error without a caption, above the true one's", listed(at_each(by_seed, NOTHING))
    return [*found, verdict("a", says, "%", overall(by_seed, NOTHING), clips_of(by_seed), note=note)]


def overall(by_seed: Sequence[Mapping[str, Array]], kind: str) -> Interval:
    """By how many per cent the error under a kind of caption is above the true one's, the mean over timesteps."""
    return bootstrap(partial(excess, stacked(by_seed, kind), stacked(by_seed, TRUE)), clips_of(by_seed))


def at_each(by_seed: Sequence[Mapping[str, Array]], kind: str) -> list[float]:
    """The same at each timestep alone."""
    everything = np.ones((1, clips_of(by_seed)))
    pairs = zip(stacked(by_seed, kind), stacked(by_seed, TRUE), strict=True)
    return [float(excess(given_B[None], true_B[None], everything)[0]) for given_B, true_B in pairs]


def listed(alone_K: Sequence[float]) -> str:
    return ", ".join(f"t={timestep}: {value:+.1f} %" for timestep, value in zip(TIMESTEPS, alone_K, strict=True))


def stacked(by_seed: Sequence[Mapping[str, Array]], kind: str) -> Array:
    """[K, B], summed over seeds: a clip is drawn with all of them."""
    summed: Array = np.sum([errors[kind] for errors in by_seed], axis=0)
    return summed


def excess(given_KB: Array, true_KB: Array, weights_RB: Array) -> Array:
    """[R] By how many per cent the error of clips of these weights is above the true caption's, the mean over timesteps."""
    found: Array = 100 * ((weights_RB @ given_KB.T) / (weights_RB @ true_KB.T) - 1).mean(axis=1)
    return found


def clips_of(by_seed: Sequence[Mapping[str, Array]]) -> int:
    return len(by_seed[0][TRUE].T)
