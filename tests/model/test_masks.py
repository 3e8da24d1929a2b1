"""Dynamic masks against one convolution after another for each query, and where patches and pixels are."""

import torch
import torch.nn.functional as F

from vdit.model.masks import dynamic_masks, mask_features, pixel_places, unfold

CHANNELS = 6


def explicit(features: torch.Tensor, parameters: torch.Tensor, point: torch.Tensor) -> torch.Tensor:
    """One query of one frame as two convolutions over features and relative coordinates."""
    height, width = features.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height) * 8.0 + 4, torch.arange(width) * 8.0 + 4, indexing="ij")
    stacked = torch.cat((features, (point[0] - x)[None], (point[1] - y)[None]))
    first, second = 16 * (CHANNELS + 2), 16 * 16
    weight_0 = parameters[:first].reshape(16, CHANNELS + 2, 1, 1)
    weight_1 = parameters[first : first + second].reshape(16, 16, 1, 1)
    bias_0, bias_1 = parameters[first + second :].reshape(2, 16)
    return F.conv2d(F.conv2d(stacked[None], weight_0, bias_0).relu(), weight_1, bias_1)[0]


def test_all_layers_and_queries_at_once_are_one_convolution_after_another() -> None:
    torch.manual_seed(0)
    features = torch.randn(3, CHANNELS, 4, 5)
    parameters = torch.randn(2, 3, 5, 16 * (CHANNELS + 2) + 256 + 32)
    points = torch.rand(2, 3, 5, 2) * 40
    masks = dynamic_masks(features, parameters, points)
    assert masks.shape == (2, 3, 5, 16, 4, 5)
    for k in range(2):
        for n in range(3):
            for q in range(5):
                torch.testing.assert_close(
                    masks[k, n, q], explicit(features[n], parameters[k, n, q], points[k, n, q]), rtol=1e-4, atol=1e-3
                )


def test_half_precision_features_do_not_round_the_place_of_a_query() -> None:
    features = torch.zeros(1, CHANNELS, 1, 100, dtype=torch.bfloat16)
    parameters = torch.zeros(1, 1, 1, 16 * (CHANNELS + 2) + 256 + 32)
    parameters[..., CHANNELS] = 1.0  # the first channel is the relative x
    parameters[..., 16 * (CHANNELS + 2)] = 1.0
    with torch.autocast("cpu", dtype=torch.bfloat16):
        masks = dynamic_masks(features, parameters, torch.tensor([801.25, 0.0]).reshape(1, 1, 1, 2))
    torch.testing.assert_close(masks[0, 0, 0, 0, 0], 801.25 - pixel_places(100, torch.zeros(1)))


def test_a_pixel_stands_at_the_centre_of_its_eight() -> None:
    assert pixel_places(3, torch.zeros(1)).tolist() == [4, 12, 20]


def test_the_channels_of_a_pixel_are_its_patch_row_by_row() -> None:
    patches = torch.arange(16.0).reshape(1, 16, 1, 1).expand(2, 16, 1, 2)
    assert unfold(patches)[1].tolist() == [[4 * r + c for c in (0, 1, 2, 3)] * 2 for r in range(4)]


def test_constant_levels_add_up() -> None:
    maps = [torch.full((1, 2, 4, 6), 1.0), torch.full((1, 2, 2, 3), 2.0), torch.full((1, 2, 1, 2), 4.0)]
    torch.testing.assert_close(mask_features(maps), torch.full((1, 2, 4, 6), 7.0))
