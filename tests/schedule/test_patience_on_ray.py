"""Retries and the early stop with the real Ray Tune; only what a gang computes is a script: a line per attempt."""

import io
import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from rich.console import Console

from vdit.schedule import attempts, gang, standing
from vdit.schedule.reporter import Outcome, Reporter, folder_of
from vdit.schedule.run import run
from vdit.schedule.view import view
from vdit.study import plan as planning
from vdit.study import spec
from vdit.study.plan import Plan
from vdit.track.memory import Memory

pytestmark = pytest.mark.slow


class Scripted(tune.Trainable):  # type: ignore[misc]
    """An attempt takes two steps, and ends in its line's way: "die" by a signal, "fail" with an error, or by finishing."""

    def setup(self, config: dict[str, Any]) -> None:
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.folder, self.done = Path(new_config["folder"]), 0
        return True

    def step(self) -> dict[str, Any]:
        self.done += 1
        if self.done < 3:
            return {"done": False, "phase": "train", "position": 2 * (self.done - 1), "of": 4, "rows": ()}
        tried = self.folder / "tried"
        number = len(tried.read_text()) if tried.exists() else 0
        tried.write_text("x" * (number + 1))
        lines = (self.folder / "script").read_text().split()
        action = lines[number] if number < len(lines) else "finish"
        if action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if action.startswith("fail"):
            trace = f'  File "/vdit/train/loop.py", line {action[4:]}, in step\nRuntimeError: boom'
            return {"done": False, "failure": "RuntimeError: boom", "trace": trace, "bad_input": False}
        return {"done": True, "phase": "done", "position": 1, "of": 1, "rows": ()}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """As a gang does: nothing."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Likewise."""


Study = Callable[[dict[tuple[str, int], str]], tuple[Plan, Outcome]]


@pytest.fixture
def study(cluster: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Runs two arms with two seeds by these scripts."""
    monkeypatch.setattr(gang, "Gang", Scripted)
    cluster.add_node(num_cpus=1)

    def study(scripts: dict[tuple[str, int], str]) -> tuple[Plan, Outcome]:
        plan = planning.build(replace(spec.read(str(tiny)), seeds=(0, 1)), tmp_path / "runs")
        for planned in plan.trials:
            folder = folder_of(planned, tmp_path / "runs")
            folder.mkdir(parents=True)
            (folder / "script").write_text(scripts.get((planned.trial.arm, planned.trial.seed), ""))
        shown = view({planned.key: planned.trial.arm for planned in plan.trials}, Console(file=io.StringIO())).__enter__()
        return plan, run(plan.trials, Reporter(plan, plan.trials, tmp_path / "runs", Memory(), shown))

    return study


def test_what_is_lost_or_fails_runs_again_and_what_all_die_of_stops_the_study(study: Study, tmp_path: Path) -> None:
    plan, outcome = study({("VD-IT", 0): "die die fail1", ("VD-T", 0): "fail7 fail7"})
    assert outcome.finished == {planned.key for planned in plan.trials} and not outcome.stopped
    tried = {(one.trial.arm, one.trial.seed): attempts.read(folder_of(one, tmp_path / "runs")) for one in plan.trials}
    assert [loss.kind for loss in tried["VD-IT", 0].losses] == ["infrastructure", "infrastructure", "code"]
    assert [loss.kind for loss in tried["VD-T", 0].losses] == ["code", "code"]
    assert all(not known.losses for place, known in tried.items() if place[1])
    assert all(loss.progressed for loss in tried["VD-IT", 0].losses)
    assert all("The actor died" in loss.reason for loss in tried["VD-IT", 0].losses[:2])

    shutil.rmtree(tmp_path / "runs")
    fails = {(arm, seed): "fail5 fail5 fail5" for arm in ("VD-IT", "VD-T") for seed in range(2)}
    plan, outcome = study(fails)
    assert outcome.stopped == "3 trials failed of the same error (RuntimeError: boom)"
    assert len(outcome.failed) == 3 and len(outcome.ended) == 1
    counts = [one.state for one in standing.of(plan, tmp_path / "runs")]
    assert counts.count("FAILED") == 3 and counts.count("COMPLETE") == 0
