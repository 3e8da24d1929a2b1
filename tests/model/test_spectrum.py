"""Oracles: the formula of the filter in numpy, hand-computed values of the Gaussian and those the specification gives (9.1)."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from vdit.model.spectrum import Gaussians, SpectrumFilter

SIZES = ((20, 24), (10, 12), (5, 6), (3, 3))


def gaussians(*sizes: tuple[int, int]) -> tuple[Tensor, ...]:
    return Gaussians(7.0)(tuple(torch.zeros(2, 1, *size) for size in sizes))


def drawn(width: int) -> SpectrumFilter:
    torch.manual_seed(0)
    return SpectrumFilter(width)


def test_the_highest_frequency_is_in_the_middle_and_loses_most() -> None:
    [gaussian_11HW] = gaussians((21, 24))
    map_HW = gaussian_11HW[0, 0]
    assert map_HW[10, 12] == 1 == map_HW.max()
    assert map_HW[3, 12].item() == pytest.approx(math.exp(-0.5))  # 7 cells away
    assert map_HW[0, 0].item() == pytest.approx(math.exp(-(10**2 + 12**2) / 98))


def test_peaks_and_least_values_of_the_four_levels() -> None:
    found = [(round(level.max().item(), 2), round(level.min().item(), 2)) for level in gaussians(*SIZES)]
    assert found == [(1.0, 0.08), (0.99, 0.10), (0.95, 0.16), (0.93, 0.29)]


def test_every_level_is_the_one_before_it_at_another_size() -> None:
    chain = gaussians(*SIZES)
    for before, after in pairwise(chain):
        torch.testing.assert_close(after, interpolate(before, size=after.shape[-2:], mode="bilinear", align_corners=False))
    _, at_once = gaussians(SIZES[0], SIZES[3])
    assert not torch.allclose(at_once, chain[3], atol=1e-3)


def by_hand(part: SpectrumFilter, map_CHW: NDArray[np.float64], gaussian_HW: NDArray[np.float64]) -> NDArray[np.float64]:
    """The filter of one frame, from its formula."""
    weight = {name: parameter.detach().double().numpy() for name, parameter in part.named_parameters()}
    windows = np.lib.stride_tricks.sliding_window_view(map_CHW, (3, 3), axis=(1, 2))
    edges = np.einsum("chwij,ocij->ohw", windows, weight["spectrum.gate.edges.weight"]).mean(axis=(1, 2))
    hidden = np.maximum(weight["spectrum.gate.hidden.weight"] @ (edges + weight["spectrum.gate.edges.bias"]), 0)
    gate = 1 / (1 + np.exp(-(weight["spectrum.gate.output.weight"] @ hidden)))
    spectrum = np.fft.fft2(map_CHW) * (1 - gate * gaussian_HW)
    both = np.concatenate([spectrum.real, spectrum.imag])
    both = np.maximum(np.einsum("oi,ihw->ohw", weight["mix.0.weight"][..., 0, 0], both) + weight["mix.0.bias"][:, None, None], 0)
    real, imaginary = np.split(np.einsum("oi,ihw->ohw", weight["mix.2.weight"][..., 0, 0], both) + weight["mix.2.bias"][:, None, None], 2)
    return np.asarray(map_CHW + np.fft.ifft2(real + 1j * imaginary).real)


@pytest.mark.parametrize("size", [(3, 3), (5, 6), (7, 4)])
def test_every_frame_is_filtered_by_the_formula(size: tuple[int, int]) -> None:
    part, map_NCHW = drawn(4), torch.randn(2, 4, *size, generator=torch.Generator().manual_seed(1))
    [gaussian_11HW] = gaussians(size)
    with torch.no_grad():
        found_NCHW = part(map_NCHW, gaussian_11HW)
    for frame_CHW, found_CHW in zip(map_NCHW, found_NCHW, strict=True):
        expected = by_hand(part, frame_CHW.double().numpy(), gaussian_11HW[0, 0].double().numpy())
        np.testing.assert_allclose(found_CHW.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_under_autocast_and_from_half_precision_nothing_is_rounded() -> None:
    part, map_NCHW = drawn(8), torch.randn(1, 8, 5, 6).bfloat16()
    [gaussian_11HW] = gaussians((5, 6))
    with torch.no_grad():
        exact = part(map_NCHW.float(), gaussian_11HW)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = part(map_NCHW, gaussian_11HW)
    assert found.dtype == torch.float32
    assert torch.equal(found, exact)


def test_what_the_gate_takes_has_a_gradient() -> None:
    part, map_NCHW = drawn(4).double(), torch.randn(1, 4, 3, 4, dtype=torch.float64, requires_grad=True)
    [gaussian_11HW] = gaussians((3, 4))
    assert torch.autograd.gradcheck(lambda x: part(x, gaussian_11HW.double()), (map_NCHW,))
