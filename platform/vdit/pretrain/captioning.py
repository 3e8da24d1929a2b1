"""The text tower and the token ids of captions, in training as they are when the backbone is read (vdit/model/words.py).

B captions, L positions of the text tower.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from vdit.config.architecture import TextTower
from vdit.model.networks import text_config
from vdit.model.tokenizers import clip_style


def tokenizer(text: TextTower) -> CLIPTokenizer:
    return clip_style(text.vocab_size, text.max_position_embeddings, text.pad_token)


def tower(text: TextTower, words: CLIPTokenizer) -> CLIPTextModel:
    """With the initial weights of its library, from the global generator; its pooled output is the state at the end of the text."""
    config = text_config(text)
    config.bos_token_id, config.eos_token_id = words.bos_token_id, words.eos_token_id
    return CLIPTextModel(config)


def ids(words: CLIPTokenizer, captions: Sequence[str]) -> Tensor:
    """[B, L], cut and padded to all of the tower's positions: the U-Net is prompted with the padding too."""
    found = words(list(captions), truncation=True, padding="max_length", max_length=words.model_max_length, return_tensors="pt")
    return torch.as_tensor(found.input_ids)
