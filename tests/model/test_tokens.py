"""Oracles: PILLOW's resize, exact 8-bit levels, the tower's own forward pass."""

import numpy as np
import pytest
import torch
from PIL import Image

from vdit.config.model import Encode
from vdit.model.frozen import FrozenDiffusion
from vdit.model.tokens import grey_levels, prepare, resize_and_crop, resize_and_crop_by_pil, tokens, truncated_levels


def test_all_grey_levels_survive_normalising_and_back() -> None:
    levels = torch.arange(256.0)
    for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225)):
        shares = (levels / 255 - mean) / std * std + mean
        assert torch.equal(grey_levels(shares), levels)


def test_truncation_darkens_a_fifth_of_the_levels_by_one() -> None:
    levels = torch.arange(256.0)
    for mean, std in ((0.485, 0.229), (0.456, 0.224), (0.406, 0.225)):
        shares = (levels / 255 - mean) / std * std + mean
        darker = levels - truncated_levels(shares)
        assert set(darker.tolist()) == {0.0, 1.0}
        assert 0.15 < darker.mean() < 0.26  # spec B5: 18 to 25 % of the levels


# Landscape, portrait, enlarged, square.
@pytest.mark.parametrize("size", [(90, 160), (160, 90), (30, 50), (77, 77)])
def test_resizes_and_crops_as_pillow_to_a_grey_level(size: tuple[int, int]) -> None:
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    short = min(size)
    height, width = 64 * size[0] // short, 64 * size[1] // short
    resized = np.asarray(Image.fromarray(frame).resize((width, height), Image.Resampling.BICUBIC))
    top, left = (height - 64) // 2, (width - 64) // 2
    expected = resized[top : top + 64, left : left + 64]
    levels = torch.from_numpy(frame).permute(2, 0, 1)[None].float()
    ours = resize_and_crop(levels, 64)[0].permute(1, 2, 0).numpy()
    assert np.abs(ours - expected).max() <= 1
    assert np.array_equal(resize_and_crop_by_pil(levels, 64)[0].permute(1, 2, 0).numpy(), expected)


def test_tokens_are_the_towers_states_before_its_last_norm(frozen: FrozenDiffusion) -> None:
    tower = frozen.image_tower
    pixels = torch.randn(2, 3, frozen.image_size, frozen.image_size)
    given = tokens(tower, pixels)
    with torch.no_grad():
        torch.testing.assert_close(tower.ln_post(given)[:, 0] @ tower.proj, tower(pixels))


def test_prepared_frames_fit_the_tower(frozen: FrozenDiffusion) -> None:
    white = prepare(torch.ones(1, 3, 64, 96), frozen, Encode())
    assert white.shape == (1, 3, frozen.image_size, frozen.image_size)
    expected = (1 - torch.tensor(frozen.image_mean)) / torch.tensor(frozen.image_std)
    torch.testing.assert_close(white[0, :, 0, 0], expected)
