"""Formats are found by their file's name, and offer the same."""

import inspect

import pytest

from vdit.registry import find, members
from vdit.submit.formats import form, has_form, packer

FORMATS = [name for name in members("submit") if hasattr(find("submit", name), "writing")]


def test_the_benchmarks_of_masks_are_there() -> None:
    assert {"ref_youtube_vos", "ref_davis17", "mevis", "miniature"} <= set(FORMATS)
    assert form("ref-youtube-vos") is find("submit", "ref_youtube_vos")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_has_what_its_siblings_have(name: str) -> None:
    module = find("submit", name)
    for public, parameters in {
        "listing": ["root", "split"],
        "finished": ["out", "video"],
        "writing": ["out", "video", "threshold"],
    }.items():
        assert list(inspect.signature(getattr(module, public)).parameters) == parameters


@pytest.mark.parametrize("name", members("benchmarks"))
def test_a_benchmark_without_a_format_is_scored_by_detections(name: str) -> None:
    """So that every benchmark can be predicted."""
    module = find("benchmarks", name)
    kinds = {
        found.evaluation for _, found in inspect.getmembers(module, inspect.isclass) if isinstance(getattr(found, "evaluation", 0), str)
    }
    assert (kinds == {"detections"}) is not has_form(name)


def test_other_benchmarks_are_refused() -> None:
    with pytest.raises(ValueError, match="the results of 'refcoco' are no folders of masks"):
        form("refcoco")
    with pytest.raises(ValueError, match="no server takes an archive of 'ref_davis17'"):
        packer("ref_davis17")
    with pytest.raises(ValueError, match="did you mean 'mevis'"):
        packer("mevs")
