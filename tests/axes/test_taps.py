"""Oracle: sets, which know no order."""

import json
from itertools import permutations
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from vdit.axes import taps
from vdit.config.model import RELEASED_TAPS, Tap
from vdit.config.trial import Trial

TRIAL = Trial(arm="a")


def level(value: Any) -> Any:
    return TypeAdapter(taps.Level).validate_json(json.dumps(value), strict=True)


def test_equal_sets_give_equal_trials() -> None:
    trials = [taps.apply(TRIAL, level(list(order))) for order in permutations(("in", "up2", "down0", "mid"))]
    assert all(trial == trials[0] for trial in trials)


def test_the_released_set_listed_in_any_order_is_released_and_the_default() -> None:
    assert taps.apply(TRIAL, level("released")) == taps.apply(TRIAL, level(sorted(RELEASED_TAPS))) == TRIAL


def test_all_layers_can_be_read() -> None:
    every = taps.apply(TRIAL, level(list(get_args(Tap)))).model.pyramid.taps
    assert sorted(every) == sorted(get_args(Tap))


@pytest.mark.parametrize("wrong", [[], ["in", "in"], ["released"], "in", [["in"]], ["In"]])
def test_an_empty_set_a_layer_twice_and_unknown_layers_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        level(wrong)
