"""Row (c): whether the words of an expression, through the backbone, mark the thing they mean: a probe with them against one without.

The probe never sees the words: what it finds of the meant thing is in the features, or by chance.
"""

# B clips, M cells of a clip (T x h x w), C channels

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vdit.benchmarks.world import sentences
from vdit.model.diffusion import noised
from vdit.pretrain.gate.backbone import Backbone, chunks
from vdit.pretrain.gate.clips import Clip, gaussian
from vdit.pretrain.gate.overlap import Overlap
from vdit.pretrain.gate.table import Row, verdict

WITH, WITHOUT = "the expression as prompt", "no words"
RANDOM_WITH, RANDOM_WITHOUT = f"{WITH}, random weights", f"{WITHOUT}, random weights"
LATENTS = f"raw latents 3x3, {WITHOUT}"


@dataclass(frozen=True)
class Asked:
    """One expression for each clip, the cells of the thing it means, and those of the other thing."""

    said: tuple[str, ...]
    meant_BM: Tensor
    other_BM: Tensor


def nameable(clip: Clip) -> bool:
    """Whether each thing can be named such that it is not the other."""
    return all(sentences.candidates(clip.scene, thing) for thing in range(len(clip.scene.things)))


def ask(clips: Sequence[Clip], *key: int) -> Asked:
    """Of either thing of each clip, as `key` draws."""
    rng = np.random.default_rng(key)
    meant_B = rng.integers(2, size=len(clips)).tolist()
    said = tuple(sentences.choose(clip.scene, meant, 1, rng)[0] for clip, meant in zip(clips, meant_B, strict=True))
    return Asked(said, mine(clips, meant_B), mine(clips, [1 - meant for meant in meant_B]))


def mine(clips: Sequence[Clip], things_B: Sequence[int]) -> Tensor:
    """[B, M] bool: the cells of one thing of each clip."""
    return torch.stack([torch.from_numpy(clip.cells_Thw == thing + 1).flatten() for clip, thing in zip(clips, things_B, strict=True)])


def read(backbone: Backbone, latents_BTChw: Tensor, said: Sequence[str], *key: int) -> Tensor:
    """[B, M, C] in half precision: the features of noised clips under a caption each; `key` draws the noise."""
    noise_BTChw = gaussian(tuple(latents_BTChw.shape), *key)
    noisy_BTChw = noised(latents_BTChw, noise_BTChw, backbone.alphas_cumprod, backbone.model.diffusion)
    parts = chunks(len(latents_BTChw))
    return torch.cat([backbone.features(noisy_BTChw[part], said[part]).flatten(1, 3).half() for part in parts])


def rows(found: Mapping[str, Overlap], same_colour_B: NDArray[np.bool_]) -> list[Row]:
    bound, listed = "the interval above 0", []
    for name, chosen_B in (("", np.ones_like(same_colour_B)), (", pairs of one colour", same_colour_B)):
        with_words, without = (found[kind].where(chosen_B) for kind in (WITH, WITHOUT))
        gain, says = with_words.minus(without), f"IoU of the meant thing with its expression, minus that without words{name}"
        note = with_words.by_seed(without)
        listed.append(verdict("c", says, "IoU", gain, with_words.clips, bound=bound, passed=gain.low > 0, note=note))
        for kind, one in ((WITH, with_words), (WITHOUT, without)):
            listed.append(verdict("c", f"IoU of the meant thing, {kind}{name}", "IoU", one.iou(), one.clips))
            listed.append(verdict("c", f"meant thing above the other, {kind}{name} (chance: 50 %)", "share", one.picks(), one.clips))
    return listed + controls(found)


def controls(found: Mapping[str, Overlap]) -> list[Row]:
    """What weights that nobody trained make of the words, and what is found without any network. Nothing is asked of them."""
    random, says = found[RANDOM_WITH], "IoU of the meant thing with its expression, minus that without words, random weights"
    listed = [verdict("c", says, "IoU", random.minus(found[RANDOM_WITHOUT]), random.clips)]
    for name in (RANDOM_WITH, LATENTS):
        listed.append(verdict("c", f"IoU of the meant thing, {name}", "IoU", found[name].iou(), found[name].clips))
    return listed
