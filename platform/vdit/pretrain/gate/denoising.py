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


def rows(by_seed: Sequence[Mapping[str, Array]], untrained: Sequence[Mapping[str, Array]]) -> list[Row]:
    """Of the errors under each seed, of the backbone and of random weights."""
    bound = f"at least +{BOUND:.0f} % at each t, and the mean's interval too"
    found, controls = [], []
    for attribute in ATTRIBUTES:
        of_all, alone_K = overall(by_seed, attribute), at_each(by_seed, attribute)
        passed, says = min(*alone_K, of_all.low) >= BOUND, f"error under a caption with every {attribute} wrong, above the true one's"
        found.append(verdict("a", says, "%", of_all, clips_of(by_seed), bound=bound, passed=passed, note=listed(alone_K)))
        controls.append(verdict("a", f"{says}, random weights", "%", overall(untrained, attribute), clips_of(untrained)))
    says, note = "error without a caption, above the true one's", listed(at_each(by_seed, NOTHING))
    return [*found, verdict("a", says, "%", overall(by_seed, NOTHING), clips_of(by_seed), note=note), *controls]


def overall(by_seed: Sequence[Mapping[str, Array]], kind: str) -> Interval:
    """By how many per cent the error under a kind of caption is above the true one's, the mean over timesteps."""
    return bootstrap(partial(excess, stacked(by_seed, kind), stacked(by_seed, TRUE)), len(by_seed), clips_of(by_seed))


def at_each(by_seed: Sequence[Mapping[str, Array]], kind: str) -> list[float]:
    """The same at each timestep alone."""
    everything = np.ones((1, len(by_seed))), np.ones((1, clips_of(by_seed)))
    pairs = zip(stacked(by_seed, kind), stacked(by_seed, TRUE), strict=True)
    return [float(excess(given_SB[None], true_SB[None], *everything)[0]) for given_SB, true_SB in pairs]


def listed(alone_K: Sequence[float]) -> str:
    return ", ".join(f"t={timestep}: {value:+.1f} %" for timestep, value in zip(TIMESTEPS, alone_K, strict=True))


def stacked(by_seed: Sequence[Mapping[str, Array]], kind: str) -> Array:
    """[K, S, B]"""
    return np.stack([errors[kind] for errors in by_seed], axis=1)


def excess(given_KSB: Array, true_KSB: Array, seeds_RS: Array, clips_RB: Array) -> Array:
    """[R] By how many per cent the error of seeds and clips that count so often is above the true caption's, the mean over timesteps."""
    above, below = (((seeds_RS @ part_KSB) * clips_RB).sum(axis=-1) for part_KSB in (given_KSB, true_KSB))
    found: Array = 100 * (above / below - 1).mean(axis=0)
    return found


def clips_of(by_seed: Sequence[Mapping[str, Array]]) -> int:
    return len(by_seed[0][TRUE].T)
