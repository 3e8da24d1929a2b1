"""The segmentation head: from visual features F_v and words to boxes, visibility and masks (Section 4.2, Figure 2; spec section 3).

K decoder layers, B clips, T frames, N = B x T frames of all clips, Q queries, C channels, O mask channels, H W size at stride 8.
"""

from typing import Literal, NamedTuple

import torch
from einops import rearrange, repeat
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.config.train import MatchWeights
from vdit.model.batch import Batch, LayerOutput, Levels, Prediction, Words
from vdit.model.decoder import Decoded, Decoder
from vdit.model.deformable import DeformableAttention, Memory
from vdit.model.fusion import Encoder, Neck, finest_maps, nearest
from vdit.model.heads import class_heads, controller
from vdit.model.masks import PATCH, dynamic_masks, mask_features, unfold
from vdit.model.matching import match as matched
from vdit.model.precision import single
from vdit.model.queries import TextInstanceMatching, TextProjection
from vdit.model.refinement import Refinement
from vdit.model.sgmg import SentenceQueries, SpectrumGuidedFusion

Keep = Literal["best", "all"]


class Scene(NamedTuple):
    """Where queries look: all pixels of a frame after the encoder, and the features their masks are drawn on."""

    memory: Memory
    features_NCHW: Tensor


class Wordless(NamedTuple):
    """Maps of strides 8 to 64 at the width of the head, before words reach them, and where they are padding."""

    maps_NCHW: tuple[Tensor, ...]
    padding_NHW: tuple[Tensor, ...]


class Looked(NamedTuple):
    """All that a head makes of the visual features before it hears the words: the expressions of a video share it.

    In VD-IT's head words meet queries alone, so the scene is complete; in SgMg's they reach the maps too (spec D9).
    """

    levels: Levels
    scene: Scene | Wordless


