"""Half precision is raised to single; single and double stay."""

import torch

from vdit.model.precision import no_autocast, single


def test_only_half_precision_is_raised() -> None:
    raised = {dtype: single(torch.zeros(1, dtype=dtype)).dtype for dtype in (torch.bfloat16, torch.float16, torch.float32, torch.float64)}
    assert raised == {
        torch.bfloat16: torch.float32,
        torch.float16: torch.float32,
        torch.float32: torch.float32,
        torch.float64: torch.float64,
    }


def test_products_inside_the_block_are_not_rounded() -> None:
    a = torch.full((1, 1), 1.0009765625)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (a @ a).dtype == torch.bfloat16
        with no_autocast(a.device):
            assert (a @ a).dtype == torch.float32
