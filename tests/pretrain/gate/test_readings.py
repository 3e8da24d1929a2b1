"""Oracle: a backbone that is its own random control."""

from pathlib import Path

import numpy as np
import pytest

from vdit.config.data import World
from vdit.config.model import Model
from vdit.pretrain.gate import foreground, probe, readings, referent
from vdit.pretrain.gate.backbone import load, untrained
from vdit.pretrain.gate.clips import pairs, take
from vdit.pretrain.gate.probe import Found


def same(one: Found, other: Found) -> bool:
    return all(np.array_equal(getattr(one, part), getattr(other, part), equal_nan=True) for part in ("both_B", "either_B", "picked_B"))


def test_the_random_control_is_asked_what_the_backbone_is(model: Model, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the seed that it was drawn with it finds what the backbone does, with words and without; under another it does not."""
    # Which features are read does not depend on the probe, and this one takes no training.
    monkeypatch.setattr(probe, "network", lambda features_BMC, target_BM, seed: probe.linear(features_BMC, target_BM))
    backbone, drawn = untrained(load(folder, model), 0), pairs(World(seed=5, frames=3, height=32, width=64))
    both = readings.sets(backbone, *(take(drawn, 8, referent.nameable) for _ in range(2)))
    pairs_of_names = (
        (referent.RANDOM_WITH, referent.WITH),
        (referent.RANDOM_WITHOUT, referent.WITHOUT),
        (foreground.RANDOM, foreground.TRAINED),
    )
    own, other = (readings.of_seed(backbone, both, 8, seed) for seed in (0, 1))
    assert all(same(own[control], own[asked]) for control, asked in pairs_of_names)
    assert not any(same(other[control], other[asked]) for control, asked in pairs_of_names)
    assert not same(own[referent.WITH], own[referent.WITHOUT])
