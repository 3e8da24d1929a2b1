"""The neck's sizes and the encoder: hand-computed ratios and centres, and valid pixels that do not feel the padding."""

import pytest
import torch
from torch import Tensor

from vdit.config.model import Head
from vdit.model.fusion import Encoder, Neck, finest_maps, nearest, pixel_centres, valid_ratios

CONFIG = Head(width=64, feedforward=32, encoder_layers=2)
SIZES = ((6, 8), (3, 4), (2, 2), (1, 1))


def padded(size: tuple[int, int], to: tuple[int, int]) -> Tensor:
    padding = torch.ones(2, *to, dtype=torch.bool)
    padding[:, : size[0], : size[1]] = False
    return padding


def test_ratios_are_width_then_height() -> None:
    torch.testing.assert_close(valid_ratios(padded((3, 6), (4, 8))), torch.tensor([[0.75, 0.75]] * 2))
    torch.testing.assert_close(valid_ratios(padded((1, 6), (4, 8))), torch.tensor([[0.75, 0.25]] * 2))


def test_centres_are_shares_of_the_part_that_is_not_padding() -> None:
    centres = pixel_centres(((2, 4),), torch.tensor([[[0.5, 1.0]]]))
    expected = [[0.25, 0.25], [0.75, 0.25], [1.25, 0.25], [1.75, 0.25], [0.25, 0.75], [0.75, 0.75], [1.25, 0.75], [1.75, 0.75]]
    torch.testing.assert_close(centres[0], torch.tensor(expected))


def test_a_mask_is_resized_to_its_nearest_pixels() -> None:
    assert nearest(torch.tensor([[[False, False, False, True]]]), (1, 2)).tolist() == [[[False, False]]]
    assert nearest(torch.tensor([[[False, False, True, True]]]), (1, 2)).tolist() == [[[False, True]]]


def test_the_neck_adds_a_level_of_half_the_size_rounded_up() -> None:
    maps = Neck(64, (8, 16, 32))((torch.randn(2, 8, 9, 20), torch.randn(2, 16, 5, 10), torch.randn(2, 32, 3, 5)))
    assert [tuple(m.shape) for m in maps] == [(2, 64, 9, 20), (2, 64, 5, 10), (2, 64, 3, 5), (2, 64, 2, 3)]


def test_a_width_the_groups_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match=r"head\.width 48"):
        Neck(48, (8, 16, 32))


def test_what_is_in_the_padding_and_how_much_there_is_does_not_change_valid_pixels() -> None:
    torch.manual_seed(0)
    encoder = Encoder(CONFIG).eval()
    for layer in encoder.layers:
        layer.attention.reset()
        torch.nn.init.normal_(layer.attention.offsets.weight, std=0.1)
    maps = [torch.randn(2, 64, *size) for size in SIZES]
    alone = encoder(maps, [padded(size, size) for size in SIZES])
    larger = [(2 * height, 2 * width) for height, width in SIZES]
    filled = [torch.full((2, 64, *size), 5.0) for size in larger]
    for target, source, (height, width) in zip(filled, maps, SIZES, strict=True):
        target[..., :height, :width] = source
    wide = encoder(filled, [padded(size, to) for size, to in zip(SIZES, larger, strict=True)])
    for given, expected, (height, width) in zip(finest_maps(wide, 4), finest_maps(alone, 4), SIZES, strict=True):
        torch.testing.assert_close(given[..., :height, :width], expected, rtol=1e-4, atol=1e-4)
