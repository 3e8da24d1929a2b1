"""Queries that know the sentence: words projected to the head's width, and text-instance matching (Section 4.2; spec 3.1, 3.3).

B clips, L words, Q queries, S tokens (queries or pixels), C channels.
"""

import torch
from einops import repeat
from torch import Tensor, nn

from vdit.config.model import Head
from vdit.model.positions import word_positions


class TextProjection(nn.Module):
    """RoBERTa's states at the width of the head."""

    def __init__(self, words: int, width: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(words, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states_BLC: Tensor) -> Tensor:
        words_BLC: Tensor = self.dropout(self.norm(self.linear(states_BLC)))
        return words_BLC


class TextInstanceMatching(nn.Module):
    """Learned queries multiplied, element by element, with what they attend to in the sentence (spec D4)."""

    def __init__(self, config: Head) -> None:
        super().__init__()
        self.queries_QC = nn.Parameter(torch.randn(config.queries, config.width))
        self.attention = nn.MultiheadAttention(config.width, config.heads, dropout=0.0, batch_first=True)

    def forward(self, words_BLC: Tensor, padding_BL: Tensor) -> Tensor:
        """[B, Q, C]; a word that is padding is not attended to."""
        return multiplied(self.attention, repeat(self.queries_QC, "q c -> b q c", b=words_BLC.shape[0]), words_BLC, padding_BL)


def multiplied(attention: nn.MultiheadAttention, tokens_BSC: Tensor, words_BLC: Tensor, padding_BL: Tensor) -> Tensor:
    """[B, S, C]: tokens times, element by element, what they attend to in the sentence; there is no residual."""
    keys_BLC = words_BLC + word_positions(padding_BL, words_BLC.shape[-1]).to(words_BLC.dtype)
    attended_BSC, _ = attention(tokens_BSC, keys_BLC, words_BLC, key_padding_mask=padding_BL, need_weights=False)
    product_BSC: Tensor = tokens_BSC * attended_BSC
    return product_BSC
