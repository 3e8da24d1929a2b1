"""What SgMg's head has that VD-IT's has not: queries made of the sentence, and words that reach the pixels (spec section 9, D9).

B clips, T frames, N = B x T frames of all clips, L words, Q queries, C channels, H W size of a level.
"""

import torch
import torch.nn.functional as F
from einops import rearrange, repeat
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.model.deformable import LEVELS
from vdit.model.queries import TextProjection, multiplied
from vdit.model.spectrum import Gaussians, SpectrumFilter

_SPREAD = 0.02  # of the weights of a layer that transformers draws because a file of RoBERTa lacks it


class Pooler(nn.Module):
    """RoBERTa's summary of a sentence: one layer on the state of its first token. Never trained, so it has buffers and no parameters.

    Current files of RoBERTa have no pooler, and the one that is drawn instead decides what the trained weights mean. So it is a part of the
    model, saved with its checkpoint, and not of the frozen networks, which are read from a folder (spec 9.1).
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(width, width))
        self.register_buffer("bias", torch.zeros(width))

    def start(self, published: nn.Module | None, seed: int) -> None:
        """The pooler that RoBERTa's file has (transformers' module), or else a draw that depends on `seed` alone."""
        if published is not None:
            self.weight.copy_(published.get_parameter("dense.weight").detach())
            self.bias.copy_(published.get_parameter("dense.bias").detach())
            return
        self.weight.copy_(_SPREAD * torch.randn(self.weight.shape, generator=torch.Generator().manual_seed(seed), device="cpu"))
        self.bias.zero_()

    def forward(self, states_BLC: Tensor) -> Tensor:
        return F.linear(states_BLC[:, 0], self.weight, self.bias).tanh()


class SentenceQueries(nn.Module):
    """All queries are the projected sentence; only their positions in the decoder tell them apart."""

    def __init__(self, config: Head, words: int) -> None:
        super().__init__()
        self.count = config.queries
        self.pooler = Pooler(words)
        self.sentence = TextProjection(words, config.width, config.dropout)

    def forward(self, states_BLC: Tensor) -> Tensor:
        """[B, Q, C] from RoBERTa's states."""
        sentence_BC: Tensor = self.sentence(self.pooler(states_BLC))
        return repeat(sentence_BC, "b c -> b q c", q=self.count)


class WordFusion(nn.Module):
    """Every pixel multiplied, element by element, with what it attends to in the sentence."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(config.width, config.heads, dropout=0.0, batch_first=True)

    def forward(self, map_NCHW: Tensor, words_BLC: Tensor, padding_BL: Tensor) -> Tensor:
        """[N, C, H, W]; a word that is padding is not attended to."""
        clips, height = words_BLC.shape[0], map_NCHW.shape[-2]
        pixels_BPC = rearrange(map_NCHW, "(b t) c h w -> b (t h w) c", b=clips)
        fused_BPC = multiplied(self.attention, pixels_BPC, words_BLC, padding_BL)
        return rearrange(fused_BPC, "b (t h w) c -> (b t) c h w", t=map_NCHW.shape[0] // clips, h=height)


class SpectrumGuidedFusion(nn.Module):
    """Filter, words, filter, at every level. The filters are each level's own, the words' attention is shared by all."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.gaussians = Gaussians(config.sigma)
        self.before = nn.ModuleList(SpectrumFilter(config.width) for _ in range(LEVELS))
        self.words = WordFusion(config)
        self.after = nn.ModuleList(SpectrumFilter(config.width) for _ in range(LEVELS))

    def look(self, maps_NCHW: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What is done before the words are known."""
        return self._filtered(self.before, maps_NCHW)

    def forward(self, maps_NCHW: tuple[Tensor, ...], words_BLC: Tensor, padding_BL: Tensor) -> tuple[Tensor, ...]:
        """Goes on from what `look` gave."""
        return self._filtered(self.after, tuple(self.words(map_NCHW, words_BLC, padding_BL) for map_NCHW in maps_NCHW))

    def _filtered(self, filters: nn.ModuleList, maps_NCHW: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        triples = zip(filters, maps_NCHW, self.gaussians(maps_NCHW), strict=True)
        return tuple(filtered(map_NCHW, gaussian_11HW) for filtered, map_NCHW, gaussian_11HW in triples)
