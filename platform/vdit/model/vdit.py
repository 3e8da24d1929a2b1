"""VD-IT, the whole of Figure 2: frozen diffusion features under learned prompt and noise, words, and the head that segments (Section 4)."""

from typing import Self

import torch
from torch import nn

from vdit.config import model as config
from vdit.config.train import MatchWeights
from vdit.model.batch import Batch, LayerOutput, Levels, Prediction
from vdit.model.features import Encoded, Seen, VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion
from vdit.model.head import Keep, SegmentationHead
from vdit.model.words import words


class VDIT(nn.Module):
    """Parameters and state are the trained ones only; `frozen` is read and stays as it is.

    `seed` draws all initial weights and leaves the global generator where it was.
    """

    def __init__(self, model: config.Model, frozen: FrozenDiffusion, seed: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.mode = model.backbone.mode
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.features = VideoDiffusionFeatures(model, frozen)
            self.head = SegmentationHead(model.head, self.features.widths, model.architecture.roberta.hidden_size)
        self.to(frozen.device)

    def train(self, mode: bool = True) -> Self:
        """The frozen networks stay in eval mode, unless the configuration wants their dropout in training, as the released code has it."""
        for network in self.frozen.networks().values():
            network.train(mode and self.mode == "released")
        return super().train(mode)

    def forward(self, batch: Batch, match: MatchWeights, encoded: Encoded | None = None) -> tuple[LayerOutput, ...]:
        """Training: one output a decoder layer, the last one last, each with the query that matches the targets best.

        `encoded` is what `features.encode` gave, or a store kept, for the same frames.
        """
        outputs: tuple[LayerOutput, ...] = self.head(self.features(batch, encoded), words(self.frozen, batch.captions), batch, match)
        return outputs

    def predict(self, batch: Batch, keep: Keep, seen: Seen | Levels | None = None) -> Prediction:
        """Inference: the query of the best mean score over the clip, or all of them.

        `seen` is what `see` gave for the same frames, so that the expressions of a video share it.
        """
        return self.head.predict(self.levels(batch, seen), words(self.frozen, batch.captions), batch, keep)

    def see(self, batch: Batch) -> Seen | Levels:
        """What does not depend on the expression: encoded frames and noise, the U-Net up to its first look at the prompt."""
        return self.features.see(batch)

    def levels(self, batch: Batch, seen: Seen | Levels | None = None) -> Levels:
        """Visual features F_v of a batch."""
        return self.features.levels(self.see(batch) if seen is None else seen, batch)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Everything an optimiser moves and a checkpoint holds, by name."""
        return dict(self.named_parameters())
