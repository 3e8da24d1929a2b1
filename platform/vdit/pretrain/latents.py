"""The latents of all clips: posterior means, as they are read later. Encoded once, they stay with the autoencoder, for the next recipe.

This file is part of every stage's key, the autoencoder's too: where it changes, latents that it made are not read.
N clips, T frames, C latent channels, H W latent size.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from diffusers import AutoencoderKL
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch import Tensor

from vdit.appearing import appearing
from vdit.model.autoencoder import encode
from vdit.model.networks import vae_config
from vdit.pretrain import clips
from vdit.pretrain.given import Given
from vdit.pretrain.training import weights
from vdit.train.folder import sweep

LATENTS = "latents.npy"


def read(given: Given, seen: clips.Clips) -> NDArray[np.float32]:
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
    array: np.memmap[Any, Any] | None = None
    with appearing(path) as draft:
        for number, clip_TCHW in enumerate(clips_TCHW):
            if array is None:
                array = open_memmap(draft, mode="w+", dtype=np.float32, shape=(count, *clip_TCHW.shape))
            array[number] = clip_TCHW.numpy()
        assert array is not None
        array.flush()
