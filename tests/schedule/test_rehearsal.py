"""Rehearsals in this process: a marker a trial, nothing else, and a level that truly has no effect is found out.

With a checkpoint folder given, the backbones `miniature` and `modelscope` read the same files into the same networks.
"""

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from rich.console import Console

from vdit.schedule.local import Here
from vdit.schedule.rehearsal import rehearse
from vdit.schedule.reporter import Outcome
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan, PlannedTrial
from vdit.study.rehearsal import Stage
from vdit.train.group import Member
from vdit.train.session import Session

SAME = "  same: {prompt: image+text, noise: predicted, backbone: modelscope}\n"


def stage(study: Path, runs: Path, weights: Path | None) -> Stage:
    plan = planning.build(spec.read(str(study), weights=weights), runs)
    return Stage(plan, plan.missing, runs, 1)


def here(runs: Path) -> Here:
    return Here(Session(Member(0, 1, torch.device("cpu")), runs), Console(file=io.StringIO()))


def never(plan: Plan, todo: Sequence[PlannedTrial], runs: Path) -> Outcome:
    raise AssertionError("rehearsed twice")


@pytest.mark.usefixtures("process_group")
def test_a_level_without_effect_is_refused_once_everything_has_run_and_nothing_is_kept(tiny: Path, folder: Path, tmp_path: Path) -> None:
    text = tiny.read_text().replace("  VD-T:", f"{SAME}  VD-T:")
    tiny.write_text(text)
    runs = tmp_path / "runs"
    found = stage(tiny, runs, folder)
    verdict = rehearse(found, here(runs))
    (said,) = verdict.refused
    assert said.startswith("arm 'same' is a no-op: with backbone modelscope for the preset's level the losses and gradients")
    assert not verdict.bad_input
    assert {path.name for path in runs.iterdir()} == {"data", "manifests", "rehearsals"}
    assert {path.name for path in (runs / "rehearsals").iterdir()} == {f"{planned.folder}.json" for planned in found.plan.trials}

    # Before clipping at 0.1 the gradient is longer than that; AdamW's first moment is a tenth of it.
    first = json.loads((runs / "rehearsals" / f"{found.plan.trials[0].folder}.json").read_text())["first"]
    assert sum(length**2 for length in first["gradients"].values()) ** 0.5 == pytest.approx(0.1 * 0.1, rel=1e-4)
    assert first["losses"]["loss"] > 0

    tiny.write_text(text + "allow_noop: [same]\n")
    assert rehearse(stage(tiny, runs, folder), never).refused == ()


def test_an_arm_that_cannot_run_is_named_with_its_reason_and_its_log_and_rehearsed_again(tiny: Path, tmp_path: Path) -> None:
    found = stage(tiny, tmp_path, None)

    def fails(plan: Plan, todo: Sequence[PlannedTrial], runs: Path) -> Outcome:
        for planned in todo:
            folder = runs / "trials" / planned.folder
            (folder / "log.txt").write_text("what happened")
            (folder / "result.json").write_text(json.dumps({"seconds": 1, "metrics": {"jf": 1.0}, "first": None}))
        return Outcome(finished={todo[0].key}, failed={todo[1].key: "OutOfMemoryError: 80 GB"})

    (said,) = rehearse(found, fails).refused
    assert said.startswith("arm 'VD-T' cannot run: OutOfMemoryError: 80 GB")
    log = found.place / "trials" / found.plan.trials[1].folder / "log.txt"
    assert str(log) in said and log.read_text() == "what happened"
    assert [planned.trial.arm for planned in found.due()] == ["VD-T"]


def test_an_interrupted_rehearsal_lets_nothing_start(tiny: Path, tmp_path: Path) -> None:
    verdict = rehearse(stage(tiny, tmp_path, None), lambda plan, todo, runs: Outcome())
    assert verdict.unfinished and not verdict.refused
