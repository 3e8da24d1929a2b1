"""The paper's claims as differences. Oracles: the paper's own sentences, and differences of conftest's values."""

from collections.abc import Callable

import pytest

from vdit_analysis.claims import Finding, measured
from vdit_analysis.outputs import Outputs

Make = Callable[[str], Outputs]


def finding(made: Outputs, says: str) -> Finding:
    return next(found for found in measured(made.tables) if found.claim.says == says)


def test_published_differences_are_those_the_paper_states(outputs: Make) -> None:
    assert finding(outputs("full"), "Text beats image as the prompt").published == pytest.approx(2.2)
    assert finding(outputs("full"), "Noise prediction adds 1.0").published == pytest.approx(1.0)


def test_differences_are_paired_by_seed(outputs: Make) -> None:
    found = finding(outputs("full"), "Text beats image as the prompt")
    # J&F is .75 of J: VD-T 52.5, VD-I 41.667, and a seed moves both alike, so that the paired spread is zero.
    assert found.difference == pytest.approx(0.75 * (52.5 - 125 / 3))
    assert found.spread == pytest.approx(0, abs=1e-9)
    assert found.seeds == 2


def test_an_incomplete_arm_leaves_the_claim_without_a_difference(outputs: Make) -> None:
    found = finding(outputs("half"), "VD-IT is steadier than VD-I, frame to frame")
    assert found.difference is None and found.seeds == 0


def test_claims_about_arms_that_the_study_lacks_are_left_out(outputs: Make) -> None:
    assert not measured(outputs("shared").tables)
