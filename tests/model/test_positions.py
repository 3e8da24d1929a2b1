"""Sine positions against hand-computed angles, and their independence of padding."""

import math

import pytest
import torch

from vdit.model.positions import pixel_positions, word_positions


def test_words_divide_the_circle_and_padding_does_not_count() -> None:
    padding_BL = torch.tensor([[False, False, False, False], [False, False, True, True]])
    waves = word_positions(padding_BL, 4)
    for word, angle in enumerate((math.pi / 2, math.pi, 3 * math.pi / 2, 2 * math.pi)):
        slow = angle / 100  # the second pair: 10000 ** (2 / 4)
        expected = [math.sin(angle), math.cos(angle), math.sin(slow), math.cos(slow)]
        assert waves[0, word].tolist() == pytest.approx(expected, abs=1e-4)
    torch.testing.assert_close(waves[1, 0], waves[0, 1], rtol=0, atol=1e-5)  # 1 of 2 words is as far as 2 of 4


def test_pixels_carry_their_row_in_the_first_half_and_their_column_in_the_second() -> None:
    waves = pixel_positions(torch.zeros(1, 2, 4, dtype=torch.bool), 4)
    for row, column in ((0, 0), (1, 0), (0, 3), (1, 2)):
        y, x = (row + 0.5) / 2 * 2 * math.pi, (column + 0.5) / 4 * 2 * math.pi
        assert waves[0, :, row, column].tolist() == pytest.approx([math.sin(y), math.cos(y), math.sin(x), math.cos(x)], abs=1e-4)


def test_padding_does_not_move_the_pixels_that_are_seen() -> None:
    padding = torch.zeros(1, 5, 9, dtype=torch.bool)
    padding[:, 3:], padding[:, :, 7:] = True, True
    alone = pixel_positions(torch.zeros(1, 3, 7, dtype=torch.bool), 64)
    torch.testing.assert_close(pixel_positions(padding, 64)[..., :3, :7], alone)


def test_an_odd_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match="divisible by 4"):
        pixel_positions(torch.zeros(1, 2, 2, dtype=torch.bool), 6)
