"""FLOPs at the published sizes. Oracles: the published counts of the frozen networks, a convolution counted by hand, the goals."""

import pytest
import torch
from bench_flops import GIGA, STORED, UNET, Counts, flops, measure


@pytest.fixture(scope="module")
def counts() -> Counts:
    return measure()


@pytest.mark.slow
def test_the_released_forward_costs_what_is_known_of_its_parts(counts: Counts) -> None:
    forward = {name: number / GIGA for name, number in counts.released.forward.items()}
    assert forward["autoencoder"] == pytest.approx(5224, abs=1)
    assert forward["image tower"] == pytest.approx(1673, abs=1)
    assert forward["text tower"] == pytest.approx(45, abs=1)
    assert sum(forward[f"U-Net {part}"] for part in UNET) == pytest.approx(6061, abs=1)
    assert forward["U-Net up_blocks.3"] == pytest.approx(1310, abs=1)
    assert counts.map4 / GIGA / 5224 == pytest.approx(0.81, abs=0.01)


@pytest.mark.slow
def test_a_training_step_costs_at_most_the_goals_share_of_the_released_recipe(counts: Counts) -> None:
    for name, share in counts.shares().items():
        assert share <= STORED[name], name


def test_the_gradients_of_a_grouped_convolution_cost_twice_the_convolution() -> None:
    x, weight = torch.zeros(2, 12, 5, 7, requires_grad=True), torch.zeros(8, 3, 3, 3, requires_grad=True)
    forward = 2 * (2 * 5 * 7) * 8 * 3 * 3 * 3  # two a multiply-add; pixels, outputs, inputs of a group, kernel
    output = torch.nn.functional.conv2d(x, weight, padding=1, groups=4)
    assert flops(lambda: torch.nn.functional.conv2d(x, weight, padding=1, groups=4)) == forward
    assert flops(output.sum().backward) == 2 * forward
