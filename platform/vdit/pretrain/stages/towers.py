"""CLIP on the miniature world: text tower and image tower, trained to find a frame's caption and a caption's frame (symmetric InfoNCE).

Of motion a frame shows wakes alone; the denoiser, which sees clips, goes on training the text tower. B frames, each with a caption of its
clip.
"""

from collections.abc import Mapping

import torch
from open_clip import CLIP
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from torch import Tensor, nn
from torch.nn import functional

from vdit.benchmarks.world import captions
from vdit.model import tokens
from vdit.model.collate import channels
from vdit.model.networks import clip_config
from vdit.pretrain import captioning, clips
from vdit.pretrain.given import Given
from vdit.pretrain.training import CPU, Draws, Report, train
from vdit.train.seeds import derive, drawing

SHOWN_CLIPS = 256
LARGEST_SCALE = 100.0  # of a cosine, as CLIP bounds it


class Contrast(nn.Module):
    """Both towers, the text's projection into the joint space, which is thrown away, and the temperature."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        text, image = given.architecture.text, given.architecture.image
        self.words = captioning.tokenizer(text)
        self.text = captioning.tower(text, self.words)
        clip = CLIP(**clip_config(image))
        self.visual, self.scale = clip.visual, clip.logit_scale
        self.projection = nn.Linear(text.hidden_size, image.embed_dim, bias=False)
        self.size = image.image_size

    def forward(self, shares_B3HW: Tensor, sentences: list[str]) -> Tensor:
        """[B, B]: how well each frame (row) fits each caption (column)."""
        cropped = tokens.resize_and_crop(tokens.grey_levels(shares_B3HW), self.size) / 255
        pixels = (cropped - channels(OPENAI_DATASET_MEAN, cropped)) / channels(OPENAI_DATASET_STD, cropped)
        seen = functional.normalize(self.visual(pixels), dim=-1)
        said = functional.normalize(self.projection(self.text(captioning.ids(self.words, sentences)).pooler_output), dim=-1)
        return torch.as_tensor(self.scale.exp().clamp(max=LARGEST_SCALE) * seen @ said.T)


class Matching:
    """The task (training.Task)."""

    def __init__(self, given: Given) -> None:
        self.batch = given.recipe.towers.batch
        self.clips = clips.read(given.recipe, given.folders["clips"])
        self.scenes = clips.scenes(given.recipe, range(given.recipe.clips))
        with drawing(derive(given.recipe.seed, "towers", "weights"), CPU):
            self.module = Contrast(given)

    def loss(self, draws: Draws) -> Tensor:
        numbers, frames = self.clips.pick(self.batch, draws.rng), draws.rng.integers(self.clips.length, size=self.batch)
        sentences = [captions.choose(self.scenes[number], draws.rng) for number in numbers]
        return both_ways(self.module(clips.shares(self.clips.frames_NTHW3[numbers, frames]), sentences))

    def held_out(self) -> Mapping[str, float]:
        """Loss, and how often the right caption of all is the nearest to the middle frame; captions of whole scenes."""
        numbers = self.clips.shown(SHOWN_CLIPS)
        frames_BHW3 = self.clips.frames_NTHW3[numbers, self.clips.length // 2]
        fit_BB = self.module(clips.shares(frames_BHW3), [captions.whole(self.scenes[number].things) for number in numbers])
        right = fit_BB.argmax(dim=1) == torch.arange(len(numbers))
        return {"loss": float(both_ways(fit_BB)), "captions_found": float(right.float().mean())}

    def weights(self) -> Mapping[str, Tensor]:
        parts = {"text": self.module.text, "visual": self.module.visual}
        return {f"{part}.{name}": tensor for part, network in parts.items() for name, tensor in network.state_dict().items()}


def both_ways(fit_BB: Tensor) -> Tensor:
    """Cross entropy of the right caption among all and of the right frame among all, their mean."""
    right_B = torch.arange(len(fit_BB))
    return (functional.cross_entropy(fit_BB, right_B) + functional.cross_entropy(fit_BB.T, right_B)) / 2


def run(given: Given, report: Report) -> None:
    train(Matching(given), given.recipe.towers, given.place("towers"), report)
