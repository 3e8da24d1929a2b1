"""Boxes that are refined from layer to layer: their references, their gradients and the padding."""

import torch

from vdit.config.model import Head
from vdit.model.decoder import Decoder
from vdit.model.deformable import Memory
from vdit.model.heads import inverse_sigmoid

CONFIG = Head(width=64, feedforward=32, decoder_layers=3)
SIZES = ((4, 6), (2, 3), (1, 2), (1, 1))
TOKENS = 24 + 6 + 2 + 1


def decoder() -> Decoder:
    torch.manual_seed(0)
    built = Decoder(CONFIG).eval()
    for head in built.boxes:
        torch.nn.init.normal_(head.layers[-1].weight, std=0.1)
    return built


def memory() -> Memory:
    return Memory(torch.randn(2, TOKENS, 64), torch.zeros(2, TOKENS, dtype=torch.bool), SIZES, torch.ones(2, 4, 2))


def test_a_box_is_its_heads_change_of_the_box_before() -> None:
    built = decoder()
    decoded = built(torch.randn(2, 5, 64), memory())
    change = built.boxes[0](decoded.states_KNQC[0])
    torch.testing.assert_close(decoded.boxes_KNQ4[0, ..., 2:], change[..., 2:].sigmoid())
    torch.testing.assert_close(decoded.boxes_KNQ4[0, ..., :2], (change[..., :2] + inverse_sigmoid(decoded.initial_NQ2)).sigmoid())
    for layer in (1, 2):
        change = built.boxes[layer](decoded.states_KNQC[layer])
        torch.testing.assert_close(decoded.boxes_KNQ4[layer], (change + inverse_sigmoid(decoded.boxes_KNQ4[layer - 1])).sigmoid())


def test_no_gradient_flows_through_a_reference_but_the_first() -> None:
    built = decoder()
    decoded = built(torch.randn(2, 5, 64), memory())
    decoded.boxes_KNQ4[-1].sum().backward(retain_graph=True)
    assert not any(parameter.grad.any() for head in built.boxes[:2] for parameter in head.parameters())
    assert built.boxes[2].layers[-1].weight.grad.any()
    built.zero_grad()
    decoded.boxes_KNQ4[0].sum().backward()
    assert built.start.weight.grad is not None
    assert built.start.weight.grad.abs().max() > 0


def test_padding_does_not_change_what_is_found() -> None:
    built, plain, queries = decoder(), memory(), torch.randn(2, 5, 64)
    wide_sizes = tuple((2 * height, 2 * width) for height, width in SIZES)
    tokens, padding, start = [], [], 0
    for (height, width), (tall, wide) in zip(SIZES, wide_sizes, strict=True):
        level = torch.full((2, tall, wide, 64), 3.0)
        level[:, :height, :width] = plain.tokens_NSC[:, start : start + height * width].reshape(2, height, width, 64)
        outside = torch.ones(2, tall, wide, dtype=torch.bool)
        outside[:, :height, :width] = False
        tokens.append(level.flatten(1, 2))
        padding.append(outside.flatten(1))
        start += height * width
    padded = Memory(torch.cat(tokens, dim=1), torch.cat(padding, dim=1), wide_sizes, torch.full((2, 4, 2), 0.5))
    first, second = built(queries, plain), built(queries, padded)
    torch.testing.assert_close(first.boxes_KNQ4, second.boxes_KNQ4, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first.states_KNQC, second.states_KNQC, rtol=1e-4, atol=1e-4)


def test_frames_do_not_see_each_other() -> None:
    built, plain, queries = decoder(), memory(), torch.randn(2, 5, 64)
    other = plain.tokens_NSC.clone()
    other[1] += 1
    first, second = built(queries, plain), built(queries, plain._replace(tokens_NSC=other))
    assert torch.equal(first.boxes_KNQ4[:, 0], second.boxes_KNQ4[:, 0])
    assert not torch.equal(first.boxes_KNQ4[:, 1], second.boxes_KNQ4[:, 1])
