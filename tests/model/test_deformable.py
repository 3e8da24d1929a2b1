"""Deformable attention: hand-computed readings, the released start, padding, and the formulation for other devices."""

import math
from dataclasses import replace

import pytest
import torch
from transformers.models.deformable_detr.modeling_deformable_detr import MultiScaleDeformableAttention

from vdit.config.model import Head
from vdit.model.deformable import DeformableAttention, Memory, marked, sample, sample_by_grid
from vdit.model.deformable_gather import sample_by_gather

CONFIG = Head(width=64, heads=8, points=4)


def memory(sizes: tuple[tuple[int, int], ...]) -> Memory:
    tokens = sum(height * width for height, width in sizes)
    return Memory(torch.randn(2, tokens, 64), torch.zeros(2, tokens, dtype=torch.bool), sizes, torch.ones(2, len(sizes), 2))


@pytest.mark.parametrize("read", [sample, sample_by_grid, sample_by_gather])
def test_readings_of_a_two_by_two_map_are_those_by_hand(read: type(sample)) -> None:
    values = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(1, 4, 1, 1)
    places = torch.tensor([[0.5, 0.5], [0.25, 0.25], [0.5, 0.25], [0.0, 0.0], [-1.0, 0.5]]).reshape(1, 5, 1, 1, 1, 2)
    weights = torch.full((1, 5, 1, 1, 1), 2.0)
    expected = torch.tensor([2.5, 1.0, 1.5, 0.25, 0.0]) * 2  # centre, first pixel, between two, image corner, outside
    torch.testing.assert_close(read(values, ((2, 2),), places, weights).flatten(), expected)


@pytest.mark.parametrize("read", [sample, sample_by_grid, sample_by_gather])
def test_sampling_is_that_of_transformers(read: type(sample)) -> None:
    torch.manual_seed(0)
    sizes = ((6, 9), (3, 5), (2, 3), (1, 2))
    values, places = torch.randn(3, 77, 8, 16), torch.rand(3, 11, 8, 4, 4, 2) * 1.6 - 0.3
    weights = torch.rand(3, 11, 8, 4, 4)
    starts = torch.tensor([0, 54, 69, 75])
    expected = MultiScaleDeformableAttention()(values, torch.tensor(sizes), list(sizes), starts, places, weights, 64)
    torch.testing.assert_close(read(values, sizes, places, weights).flatten(2), expected, rtol=1e-5, atol=1e-5)


def test_at_the_start_head_m_looks_in_compass_direction_m_at_1_to_4_pixels() -> None:
    attention = DeformableAttention(CONFIG)
    attention.reset()
    bias = attention.offsets.bias.detach().reshape(8, 4, 4, 2)  # head, level, point, x y
    compass = [(round(math.cos(a)), round(math.sin(a))) for a in (m * math.pi / 4 for m in range(8))]
    for m, direction in enumerate(compass):
        for point in range(4):
            expected = torch.tensor(direction, dtype=torch.float32) * (point + 1)
            torch.testing.assert_close(bias[m, :, point], expected.expand(4, 2), rtol=0, atol=1e-5)
    assert not attention.offsets.weight.any()
    assert not attention.weights.weight.any()


def test_a_point_reads_pixels_around_itself_and_a_box_shares_of_itself() -> None:
    attention = DeformableAttention(CONFIG)
    attention.reset()
    sizes = ((8, 16), (4, 8), (2, 4), (1, 2))
    queries = torch.zeros(1, 1, 64)
    point = attention._locations(queries, torch.tensor([0.5, 0.25]).expand(1, 1, 1, 4, 1, 2), sizes)
    torch.testing.assert_close(point[0, 0, 1, 0, 3], torch.tensor([0.5 + 4 / 16, 0.25 + 4 / 8]))  # head 1 looks to (1, 1)
    box = attention._locations(queries, torch.tensor([0.5, 0.25, 0.2, 0.4]).expand(1, 1, 1, 4, 1, 4), sizes)
    torch.testing.assert_close(box[0, 0, 1, 2, 3], torch.tensor([0.5 + 0.1, 0.25 + 0.2]))  # its fourth point is the box's corner


def test_padding_is_read_as_zero() -> None:
    torch.manual_seed(1)
    attention = DeformableAttention(CONFIG)
    attention.reset()
    clean = memory(((4, 6), (2, 3), (1, 2), (1, 1)))
    padding = torch.zeros_like(clean.padding_NS)
    padding[:, 20:24] = True
    other = clean.tokens_NSC.masked_fill(padding[..., None], 9.0)
    queries, references = torch.randn(2, 5, 64), torch.rand(2, 5, 1, 4, 1, 2)
    first = attention(queries, references, clean._replace(padding_NS=padding))
    second = attention(queries, references, clean._replace(padding_NS=padding, tokens_NSC=other))
    assert torch.equal(first, second)
    assert not torch.equal(first, attention(queries, references, clean))


@pytest.mark.parametrize("known", [2, 4])
def test_projecting_what_few_queries_read_is_reading_what_is_projected(known: int) -> None:
    torch.manual_seed(2)
    attention = DeformableAttention(CONFIG)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    given = memory(((6, 8), (3, 4), (2, 2), (1, 1)))
    given.padding_NS[0, 20:30] = given.padding_NS[1, 40:55] = True
    tokens = given.tokens_NSC.requires_grad_()
    queries, references = torch.randn(2, 5, 64, requires_grad=True), torch.rand(2, 5, 1, 4, 1, known)
    inputs, gradient = (tokens, queries, *attention.parameters()), torch.randn(2, 5, 64)
    projected, read = attention(queries, references, given), attention(queries, references, marked(given))
    torch.testing.assert_close(read, projected, rtol=1e-5, atol=1e-5)
    pairs = zip(torch.autograd.grad(read, inputs, gradient), torch.autograd.grad(projected, inputs, gradient), strict=True)
    for found, wanted in pairs:
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_half_precision_inputs_are_sampled_in_single_precision() -> None:
    attention = DeformableAttention(CONFIG)
    clean = memory(((4, 6), (2, 3), (1, 2), (1, 1)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = attention(torch.randn(2, 5, 64).bfloat16(), torch.rand(2, 5, 1, 4, 1, 2).bfloat16(), clean)
    assert output.dtype == torch.float32


def test_a_width_the_heads_do_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match=r"head\.width 60 is not divisible by head\.heads 8"):
        DeformableAttention(replace(CONFIG, width=60))
