"""Oracle: which trials begin where, and what moves their keys."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from vdit.config.key import folder_name
from vdit.study import plan as planning
from vdit.study import spec

FINE = "start: coarse\n"


@pytest.fixture
def studies(tiny: Path) -> Callable[[str], Path]:
    """A study `coarse`, and one `fine` with the text given."""
    text = tiny.read_text()
    tiny.with_name("coarse.yaml").write_text(text.replace("study: tiny", "study: coarse"))

    def fine(extra: str) -> Path:
        path = tiny.with_name("fine.yaml")
        path.write_text(text.replace("study: tiny", "study: fine").replace("max_steps: 6", "max_steps: 3") + extra)
        return path

    return fine


def ran(study: Path, runs: Path, arms: tuple[str, ...]) -> dict[str, str]:
    """What a run of `study` leaves when these arms have finished; returns the keys by arm."""
    plan = planning.build(spec.read(str(study)), runs)
    folder = runs / "studies" / plan.study.study
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(plan.document()))
    for planned in plan.trials:
        if planned.trial.arm in arms:
            (runs / "trials" / planned.folder).mkdir(parents=True)
            (runs / "trials" / planned.folder / "result.json").write_text("{}")
    return {planned.trial.arm: planned.key for planned in plan.trials}


def test_a_trial_goes_on_from_its_own_arm_and_seed(studies: Callable[[str], Path], tmp_path: Path) -> None:
    fine = studies(FINE)
    keys = ran(fine.with_name("coarse.yaml"), tmp_path / "runs", ("VD-IT", "VD-T"))
    plan = planning.build(spec.read(str(fine)), tmp_path / "runs")
    assert {planned.trial.arm: planned.trial.train.start for planned in plan.trials} == keys
    for planned in plan.trials:
        folder = folder_name(keys[planned.trial.arm])
        assert planned.trial.launch.start == str(tmp_path / "runs/trials" / folder / "checkpoint/last.safetensors")
    drawn = planning.build(spec.read(str(studies(""))), tmp_path / "runs")
    assert not {planned.key for planned in plan.trials} & {planned.key for planned in drawn.trials}


def test_what_has_not_finished_is_named_with_the_remedy(studies: Callable[[str], Path], tmp_path: Path) -> None:
    fine = studies(FINE)
    with pytest.raises(ValueError, match=r"fine\.yaml: start: study 'coarse' has not been run here .*`vdit run coarse` first"):
        planning.build(spec.read(str(fine)), tmp_path / "runs")
    ran(fine.with_name("coarse.yaml"), tmp_path / "runs", ("VD-IT",))
    with pytest.raises(ValueError, match="arm 'VD-T' with seed 0 has not finished in study 'coarse'"):
        planning.build(spec.read(str(fine)), tmp_path / "runs")


def test_a_provisional_plan_says_that_the_beginning_is_not_known(studies: Callable[[str], Path], tmp_path: Path) -> None:
    plan = planning.build(spec.read(str(studies(FINE))), tmp_path / "runs", provisional=True)
    assert "The study to start from has not been run here" in plan.notice
    assert not any(planned.done for planned in plan.trials)


def test_a_file_is_known_by_its_content(studies: Callable[[str], Path], tmp_path: Path) -> None:
    study, file = studies(""), tmp_path / "trained.safetensors"
    found = []
    for content in ("a", "b", "a"):
        file.write_text(content)
        plan = planning.build(spec.read(str(study), start=file), tmp_path / "runs")
        found.append(plan.trials[0].key)
        assert plan.trials[0].trial.train.start.startswith("file:")
    assert found[0] == found[2] != found[1]
    with pytest.raises(ValueError, match=r"absent\.safetensors: No such file"):
        planning.build(spec.read(str(study), start=tmp_path / "absent.safetensors"), tmp_path / "runs")


def test_two_beginnings_or_one_by_hand_are_refused(studies: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="start: a study and a file to start from are both given"):
        spec.read(str(studies(FINE)), start=tmp_path)
    path = studies("")
    path.write_text(path.read_text().replace("max_steps: 3", "max_steps: 3, start: abc"))
    with pytest.raises(ValueError, match=r"train\.start: the plan works it out"):
        spec.read(str(path))


def test_the_beginning_does_not_move_the_key_by_its_place(studies: Callable[[str], Path], tmp_path: Path) -> None:
    study = spec.read(str(studies("")))
    keys = []
    for name in ("here", "there"):
        (tmp_path / name).write_text("the same")
        moved = replace(study, base=replace(study.base, launch=replace(study.base.launch, start=str(tmp_path / name))))
        keys.append(planning.build(moved, tmp_path / "runs").trials[0].key)
    assert keys[0] == keys[1]