class SegmentationHead(nn.Module):
    """`channels` are the pyramid's at strides 4, 8, 16 and 32; `words` is the width of RoBERTa's states."""

    def __init__(self, config: Head, channels: tuple[int, int, int, int], words: int) -> None:
        super().__init__()
        if config.mask_channels != PATCH**2:
            raise ValueError(f"head.mask_channels is {config.mask_channels}; a patch of {PATCH}x{PATCH} pixels needs {PATCH**2}")
        fine, coarse, *_ = channels
        self.config = config
        self.text = TextProjection(words, config.width, config.dropout)
        self.queries = TextInstanceMatching(config) if config.kind == "vdit" else SentenceQueries(config, words)
        self.neck = Neck(config.width, channels[1:])
        self.fusion = SpectrumGuidedFusion(config) if config.kind == "sgmg" else None
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        self.classes = class_heads(config.width, config.decoder_layers)
        self.controller = controller(config.width, config.mask_channels)
        self.refinement = Refinement(fine, coarse)
        self._reset_transformer()

    def _reset_transformer(self) -> None:
        """Xavier matrices everywhere in the transformer, then the deformable attentions' own start (spec 3.5)."""
        for part in (self.encoder.layers, self.decoder.layers, self.decoder.start):
            for parameter in part.parameters():
                if parameter.dim() > 1:
                    nn.init.xavier_uniform_(parameter)
        nn.init.zeros_(self.decoder.start.bias)
        for module in self.modules():
            if isinstance(module, DeformableAttention):
                module.reset()

    def forward(self, levels: Levels, words: Words, batch: Batch, match: MatchWeights) -> tuple[LayerOutput, ...]:
        """One output a decoder layer, the last one last; only the matched query's mask is refined to full resolution."""
        if batch.targets is None:
            raise ValueError("a training step needs batch.targets, got None; call predict for inference")
        decoded, features_NCHW = self._decode(self.look(levels, batch), words, batch)
        patches = dynamic_masks(features_NCHW, self.controller(decoded.states_KNQC), centres(decoded.boxes_KNQ4, batch))
        patches = rearrange(patches, "k (b t) q o h w -> k b t q o h w", b=batch.clips)
        states = zip(self.classes, decoded.states_KNQC, strict=True)
        logits = rearrange(torch.stack([_logits(head, state) for head, state in states]), "k (b t) q -> k b t q", b=batch.clips)
        boxes = rearrange(decoded.boxes_KNQ4, "k (b t) q x -> k b t q x", b=batch.clips)
        low = unfold(patches)
        chosen_KB = matched(logits, boxes, low, batch.targets, match)
        masks = self._refine(_of_chosen(patches, chosen_KB), levels)
        return tuple(LayerOutput(*layer) for layer in zip(logits, boxes, low, chosen_KB, masks, strict=True))

    def predict(self, looked: Looked, words: Words, batch: Batch, keep: Keep) -> Prediction:
        """The last decoder layer. "best" keeps, for each clip, the query with the highest mean visibility, and draws only its mask."""
        decoded, features_NCHW = self._decode(looked, words, batch)
        split = "(b t) q ... -> b t q ..."
        logits = rearrange(_logits(self.classes[-1], decoded.states_KNQC[-1]), split, b=batch.clips)
        states = rearrange(decoded.states_KNQC[-1], split, b=batch.clips)
        boxes = rearrange(decoded.boxes_KNQ4[-1], split, b=batch.clips)
        if keep == "best":
            best_B = surest(logits)
            logits, states, boxes = (_of_chosen(x[None], best_B[None])[0].unsqueeze(2) for x in (logits, states, boxes))
        join = "b t q c -> 1 (b t) q c"
        points_1NQ2 = centres(rearrange(boxes, join), batch)
        patches = dynamic_masks(features_NCHW, self.controller(rearrange(states, join)), points_1NQ2)
        masks_QBTHW = self._refine(rearrange(patches, "1 (b t) q o h w -> q b t o h w", b=batch.clips), looked.levels)
        return Prediction(rearrange(masks_QBTHW, "q b t h w -> b t q h w"), logits, boxes)

    def look(self, levels: Levels, batch: Batch) -> Looked:
        """What does not depend on the words. Raises ValueError for frames that are too small for SgMg's filters."""
        self.config.check_frame(*batch.padding_BTHW.shape[-2:])
        maps_NCHW = tuple(self.neck(levels.maps_BTCHW[1:]))
        coarsest = nearest(rearrange(batch.padding_BTHW, "b t h w -> (b t) h w"), (maps_NCHW[-1].shape[-2], maps_NCHW[-1].shape[-1]))
        padding_NHW = (*levels.padding_BTHW[1:], coarsest)
        if self.fusion is None:
            return Looked(levels, self._scene(maps_NCHW, padding_NHW))
        return Looked(levels, Wordless(self.fusion.look(maps_NCHW), padding_NHW))

    def _scene(self, maps_NCHW: tuple[Tensor, ...], padding_NHW: tuple[Tensor, ...]) -> Scene:
        memory: Memory = self.encoder(maps_NCHW, padding_NHW)
        return Scene(memory, mask_features(finest_maps(memory, 3)))

    def _decode(self, looked: Looked, words: Words, batch: Batch) -> tuple[Decoded, Tensor]:
        """What the queries found, and the features their masks are drawn on; frames meet only in the queries (spec 3.5)."""
        queries_BQC, scene = self._meet(looked.scene, words)
        return self.decoder(repeat(queries_BQC, "b q c -> (b t) q c", t=batch.length), scene.memory), scene.features_NCHW

    def _meet(self, scene: Scene | Wordless, words: Words) -> tuple[Tensor, Scene]:
        """Queries, and in SgMg's head pixels, that know the words."""
        words_BLC = self.text(words.states_BLC)
        if isinstance(scene, Scene):
            return self.queries(words_BLC, words.padding_BL), scene
        assert self.fusion is not None
        fused_NCHW = self.fusion(scene.maps_NCHW, words_BLC, words.padding_BL)
        return self.queries(words.states_BLC), self._scene(fused_NCHW, scene.padding_NHW)

    def _refine(self, patches_KBTOHW: Tensor, levels: Levels) -> Tensor:
        """[K, B, T, 8 H, 8 W]: all masks of all layers or queries at once."""
        clips = patches_KBTOHW.shape[1]
        flat = rearrange(patches_KBTOHW, "k b t o h w -> k (b t) o h w")
        fine, coarse, *_ = levels.maps_BTCHW
        return rearrange(single(unfold(self.refinement(flat, fine, coarse))), "k (b t) h w -> k b t h w", b=clips)


def surest(logits_BTQ: Tensor) -> Tensor:
    """[B] int64: the query with the highest visibility."""
    return visibility(logits_BTQ).argmax(dim=1)


def visibility(logits_BTQ: Tensor) -> Tensor:
    """[B, Q]: a probability, on average over the frames of a clip."""
    return logits_BTQ.sigmoid().mean(dim=1)


def _logits(head: nn.Module, states_NQC: Tensor) -> Tensor:
    return single(head(states_NQC)).squeeze(-1)


def centres(boxes_KNQ4: Tensor, batch: Batch) -> Tensor:
    """Box centres in pixels of the unpadded frame; masks give boxes no gradient."""
    widths_B2 = batch.sizes_B2.flip(-1).to(boxes_KNQ4)
    return boxes_KNQ4[..., :2].detach() * repeat(widths_B2, "b x -> (b t) 1 x", t=batch.length)


def _of_chosen(values_KBTQX: Tensor, chosen_KB: Tensor) -> Tensor:
    """[K, B, T, ...]: the values of each layer's and clip's chosen query."""
    layers, clips = (torch.arange(n, device=chosen_KB.device) for n in chosen_KB.shape)
    return values_KBTQX[layers[:, None], clips, :, chosen_KB]
