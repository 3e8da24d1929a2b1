"""Tables from hand-made scores; every number below is worked out by hand from conftest.REGION."""

import math
from collections.abc import Callable

import pytest

from vdit_analysis.build import components_of
from vdit_analysis.outputs import Outputs
from vdit_analysis.table import Cell, Table

Make = Callable[[str], Outputs]


def table(made: Outputs, name: str) -> Table:
    return next(table for table in made.tables if table.name == name)


def cell(made: Outputs, name: str, row: str, column: str) -> Cell:
    found = table(made, name).cell(row, column)
    assert found is not None
    return found


def test_table3_is_the_mean_over_frames_then_expressions_then_seeds(outputs: Make) -> None:
    # VD-I: (.6 + .7 + .6) / 3 and .2 give J 41.667; seed 1 is 2 points higher. F is half of J, J&F three quarters.
    found = cell(outputs("full"), "table3", "VD-I", "J")
    assert [source.value for source in found.sources] == pytest.approx([125 / 3, 125 / 3 + 2])
    assert found.mean == pytest.approx(125 / 3 + 1)
    assert found.spread == pytest.approx(math.sqrt(2))  # sample standard deviation of two values 2 apart
    assert cell(outputs("full"), "table3", "VD-I", "JF").mean == pytest.approx(0.75 * (125 / 3 + 1))


def test_table5_is_the_mean_change_of_j(outputs: Make) -> None:
    # VD-I: changes .1, .1 in one expression, 0 in the other. VD-IT: one pair five apart, .95 and .75.
    assert cell(outputs("full"), "table5", "VD-I", "D1").mean == pytest.approx(5)
    assert cell(outputs("full"), "table5", "VD-IT", "D5").mean == pytest.approx(20)


def test_table6_is_the_share_of_masks_above_nine_tenths(outputs: Make) -> None:
    assert cell(outputs("full"), "table6", "VD-IT", "ratio").mean == pytest.approx(25)  # 2 of 8


def test_the_other_readings_stand_beside_the_main_ones(outputs: Make) -> None:
    # VD-I changes by .1, .1 and 0: pooled their mean; the root mean square is .1 and 0 by expression.
    assert cell(outputs("full"), "table5_readings", "VD-I", "pooled1").mean == pytest.approx(20 / 3)
    assert cell(outputs("full"), "table5_readings", "VD-I", "rms1").mean == pytest.approx(5)
    assert cell(outputs("full"), "table5_readings", "VD-I", "present1").mean == pytest.approx(5)
    # Mean J of VD-IT's expressions: .74 and .6, none above .9.
    assert cell(outputs("full"), "table6_readings", "VD-IT", "ratio").mean == 0
    assert table(outputs("full"), "table5_readings").heading == "Table 5. Temporal IoU difference, other readings"


def test_an_undefined_quantity_has_its_reason_and_is_not_incomplete(outputs: Make) -> None:
    short = cell(outputs("full"), "table5", "VD-I", "D5")
    assert (short.state, short.why) == ("undefined", "No expression has more than 5 annotated frames.")
    assert cell(outputs("full"), "table6", "random_features & co", "ratio").state == "undefined"
    assert outputs("full").complete


def test_ours_stand_beside_the_papers(outputs: Make) -> None:
    assert cell(outputs("full"), "table3", "VD-IT", "JF").published == 64.8
    assert cell(outputs("full"), "table3", "random_features & co", "JF").published is None


def test_a_method_of_the_paper_that_was_not_run_shows_the_papers_number_only(outputs: Make) -> None:
    sgmg = cell(outputs("full"), "table5", "SgMg", "D1")
    assert (sgmg.state, sgmg.published, sgmg.sources) == ("paper only", 7.24, ())


def test_an_incomplete_arm_has_no_number_and_says_how_many_seeds_are_done(outputs: Make) -> None:
    found = cell(outputs("half"), "table3", "VD-I", "JF")
    assert (found.state, len(found.sources), found.planned) == ("incomplete", 2, 3)
    assert math.isnan(found.mean)
    assert not outputs("half").complete
    assert table(outputs("half"), "table3").best(0) == frozenset()


def test_a_refused_trial_leaves_its_cell_empty_with_the_reason(outputs: Make) -> None:
    found = cell(outputs("mixed"), "table3", "VD-T", "JF")
    assert found.state == "incomplete" and found.why.startswith("mixed:")


def test_the_best_is_the_highest_or_the_lowest_as_the_column_says(outputs: Make) -> None:
    made = outputs("full")
    assert table(made, "table3").best(0) == {"VD-IT"}
    assert table(made, "table5").best(0) == {"VD-IT without noise prediction", "random_features & co"}  # both do not vary at all
    assert table(made, "table5").best(1) == frozenset()  # one value: nothing to compare


def test_one_seed_has_no_spread(outputs: Make) -> None:
    assert cell(outputs("shared"), "table3", "VD-T", "JF").spread is None


def test_ticks_follow_the_levels() -> None:
    assert components_of({"prompt": "image+text", "noise": "predicted-eq2"}) == (True, True, True)
    assert components_of({"prompt": "text", "noise": "gaussian"}) == (False, True, False)
    assert components_of({"timestep": 50}) == (None, None, None)


def test_a_random_arm_among_random_backbones_is_called_a_second_draw(outputs: Make) -> None:
    rows = {row.name: row.note for row in table(outputs("full"), "table3").rows}
    assert "second draw" in rows["random_features & co"]
    assert rows["VD-IT"] == ""


def test_arms_that_share_their_trials_say_so_of_one_another(outputs: Make) -> None:
    rows = {row.name: row.note for row in table(outputs("twins"), "table3").rows}
    assert rows["VD-IT"] == "The same trials as VD-IT at its default: the configurations are equal."
    assert rows["VD-IT at its default"] == "The same trials as VD-IT: the configurations are equal."


def test_a_row_of_accepted_older_code_says_so(outputs: Make) -> None:
    found = next(row for row in table(outputs("accepted"), "table3").rows if row.name == "VD-T")
    assert found.note == f"Computed by older code ({'c' * 12}) and accepted."
    assert found.cells[0].state == "measured"
