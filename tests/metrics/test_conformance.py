"""Every metric offers the same: what it is and where it comes from, its unit, and `measure`."""

import inspect
import re

import pytest

from vdit.registry import find, members


def test_the_quantities_of_the_paper_are_there() -> None:
    assert {"components", "consistency", "contour", "drift", "light", "quality", "region"} <= set(members("metrics"))


@pytest.mark.parametrize("name", members("metrics"))
def test_a_metric_says_what_it_is_where_it_is_from_and_in_which_unit(name: str) -> None:
    metric = find("metrics", name)
    first = (metric.__doc__ or "").splitlines()[0]
    assert re.search(r"\b(Table|Figure|Section|Eq\.) \d", first), f"{name}.py: no table, figure, section or equation in {first!r}"
    assert isinstance(metric.UNIT, str) and metric.UNIT
    assert inspect.isfunction(metric.measure)
    assert metric.measure.__doc__, f"{name}.measure has no docstring"
    assert "return" in inspect.get_annotations(metric.measure)
