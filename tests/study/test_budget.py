"""`budget` of a study: what the file may say, what is refused, when it is used up."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest

from vdit.study import plan, spec
from vdit.study.budget import Amount, Budget, check, over

STUDY = """
study: demo
preset: small
arms: {a: {prompt: text}}
"""


def test_a_study_without_a_budget_has_no_limits(write: Callable[[str], Path]) -> None:
    assert spec.read(str(write(STUDY))).budget == Budget() == Budget(gpu_hours=math.inf, wall_hours=math.inf, disk_gb=math.inf)


def test_a_budget_is_no_part_of_the_key(write: Callable[[str], Path], tmp_path: Path) -> None:
    without = plan.build(spec.read(str(write(STUDY))), tmp_path)
    limited = spec.read(str(write(STUDY + "budget: {gpu_hours: 10, disk_gb: 0.5}\n")))
    assert limited.budget == Budget(gpu_hours=10, disk_gb=0.5)
    assert [planned.key for planned in plan.build(limited, tmp_path).trials] == [planned.key for planned in without.trials]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{gpu_hour: 1}", "budget.gpu_hour: unknown key 'gpu_hour'; did you mean 'gpu_hours'?"),
        ("{gpu_hours: -1}", "budget.gpu_hours: should be greater than or equal to 0"),
        ("{wall_hours: long}", "budget.wall_hours: should be a valid number"),
        ("3", "budget: should be a mapping"),
    ],
)
def test_a_wrong_budget_is_refused_with_its_key(write: Callable[[str], Path], given: str, told: str) -> None:
    with pytest.raises(ValueError) as error:
        spec.read(str(write(STUDY + f"budget: {given}\n")))
    assert told in str(error.value)


def test_an_estimate_beyond_the_budget_is_refused_with_all_numbers(tmp_path: Path) -> None:
    limits, path = Budget(gpu_hours=10), tmp_path / "demo.yaml"
    check(path, limits, Amount(gpu_hours=4), Amount(gpu_hours=6, wall_hours=100, disk_gb=100), "a guess")
    with pytest.raises(ValueError) as error:
        check(path, limits, Amount(gpu_hours=4), Amount(gpu_hours=6.5), "a guess")
    told = str(error.value)
    assert "budget.gpu_hours: the trials to run need about 6.5 (a guess) and 4 are spent, the budget is 10" in told


def test_nothing_of_what_is_not_used_is_refused(tmp_path: Path) -> None:
    """A study on CPUs with a budget of no GPU hours."""
    check(tmp_path, Budget(gpu_hours=0), Amount(), Amount(wall_hours=5), "")
    assert over(Budget(gpu_hours=0), Amount(wall_hours=5)) == ""


def test_a_budget_is_used_up_when_it_is_reached() -> None:
    limits = Budget(wall_hours=2, disk_gb=1)
    assert over(limits, Amount(wall_hours=1.99, disk_gb=0.5)) == ""
    assert over(limits, Amount(wall_hours=2, disk_gb=0.5)) == "2 of 2 wall_hours are spent"
    assert over(limits, Amount(wall_hours=3, disk_gb=1.5)) == "3 of 2 wall_hours are spent; 1.5 of 1 disk_gb are spent"
