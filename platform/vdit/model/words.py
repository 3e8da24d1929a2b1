"""Frozen words: RoBERTa's states for the queries and CLIP's for the prompt (spec 3.1 and 1.2)."""

# B clips, L words with padding, C channels

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vdit.model.batch import Words

if TYPE_CHECKING:
    from vdit.model.frozen import Frozen, FrozenDiffusion


def token_ids(frozen: "FrozenDiffusion", captions: tuple[str, ...]) -> Tensor:
    """[B, 77] CLIP tokens, cut and padded to all of the text tower's positions."""
    positions = frozen.text_encoder.config.max_position_embeddings
    tokens = frozen.tokenizer(list(captions), truncation=True, padding="max_length", max_length=positions, return_tensors="pt")
    return torch.as_tensor(tokens.input_ids).to(frozen.device)


@torch.no_grad()
def text_embedding(frozen: "FrozenDiffusion", ids_BL: Tensor) -> Tensor:
    """p_e [B, 77, C]: behind the final norm, at every position, those of padding included (they prompt the U-Net too)."""
    return torch.as_tensor(frozen.text_encoder(ids_BL).last_hidden_state)


@torch.no_grad()
def words(frozen: "Frozen", captions: tuple[str, ...]) -> Words:
    """RoBERTa's last hidden states of `captions` as given (its vocabulary knows case), padded to the longest."""
    tokens = frozen.roberta_tokenizer(list(captions), padding="longest", return_tensors="pt").to(frozen.device)
    limit = frozen.roberta.config.max_position_embeddings - 2
    if tokens.input_ids.shape[1] > limit:
        raise ValueError(f"an expression has {tokens.input_ids.shape[1]} tokens, RoBERTa takes {limit}; shorten {max(captions, key=len)!r}")
    return word_states(frozen, tokens.input_ids, tokens.attention_mask)


@torch.no_grad()
def word_states(frozen: "Frozen", ids_BL: Tensor, attention_BL: Tensor) -> Words:
    states_BLC = frozen.roberta(input_ids=ids_BL, attention_mask=attention_BL).last_hidden_state
    return Words(states_BLC=states_BLC, padding_BL=attention_BL != 1)
