"""Oracles: the tokenizers' own special tokens, each caption alone."""

import pytest
import torch

from vdit.model.frozen import FrozenDiffusion
from vdit.model.words import text_embedding, token_ids, words


def test_prompt_tokens_fill_all_positions_and_are_padded_by_zero(frozen: FrozenDiffusion) -> None:
    ids = token_ids(frozen, ("a red circle", "?" * 500))
    assert ids.shape == (2, frozen.text_encoder.config.max_position_embeddings)
    assert (ids[0, 10:] == 0).all() and ids[1, -1] == frozen.tokenizer.eos_token_id


def test_padding_does_not_change_a_captions_words(frozen: FrozenDiffusion) -> None:
    both = words(frozen, ("a red circle", "the large blue star moving right and up"))
    alone = words(frozen, ("a red circle",))
    length = alone.states_BLC.shape[1]
    assert both.padding_BL[0].sum() == both.padding_BL.shape[1] - length and not both.padding_BL[1].any()
    torch.testing.assert_close(both.states_BLC[:1, :length], alone.states_BLC, rtol=1e-4, atol=1e-5)


def test_roberta_knows_case_and_clip_does_not(frozen: FrozenDiffusion) -> None:
    assert torch.equal(token_ids(frozen, ("A Red circle",)), token_ids(frozen, ("a red circle",)))
    lower, upper = (words(frozen, (text,)).states_BLC for text in ("a red circle", "A red circle"))
    assert lower.shape != upper.shape or not torch.allclose(lower, upper)


@pytest.mark.parametrize("text", ["an unforeseen giraffe, 3rd from the right!", "un éléphant", "漢字", ""])
def test_any_text_is_taken(frozen: FrozenDiffusion, text: str) -> None:
    unknown = frozen.roberta_tokenizer.unk_token_id
    assert unknown not in frozen.roberta_tokenizer([text]).input_ids[0]
    assert words(frozen, (text,)).states_BLC.isfinite().all()
    assert text_embedding(frozen, token_ids(frozen, (text,))).isfinite().all()


def test_an_expression_too_long_is_refused(frozen: FrozenDiffusion) -> None:
    with pytest.raises(ValueError, match="tokens, RoBERTa takes"):
        words(frozen, ("zq " * 600,))
