"""Oracles: the rule of stand-ins by hand, strides and widths for every choice of one or two layers, the published parameter count."""

from itertools import combinations

import pytest
import torch

from vdit.config.architecture import Architecture
from vdit.config.model import RELEASED_TAPS, Model, Pyramid, Tap
from vdit.model import taps
from vdit.model.diffusion import ORDER
from vdit.model.taps import JOINED, sources, width

CHOICES = [chosen for count in (1, 2) for chosen in combinations(ORDER, count)] + [RELEASED_TAPS, ORDER]
STRIDE: dict[Tap, int] = {
    "down2": 64,
    "mid": 64,
    "down3": 64,
    **{t: s for s, ts in JOINED.items() for t in ts if t not in ("down2", "mid", "down3")},
}


@pytest.mark.parametrize("chosen", CHOICES, ids="+".join)
def test_every_choice_gives_four_levels(chosen: tuple[Tap, ...], model: Model) -> None:
    pyramid = taps.Pyramid(Pyramid(taps=chosen, width=8), model.architecture)
    # 80x112 pixels: odd from stride 16 on.
    outputs = {tap: torch.randn(2, width(model.architecture.unet, tap), -(-80 // STRIDE[tap]), -(-112 // STRIDE[tap])) for tap in chosen}
    maps = pyramid(pyramid.finest(torch.randn(2, model.architecture.vae.block_out_channels[2], 20, 28)), outputs)
    assert [tuple(level.shape) for level in maps] == [(2, 8, 20, 28), (2, 16, 10, 14), (2, 32, 5, 7), (2, 64, 3, 4)]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"in"}, {8: 8, 16: 8, 32: 16}),
        ({"up0"}, {32: 32, 16: 32, 8: 16}),
        ({"down0"}, {16: 16, 32: 16, 8: 16}),
        ({"up2", "mid"}, {8: 8, 32: 32, 16: 8}),
        (set(RELEASED_TAPS), {8: 8, 16: 16, 32: 32}),
    ],
)
def test_a_neighbour_stands_in_the_finer_one_first(chosen: set[Tap], expected: dict[int, int]) -> None:
    assert sources(frozenset(chosen)) == expected


def test_every_layer_has_one_place() -> None:
    assert sorted(tap for joined in JOINED.values() for tap in joined) == sorted(ORDER)


def test_widths_and_parameters_of_the_released_pyramid() -> None:
    with torch.device("meta"):
        pyramid = taps.Pyramid(Pyramid(), Architecture())
    shapes = {level: [tuple(conv.weight.shape[:2]) for conv in adapter] for level, adapter in pyramid.adapters.items()}
    assert shapes == {
        "4": [(256, 512), (128, 256)],
        "8": [(512, 960), (256, 512)],
        "16": [(1024, 1600), (512, 1024)],
        "32": [(1024, 1920), (1024, 1024)],
    }
    assert not pyramid.stand_ins


# Many cells: multiplied kernels are cheaper. Few: the wide map between is.
@pytest.mark.parametrize("cells", [40, 2])
def test_an_adapter_is_its_two_convolutions(cells: int) -> None:
    adapter = taps.Adapter(12, 24, 6).double()
    x = torch.randn(3, 12, cells, cells, dtype=torch.float64)
    expected = adapter[1](adapter[0](x))
    torch.testing.assert_close(adapter(x), expected)
    probe = torch.randn_like(expected)
    found = torch.autograd.grad((adapter(x) * probe).sum(), list(adapter.parameters()))
    for gradient, wanted in zip(found, torch.autograd.grad((expected * probe).sum(), list(adapter.parameters())), strict=True):
        torch.testing.assert_close(gradient, wanted)
