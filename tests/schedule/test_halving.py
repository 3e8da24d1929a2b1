"""Which points are ended early: the rule of ASHA by hand, on losses written to files."""

import json
from pathlib import Path

import pytest

from vdit.schedule.halving import Halving, mean_loss, rungs
from vdit.study.search import Search

SEARCH = Search(trials=9, grace_steps=2, reduction=2)


def trial(folder: Path, loss: float, steps: int = 16) -> Path:
    """A trial whose loss is the same in every step."""
    folder.mkdir(exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps({"step": step, "loss": loss}) + "\n" for step in range(steps)))
    return folder


def test_rungs_are_powers_of_the_reduction_apart() -> None:
    assert rungs(SEARCH)[:5] == [2, 4, 8, 16, 32]
    assert rungs(Search(trials=9)) == []


def test_the_loss_of_a_rung_is_the_mean_over_its_second_half(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_text("".join(json.dumps({"step": step, "loss": float(step)}) + "\n" for step in range(9)) + '{"step": 9, "lo')
    assert mean_loss(tmp_path, 8) == pytest.approx((4 + 5 + 6 + 7) / 4)


def test_the_worse_half_of_those_that_reached_a_rung_is_ended_there(tmp_path: Path) -> None:
    """Of four that come in turn: the first never is, a better one never is, and a worse one is where the median is better."""
    halving = Halving(SEARCH)
    ended = [halving.ends(trial(tmp_path / str(loss), loss), 2, 16) for loss in (5.0, 4.0, 7.0, 4.5)]
    assert ended == [None, None, 7.0, None]


def test_between_rungs_and_at_the_last_step_nothing_is_ended(tmp_path: Path) -> None:
    halving = Halving(SEARCH)
    best, worst = trial(tmp_path / "best", 1.0), trial(tmp_path / "worst", 9.0)
    assert [halving.ends(best, step, 16) for step in (1, 2, 3, 4, 8)] == [None] * 5
    assert halving.ends(worst, 1, 16) is None
    assert halving.ends(worst, 3, 16) == 9.0, "the rung at 2 counts at the first report after it"
    assert halving.ends(worst, 16, 16) is None


def test_the_reference_is_compared_and_never_ended(tmp_path: Path) -> None:
    reference = trial(tmp_path / "reference", 9.0)
    halving = Halving(SEARCH, {str(reference)})
    assert halving.ends(trial(tmp_path / "best", 1.0), 2, 16) is None
    assert halving.ends(reference, 2, 16) is None
    assert halving.ends(trial(tmp_path / "other", 6.0), 2, 16) == 6.0


def test_trials_of_an_earlier_run_count_as_if_they_had_been_here(tmp_path: Path) -> None:
    halving = Halving(SEARCH)
    halving.remember(trial(tmp_path / "best", 1.0, steps=5), ended=True)
    halving.remember(tmp_path / "never begun", ended=False)
    assert halving.ends(trial(tmp_path / "worst", 9.0), 4, 16) == 9.0
    assert halving.ends(trial(tmp_path / "other", 9.0), 8, 16) is None, "the best did not reach the rung at 8"


def test_without_grace_steps_nothing_is_ended(tmp_path: Path) -> None:
    halving = Halving(Search(trials=9))
    assert all(halving.ends(trial(tmp_path / str(loss), loss), 8, 16) is None for loss in (1.0, 9.0))


def test_a_trial_that_was_cut_off_at_a_rung_is_compared_there_when_it_goes_on(tmp_path: Path) -> None:
    """Its worker had taken the step, and its driver died before it could say what that means."""
    halving = Halving(SEARCH)
    halving.remember(trial(tmp_path / "best", 1.0), ended=True)
    worst = trial(tmp_path / "worst", 9.0, steps=4)
    halving.remember(worst, ended=False)
    assert halving.ends(worst, 3, 16) is None, "it was let go on at 2"
    trial(worst, 9.0, steps=6)
    assert halving.ends(worst, 6, 16) == 9.0
