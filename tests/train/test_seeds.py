"""Seeds depend on every part, and drawing leaves the generator outside alone."""

import torch

from vdit.train.seeds import derive, drawing


def test_every_part_and_its_type_matter() -> None:
    seeds = {
        derive(0, "dropout", 1, 2),
        derive(0, "dropout", 2, 1),
        derive(1, "dropout", 1, 2),
        derive(0, "noise", 1, 2),
        derive("0", "dropout", 1, 2),
    }
    assert len(seeds) == 5
    assert derive(0, "dropout", 1, 2) == derive(0, "dropout", 1, 2)


def test_drawing_repeats_and_does_not_leak() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    draws = []
    for _ in range(2):
        with drawing(5, torch.device("cpu")):
            draws.append(torch.rand(3))
    assert torch.equal(*draws)
    assert torch.equal(torch.rand(3), expected)
