"""The compiled sampling: gradients against finite differences and `grid_sample`, and the same bits on any number of threads."""

import pytest
import torch
from torch import Tensor

from vdit.model.deformable import sample_by_grid
from vdit.model.deformable_cpu import Sizes, sample_on_cpu

SIZES: Sizes = ((3, 4), (2, 2))


def inputs(frames: int, queries: int, dtype: torch.dtype = torch.float64, points: int = 3) -> tuple[Tensor, Tensor, Tensor]:
    """Values, places (some outside) and weights that need gradients; 2 heads, 5 channels."""
    generator = torch.Generator().manual_seed(5)
    values = torch.randn(frames, 16, 2, 5, generator=generator, dtype=dtype)
    places = torch.rand(frames, queries, 2, 2, points, 2, generator=generator, dtype=dtype) * 1.6 - 0.3
    weights = torch.rand(frames, queries, 2, 2, points, generator=generator, dtype=dtype)
    return values.requires_grad_(), places.requires_grad_(), weights.requires_grad_()


def run(read: type(sample_on_cpu), tensors: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, ...]:
    values, places, weights = tensors
    output = read(values, SIZES, places, weights)
    probe = torch.randn(output.shape, generator=torch.Generator().manual_seed(6), dtype=torch.float64).to(output.dtype)
    return (output, *torch.autograd.grad(output, tensors, probe))


def test_gradients_are_those_of_finite_differences() -> None:
    values, places, weights = inputs(frames=1, queries=2)
    assert torch.autograd.gradcheck(lambda v, p, w: sample_on_cpu(v, SIZES, p, w), (values, places, weights))


@pytest.mark.parametrize("points", [1, 8, 9, 17])  # of two levels each: part of a block of 16, one, and more
def test_output_and_gradients_are_those_of_grid_sample(points: int) -> None:
    tensors = inputs(frames=3, queries=40, points=points)
    for given, expected in zip(run(sample_on_cpu, tensors), run(sample_by_grid, tensors), strict=True):
        torch.testing.assert_close(given, expected, rtol=1e-10, atol=1e-10)


def test_float32_stays_float32_and_near_float64() -> None:
    exact = run(sample_on_cpu, inputs(frames=2, queries=7))
    rounded = run(sample_on_cpu, tuple(t.detach().float().requires_grad_() for t in inputs(frames=2, queries=7)))
    for given, expected in zip(rounded, exact, strict=True):
        assert given.dtype == torch.float32
        torch.testing.assert_close(given.double(), expected, rtol=1e-4, atol=1e-4)


def test_any_number_of_threads_gives_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    tensors = inputs(frames=3, queries=20, dtype=torch.float32)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    alone = run(sample_on_cpu, tensors)
    for threads in (2, 4, 50):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        assert all(torch.equal(a, b) for a, b in zip(alone, run(sample_on_cpu, tensors), strict=True))


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), float("-inf"), 1e30])
def test_a_place_that_is_not_a_number_is_read_as_nothing_and_not_out_of_bounds(odd: float) -> None:
    values, places, weights = (t.detach() for t in inputs(frames=1, queries=1))
    tensors = (values.requires_grad_(), torch.full_like(places, odd, requires_grad=True), weights.requires_grad_())
    for read_or_gradient in run(sample_on_cpu, tensors):
        assert not read_or_gradient.any()
