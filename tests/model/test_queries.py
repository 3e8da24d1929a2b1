"""Text-instance matching against attention written out by hand."""

import torch

from vdit.config.model import Head
from vdit.model.positions import word_positions
from vdit.model.queries import TextInstanceMatching, TextProjection

CONFIG = Head(width=8, heads=2, queries=3)


def test_a_query_is_multiplied_with_what_it_attends_to() -> None:
    torch.manual_seed(0)
    matching = TextInstanceMatching(CONFIG)
    words_BLC, padding_BL = torch.randn(2, 4, 8), torch.tensor([[False] * 4, [False, False, True, True]])
    wq, wk, wv = matching.attention.in_proj_weight.chunk(3)
    keys_BLC = words_BLC + word_positions(padding_BL, 8)
    attended = torch.zeros(2, 3, 8)
    for clip in range(2):
        seen = ~padding_BL[clip]
        q, k, v = matching.queries_QC @ wq.T, keys_BLC[clip, seen] @ wk.T, words_BLC[clip, seen] @ wv.T
        for part in (slice(0, 4), slice(4, 8)):
            attended[clip, :, part] = (q[:, part] @ k[:, part].T / 2).softmax(dim=-1) @ v[:, part]
    expected = matching.queries_QC * (attended @ matching.attention.out_proj.weight.T)
    torch.testing.assert_close(matching(words_BLC, padding_BL), expected)


def test_projected_words_are_normalised_and_dropped_out_in_training_only() -> None:
    torch.manual_seed(0)
    project = TextProjection(words=6, width=8, dropout=0.5)
    states = torch.randn(2, 4, 6)
    assert (project(states) == 0).any()
    words = project.eval()(states)
    torch.testing.assert_close(words.mean(dim=-1), torch.zeros(2, 4), rtol=0, atol=1e-6)
    torch.testing.assert_close(words.var(dim=-1, unbiased=False), torch.ones(2, 4))
