"""Steps, clips and learning rate are functions of the step alone; oracle: torch's MultiStepLR and counting."""

from dataclasses import replace

import pytest
import torch

from vdit.config.data import Data
from vdit.config.train import Train
from vdit.train.schedule import Schedule
from vdit.video import Item

ITEMS = tuple(Item(video, 0, 0) for video in range(11))
TRAIN = Train(epochs=5, batch=2, learning_rate=1e-3, drops=(2, 4))


def test_an_epoch_shows_every_clip_once_but_those_of_a_last_incomplete_batch() -> None:
    schedule = Schedule(ITEMS, Data(), TRAIN)
    assert schedule.steps_per_epoch == 5
    seen = [index for step in range(5) for index in schedule.indices(step)]
    assert len(seen) == len(set(seen)) == 10


def test_epochs_differ_and_repeat_for_the_same_seed() -> None:
    first, again = Schedule(ITEMS, Data(), TRAIN), Schedule(ITEMS, Data(), TRAIN)
    other = Schedule(ITEMS, Data(seed=1), TRAIN)
    steps = range(first.steps)
    assert [first.indices(step) for step in steps] == [again.indices(step) for step in steps]
    assert [first.indices(step) for step in steps] != [other.indices(step) for step in steps]
    assert [first.indices(step) for step in range(5)] != [first.indices(step) for step in range(5, 10)]


def test_the_learning_rate_is_that_of_multi_step_lr() -> None:
    schedule = Schedule(ITEMS, Data(), TRAIN)
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=TRAIN.learning_rate)
    oracle = torch.optim.lr_scheduler.MultiStepLR(optimizer, TRAIN.drops, 0.1)
    for epoch in range(TRAIN.epochs):
        assert schedule.learning_rate(epoch * 5) == pytest.approx(optimizer.param_groups[0]["lr"])
        assert schedule.learning_rate(epoch * 5 + 4) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        oracle.step()


def test_max_steps_cuts_the_epochs_short() -> None:
    assert Schedule(ITEMS, Data(), replace(TRAIN, max_steps=7)).steps == 7
    assert Schedule(ITEMS, Data(), replace(TRAIN, max_steps=700)).steps == 25


def test_a_batch_larger_than_the_split_is_refused() -> None:
    with pytest.raises(ValueError, match=r"train\.batch is 12 but the training split has 11 clips"):
        Schedule(ITEMS, Data(), replace(TRAIN, batch=12))
