"""The paper's claims as differences. Oracles: the paper's own sentences, and differences of conftest's values."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from vdit_analysis.claims import Finding
from vdit_analysis.outputs import Outputs

Make = Callable[[str], Outputs]


def finding(made: Outputs, says: str) -> Finding:
    return next(found for found in made.claims if found.claim.says == says)


def test_published_differences_are_those_the_paper_states(outputs: Make) -> None:
    assert finding(outputs("full"), "Text beats image as the prompt").published == pytest.approx(2.2)
    assert finding(outputs("full"), "Noise prediction adds 1.0").published == pytest.approx(1.0)


def test_differences_are_paired_by_seed(outputs: Make) -> None:
    found = finding(outputs("full"), "Text beats image as the prompt")
    # J&F is .75 of J: VD-T 52.5, VD-I 41.667, and a seed moves both alike, so that the paired spread is zero.
    assert found.difference == pytest.approx(0.75 * (52.5 - 125 / 3))
    assert found.spread == pytest.approx(0, abs=1e-9)
    assert found.seeds == 2


def test_the_interval_is_that_of_the_table_with_the_other_arm_as_its_reference(outputs: Make) -> None:
    """Of Table 3 with VD-IT as the reference, which it is: the same difference turned round."""
    found = finding(outputs("full"), "Noise prediction adds 1.0")
    (table,) = (table for table in outputs("full").tables if table.name == "table3")
    turned = table.cell(found.claim.against, "JF")
    assert turned is not None and turned.comparison is not None and found.interval is not None
    assert found.interval.estimate == pytest.approx(found.difference) == pytest.approx(-turned.comparison.interval.estimate)


@pytest.mark.parametrize(("ends", "papers", "seeds", "verdict"), [
    ((0.2, 1.0), 0.5, 3, "appears"),
    ((-1.0, -0.2), -0.5, 3, "appears"),
    ((-1.0, -0.2), 0.5, 3, "the reverse appears"),
    ((0.2, 1.0), -0.5, 3, "the reverse appears"),
    ((-0.2, 1.0), 0.5, 3, "open"),
    ((0.0, 1.0), 0.5, 3, "open"),
    ((0.2, 1.0), 0.5, 1, None),
    ((float("nan"), float("nan")), 0.5, 3, None),
])  # fmt: skip
def test_a_claim_appears_where_the_whole_interval_is_on_the_papers_side(
    outputs: Make, ends: tuple[float, float], papers: float, seeds: int, verdict: str | None
) -> None:
    found = finding(outputs("full"), "Text beats image as the prompt")
    assert found.interval is not None
    given = replace(found.interval, low=ends[0], high=ends[1])
    assert replace(found, interval=given, published=papers, seeds=seeds).verdict == verdict
    assert replace(found, interval=None).verdict is None


def test_the_papers_method_is_compared_with_its_baseline(outputs: Make) -> None:
    """The baseline's trial is VD-I's under another name, and one seed has no verdict."""
    found, far = (
        finding(outputs("baseline"), f"VD-IT is steadier than SgMg, {apart}") for apart in ("frame to frame", "five frames apart")
    )
    assert (found.published, far.published) == pytest.approx((5.19 - 7.24, 7.89 - 11.15))
    table = next(table for table in outputs("full").tables if table.name == "table5")
    ours, theirs = (table.cell(arm, "D1") for arm in ("VD-IT", "VD-I"))
    assert ours is not None and theirs is not None
    assert found.difference == pytest.approx(ours.sources[0].value - theirs.sources[0].value)
    assert (found.seeds, found.verdict) == (1, None)


def test_an_incomplete_arm_leaves_the_claim_without_a_difference(outputs: Make) -> None:
    found = finding(outputs("half"), "VD-IT is steadier than VD-I, frame to frame")
    assert found.difference is None and found.seeds == 0


def test_claims_about_arms_that_the_study_lacks_are_left_out(outputs: Make) -> None:
    assert not outputs("shared").claims
