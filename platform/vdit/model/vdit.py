"""VD-IT, the whole of Figure 2: frozen diffusion features under learned prompt and noise, words, and the head that segments (Section 4)."""

import torch
from torch import nn

from vdit.config import model as config
from vdit.config.train import MatchWeights
from vdit.model.batch import Batch, LayerOutput, Levels, Prediction
from vdit.model.features import Encoded, VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion
from vdit.model.head import Keep, SegmentationHead
from vdit.model.words import words


class VDIT(nn.Module):
    """Parameters and state are the trained ones only; `frozen` is read and stays as it is, in eval mode.

    `seed` draws all initial weights and leaves the global generator where it was.
    """

    def __init__(self, model: config.Model, frozen: FrozenDiffusion, seed: int) -> None:
        super().__init__()
        self.frozen = frozen
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.features = VideoDiffusionFeatures(model, frozen)
            width = model.pyramid.width
            self.head = SegmentationHead(model.head, (width, 2 * width, 4 * width, 8 * width), model.architecture.roberta.hidden_size)
        self.to(frozen.device)

    def forward(self, batch: Batch, match: MatchWeights) -> tuple[LayerOutput, ...]:
        """Training: one output a decoder layer, the last one last, each with the query that matches the targets best."""
        outputs: tuple[LayerOutput, ...] = self.head(self.levels(batch), words(self.frozen, batch.captions), batch, match)
        return outputs

    def predict(self, batch: Batch, keep: Keep, encoded: Encoded | None = None) -> Prediction:
        """Inference: the query of the best mean score over the clip, or all of them.

        `encoded` is what `encode` gave for the same frames, so that the expressions of a video share it; None encodes them here.
        """
        return self.head.predict(self.levels(batch, encoded), words(self.frozen, batch.captions), batch, keep)

    def encode(self, batch: Batch) -> Encoded:
        """What does not depend on the expression: latents, 4x map and image tokens."""
        return self.features.encode(batch.frames_BT3HW)

    def levels(self, batch: Batch, encoded: Encoded | None = None) -> Levels:
        """Visual features F_v of a batch."""
        seen = self.encode(batch) if encoded is None else encoded
        return self.features.forward_encoded(seen, batch.captions, batch.noise_seeds, batch.padding_BTHW)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Everything an optimiser moves and a checkpoint holds, by name."""
        return dict(self.named_parameters())
