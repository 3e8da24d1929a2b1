"""The gather: gradients against finite differences and `grid_sample`; compiled, the same."""

import pytest
import torch
from torch import Tensor

from vdit.model.deformable import sample, sample_by_grid
from vdit.model.deformable_cpu import Sizes
from vdit.model.deformable_gather import compiled, sample_by_gather

SIZES: Sizes = ((3, 4), (2, 2))


def inputs(frames: int, queries: int) -> tuple[Tensor, Tensor, Tensor]:
    """Values, places (some outside) and weights in float64 that need gradients; 2 heads, 3 points, 5 channels."""
    generator = torch.Generator().manual_seed(5)
    values = torch.randn(frames, 16, 2, 5, generator=generator, dtype=torch.float64)
    places = torch.rand(frames, queries, 2, 2, 3, 2, generator=generator, dtype=torch.float64) * 1.6 - 0.3
    weights = torch.rand(frames, queries, 2, 2, 3, generator=generator, dtype=torch.float64)
    return values.requires_grad_(), places.requires_grad_(), weights.requires_grad_()


def run(read: type(sample), tensors: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
    values, places, weights = tensors
    output = read(values, SIZES, places, weights)
    probe = torch.randn(output.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    return (output, *torch.autograd.grad(output, tensors, probe))


def test_gradients_are_those_of_finite_differences() -> None:
    values, places, weights = inputs(frames=1, queries=2)
    assert torch.autograd.gradcheck(lambda v, p, w: sample_by_gather(v, SIZES, p, w), (values, places, weights))


def test_output_and_gradients_are_those_of_grid_sample() -> None:
    tensors = inputs(frames=3, queries=40)
    for given, expected in zip(run(sample_by_gather, tensors), run(sample_by_grid, tensors), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.slow
def test_compiled_it_gives_the_same() -> None:
    tensors = inputs(frames=2, queries=9)
    for given, expected in zip(run(compiled(), tensors), run(sample_by_grid, tensors), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_a_gpu_it_is_what_samples() -> None:
    tensors = inputs(frames=2, queries=9)
    moved = tuple(tensor.detach().cuda().requires_grad_() for tensor in tensors)
    values, places, weights = moved
    output = sample(values, SIZES, places, weights)
    torch.testing.assert_close(output.cpu(), run(sample_by_grid, tensors)[0], rtol=1e-9, atol=1e-9)
