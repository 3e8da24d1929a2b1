"""From a cell back to its runs."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from vdit_analysis.outputs import Outputs
from vdit_analysis.runs import StudyRuns
from vdit_analysis.trace import trace

Make = Callable[[str], Outputs]
Load = Callable[[str], StudyRuns]


def test_a_cell_leads_to_keys_runs_and_files(load: Load, outputs: Make, recorded: SimpleNamespace) -> None:
    chain = trace(load("full"), outputs("full").tables, "table3:VD-IT:J")
    assert [step.run_id for step in chain.steps] == [recorded.run_ids["VD-IT", seed] for seed in (0, 1)]
    assert [step.key for step in chain.steps] == ["0300" * 16, "0301" * 16]
    # J of the expressions: (.95 + .92 + 3 * .6 + .75) / 6 and .6; the second seed adds 2 points.
    assert [step.value for step in chain.steps] == pytest.approx([100 * (4.42 / 6 + 0.6) / 2, 100 * (4.42 / 6 + 0.6) / 2 + 2])
    assert (chain.printed, chain.published, chain.missing) == ("67.8 ± 1.4", 63.1, ())
    assert chain.steps[0].files[2].endswith(f"{recorded.run_ids['VD-IT', 0]}/artifacts/scores.parquet")
    assert all(step.key in str(chain) and step.run_id in str(chain) for step in chain.steps)


def test_a_shared_trial_names_the_study_that_ran_it(load: Load, outputs: Make) -> None:
    assert trace(load("shared"), outputs("shared").tables, "table3:ours:J").steps[0].ran_in == "full"


def test_an_accepted_result_names_its_code_and_the_one_it_stands_for(load: Load, outputs: Make) -> None:
    chain = trace(load("accepted"), outputs("accepted").tables, "table3:VD-T:JF")
    assert (chain.steps[0].code, chain.steps[0].accepted_for) == ("c" * 64, "f" * 64)
    assert f"code {'c' * 16}" in str(chain) and f"accepted for code {'f' * 16}" in str(chain)
    assert "accepted" not in str(trace(load("full"), outputs("full").tables, "table3:VD-T:JF"))


def test_missing_seeds_are_listed(load: Load, outputs: Make) -> None:
    chain = trace(load("half"), outputs("half").tables, "table3:VD-I:JF")
    assert chain.missing == (2,)
    assert "seed 2: not finished" in str(chain)


@pytest.mark.parametrize(
    ("reference", "hint"),
    [
        ("table4:VD-IT:JF", "did you mean 'table"),
        ("table3:VD-TI:JF", "did you mean 'VD-"),
        ("table3:VD-IT:F1", "'F'"),
        ("table3", "TABLE:ARM:COLUMN"),
    ],
)
def test_a_misspelt_cell_names_the_nearest(load: Load, outputs: Make, reference: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint):
        trace(load("full"), outputs("full").tables, reference)
