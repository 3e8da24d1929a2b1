"""Video Swin pretrained discriminatively, as the paper's comparison has it: which colours, shapes and motions a clip shows.

On the same clips as the text-to-video model. The classifier is thrown away. B clips, T frames, H W pixels, A attributes.
"""

from collections.abc import Mapping

import numpy as np
import torch
from einops import rearrange
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from vdit.benchmarks.world.captions import VALUES
from vdit.benchmarks.world.scene import Scene
from vdit.config.architecture import Swin
from vdit.model.collate import MEAN, STD, channels
from vdit.model.swin import VideoSwinFeatures
from vdit.pretrain import clips
from vdit.pretrain.given import Given
from vdit.pretrain.training import CPU, Draws, Report, train
from vdit.train.seeds import derive, drawing

SHOWN_CLIPS = 128
AT_ONCE = 16


class Classifier(nn.Module):
    """Video Swin, the mean over its last stage, one linear layer."""

    def __init__(self, sizes: Swin) -> None:
        super().__init__()
        self.swin = VideoSwinFeatures(sizes)
        width = self.swin.widths[-1]
        self.norm = nn.LayerNorm(width)
        self.attributes = nn.Linear(width, sum(len(names) for names in VALUES.values()))

    def forward(self, shares_BT3HW: Tensor) -> Tensor:
        """[B, A]"""
        pixels = (shares_BT3HW - channels(MEAN, shares_BT3HW)) / channels(STD, shares_BT3HW)
        last_BTHWC = self.swin.features(self.swin.patch_embed(pixels.transpose(1, 2)))
        return torch.as_tensor(self.attributes(self.norm(last_BTHWC).mean(dim=(1, 2, 3))))


class Classification:
    """The task (training.Task)."""

    def __init__(self, given: Given) -> None:
        self.batch = given.recipe.swin.batch
        self.clips = clips.read(given.recipe, given.folders["clips"])
        self.present_NA = np.stack([present(scene) for scene in clips.scenes(given.recipe, range(given.recipe.clips))])
        with drawing(derive(given.recipe.seed, "swin", "weights"), CPU):
            self.module = Classifier(given.architecture.swin)

    def seen(self, numbers: NDArray[np.int64]) -> Tensor:
        frames_BTHW3 = self.clips.frames_NTHW3[numbers]
        shares_N3HW = clips.shares(rearrange(frames_BTHW3, "b t h w c -> (b t) h w c"))
        return rearrange(shares_N3HW, "(b t) c h w -> b t c h w", b=len(numbers))

    def loss(self, draws: Draws) -> Tensor:
        numbers = self.clips.pick(self.batch, draws.rng)
        return functional.binary_cross_entropy_with_logits(self.module(self.seen(numbers)), torch.from_numpy(self.present_NA[numbers]))

    def held_out(self) -> Mapping[str, float]:
        """Loss, and the share of right answers by kind of attribute."""
        numbers = self.clips.shown(SHOWN_CLIPS)
        parts = np.split(numbers, range(AT_ONCE, len(numbers), AT_ONCE))
        scores_BA = torch.cat([self.module(self.seen(part)) for part in parts])
        present_BA = torch.from_numpy(self.present_NA[numbers])
        right_BA = ((scores_BA > 0) == (present_BA > 0)).float()
        kinds = zip(VALUES, torch.split(right_BA, [len(names) for names in VALUES.values()], dim=1), strict=True)
        loss = functional.binary_cross_entropy_with_logits(scores_BA, present_BA)
        return {"loss": float(loss), **{kind: float(answers.mean()) for kind, answers in kinds}}

    def weights(self) -> Mapping[str, Tensor]:
        return dict(self.module.swin.named_parameters())


def present(scene: Scene) -> NDArray[np.float32]:
    """[A]: 1 for what some object of the scene has."""
    had = {kind: {getattr(thing, kind) for thing in scene.things} for kind in VALUES}
    return np.array([name in had[kind] for kind, names in VALUES.items() for name in names], np.float32)


def run(given: Given, report: Report) -> None:
    train(Classification(given), given.recipe.swin, given.place("swin"), report)
