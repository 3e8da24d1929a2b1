"""VD-IT, the whole of Figure 2: frozen diffusion features under learned prompt and noise, words, and the head that segments (Section 4).

With Video Swin as the backbone and SgMg's head it is the baseline, SgMg (spec section 9).
"""

from typing import Self

import torch
from torch import Tensor, nn

from vdit.config import model as config
from vdit.config.train import MatchWeights
from vdit.model import annotated
from vdit.model.batch import Batch, LayerOutput, Levels, Prediction
from vdit.model.encode import Encoded
from vdit.model.features import Seen, VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion, SwinStart
from vdit.model.head import Keep, Looked, SegmentationHead
from vdit.model.sgmg import SentenceQueries
from vdit.model.swin import VideoSwinFeatures
from vdit.model.words import words


class VDIT(nn.Module):
    """Parameters are the trained ones only; `frozen` is read and stays as it is.

    `seed` draws all initial weights that no folder of weights has, and leaves the global generator where it was.
    """

    def __init__(self, model: config.Model, frozen: FrozenDiffusion | SwinStart, seed: int) -> None:
        super().__init__()
        self.frozen = frozen
        self.mode = model.backbone.mode
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.features = features(model, frozen)
            self.head = SegmentationHead(model.head, self.features.widths, model.architecture.roberta.hidden_size)
        if isinstance(self.head.queries, SentenceQueries):
            # Not from `seed`: all replicates of an arm are to have the same frozen weights.
            self.head.queries.pooler.start(frozen.roberta.pooler, model.backbone.seed)
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
        levels = self.features(batch) if encoded is None else self.features(batch, encoded)
        levels, clips = annotated.levels_of(levels, batch), annotated.clips_of(batch)
        outputs: tuple[LayerOutput, ...] = self.head(levels, words(self.frozen, batch.captions), clips, match)
        return outputs

    def predict(self, batch: Batch, keep: Keep, seen: Seen | Looked | None = None) -> Prediction:
        """Inference: the query of the best mean score over the clip, or all of them; T is 1 where one frame of a clip is annotated.

        `seen` is what `see` gave for the same frames, so that the expressions of a video share it.
        """
        known = self.see(batch) if seen is None else seen
        looked = known if isinstance(known, Looked) else self.look(self.features.levels(known, batch), batch)
        return self.head.predict(looked, words(self.frozen, batch.captions), annotated.clips_of(batch), keep)

    def see(self, batch: Batch) -> Seen | Looked:
        """What does not depend on the expression: of the U-Net what comes before its first look at the prompt.

        Features that no word reaches are seen whole, and the head looks at them too.
        """
        seen = self.features.see(batch)
        return self.look(seen, batch) if isinstance(seen, Levels) else seen

    def look(self, levels: Levels, batch: Batch) -> Looked:
        """What the head makes of the annotated frames before it hears the words."""
        return self.head.look(annotated.levels_of(levels, batch), annotated.clips_of(batch))

    def levels(self, batch: Batch) -> Levels:
        """Visual features F_v of a batch."""
        return self.features.levels(self.features.see(batch), batch)

    def trainable(self) -> dict[str, nn.Parameter]:
        """Everything an optimiser moves and a checkpoint holds, by name."""
        return dict(self.named_parameters())

    def kept(self) -> dict[str, Tensor]:
        """What no optimiser moves and a checkpoint must hold nevertheless: the pooler of SgMg's sentence, which no folder need have."""
        # Integer buffers are Video Swin's indices, which follow from its sizes.
        return {name: buffer for name, buffer in self.named_buffers() if buffer.is_floating_point()}


def features(model: config.Model, frozen: FrozenDiffusion | SwinStart) -> VideoDiffusionFeatures | VideoSwinFeatures:
    """What reads the video, by the kind of weights given."""
    if not isinstance(frozen, SwinStart):
        return VideoDiffusionFeatures(model, frozen)
    swin = VideoSwinFeatures(model.architecture.swin)
    swin.start(frozen.swin)
    return swin
