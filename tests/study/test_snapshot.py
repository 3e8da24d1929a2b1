"""A study that is edited while it runs: the plan of the start is compared with what the file plans afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vdit.study import plan, snapshot, spec
from vdit.study.snapshot import Snapshot

STUDY = """
study: demo
preset: small
arms:
  a: {prompt: text}
"""


@pytest.fixture
def told(write: Callable[[str], Path], tmp_path: Path) -> Callable[[str], str]:
    """What is said at the end of a run during which the file became `text`."""
    file = write(STUDY)
    before, began = Snapshot.of(str(file)), plan.build(spec.read(str(file)), tmp_path)

    def told(text: str) -> str:
        file.write_text(text)
        return "\n".join(before.describe(began, lambda: plan.build(spec.read(str(file)), tmp_path), tmp_path / "manifests"))

    return told


def test_an_untouched_study_is_not_mentioned(told: Callable[[str], str]) -> None:
    assert told(STUDY) == ""


def test_an_edit_is_told_with_what_another_run_would_do(told: Callable[[str], str]) -> None:
    said = told(STUDY + "  b: {prompt: image}\n")
    assert said.startswith("experiments/demo.yaml was edited while it ran; what ran is the study as it was at the start.")
    assert "Another `vdit run demo` would run 2 of 2 trials." in said
    assert "1 kept, 1 added" in said and "added: b (seed 0)" in said


def test_an_edit_that_changes_no_trial_says_so(told: Callable[[str], str]) -> None:
    said = told(STUDY + "# a comment\n")
    assert "was edited" in said and "would run 1 of 1 trials" in said and "Since" not in said


def test_a_study_that_is_broken_now_is_told_with_its_mistake(told: Callable[[str], str]) -> None:
    assert "As it is now it does not run: experiments/demo.yaml: arms.a.promt: unknown axis" in told(STUDY.replace("prompt", "promt"))


def test_an_edit_of_the_code_is_told_with_its_digests(told: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.code_digest, "__wrapped__", lambda *_: "f" * 64)
    assert f"-> {'f' * 12}): another `vdit run demo` computes every trial again, unless --accept" in told(STUDY)
