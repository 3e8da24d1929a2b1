"""Oracle: tensors spoilt one at a time, by hand."""

from pathlib import Path

import pytest
import torch

from vdit.weights.fit import check, differences, shapes

EXPECTED = {"a": (2, 3), "b": ()}
GOOD = {"a": torch.zeros(2, 3), "b": torch.tensor(0.0)}


def test_what_fits_passes() -> None:
    check(Path("file"), GOOD, EXPECTED)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"a": GOOD["a"]}, "b is missing"),
        ({**GOOD, "c": torch.zeros(1)}, "c is unknown"),
        ({**GOOD, "a": torch.zeros(3, 2)}, r"a is \(3, 2\), expected \(2, 3\)"),
        ({**GOOD, "a": GOOD["a"].half()}, r"a is torch\.float16, expected torch\.float32"),
        ({**GOOD, "a": GOOD["a"].long()}, r"a is torch\.int64, expected torch\.float32"),
        ({"A": GOOD["a"], "b": GOOD["b"]}, "a is missing, A is unknown"),
    ],
)
def test_what_does_not_fit_is_named_with_its_file(given: dict[str, torch.Tensor], said: str) -> None:
    with pytest.raises(ValueError, match=f"file does not fit: {said}; "):
        check(Path("file"), given, EXPECTED)


def test_names_are_spelled_as_in_the_file() -> None:
    with pytest.raises(ValueError, match=r"old\.b is missing"):
        check(Path("file"), {"a": GOOD["a"]}, EXPECTED, "old.{}".format)


def test_shapes_of_a_network_are_those_of_its_whole_state() -> None:
    assert shapes(torch.nn.BatchNorm1d(3)) == {
        "weight": (3,),
        "bias": (3,),
        "running_mean": (3,),
        "running_var": (3,),
        "num_batches_tracked": (),
    }


def test_sizes_are_compared_with_the_published_ones() -> None:
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3}) == "sizes: as published"
    assert differences({"a": 1, "b": 2}, {"a": 1, "b": 3}) == "sizes: b 2 (published: 3)"
