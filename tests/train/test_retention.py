"""What stays of a trial's checkpoints. Oracle: steps and losses that are given, and a real trial's folder."""

from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from vdit.config.trial import Keep
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import checkpoint
from vdit.train.group import Member
from vdit.train.retention import BEST, Retention
from vdit.train.session import Session

LOSSES = ((3.0, 2.0), (1.0, 1.5), (4.0, 0.5), (9.0, 9.0))  # between checkpoints; the means are 2.5, 1.25, 2.25, 9


def tensors(step: int) -> dict[str, torch.Tensor]:
    return {f"{kind}/w": torch.full((2,), float(step)) for kind in ("parameter", "exp_avg", "exp_avg_sq", "kept")}


def run(retention: Retention, checkpoints: range) -> None:
    for index in checkpoints:
        retention.saw(LOSSES[index])
        retention.write(tensors(index), 2 * (index + 1))


def test_the_best_has_the_smallest_mean_loss_and_only_parameters(tmp_path: Path) -> None:
    retention = Retention(tmp_path, "best")
    run(retention, range(4))
    retention.end()
    best, last = checkpoint.read(tmp_path / BEST), checkpoint.read(tmp_path / checkpoint.NAME)
    assert best is not None and last is not None
    assert (best[1], last[1]) == (4, 8) and best[0].keys() == {"parameter/w", "kept/w"}
    assert best[0]["parameter/w"].tolist() == [1.0, 1.0]


def test_a_trial_that_resumes_keeps_the_same_best(tmp_path: Path) -> None:
    """Killed after the second checkpoint; and again after the best was written and the last was not."""
    run(Retention(tmp_path, "best"), range(2))
    again = Retention(tmp_path, "best")
    again.tidy(4)
    run(again, range(2, 4))
    assert again.best() == (4, 1.25)
    again.tidy(2)
    assert again.best() is None


def test_drafts_and_what_is_not_wanted_any_more_go(tmp_path: Path) -> None:
    run(Retention(tmp_path, "best"), range(2))
    (tmp_path / ".last.safetensors.123").write_text("half")
    Retention(tmp_path, "last").tidy(4)
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.NAME]


@pytest.mark.usefixtures("process_group")
def test_a_trial_leaves_what_its_study_keeps(tiny: Path, tmp_path: Path) -> None:
    """And its key is the same whatever that is."""
    tiny.write_text(tiny.read_text().replace("light: [0.4], light_draws: 1, drift_clips: 2, drift_frames: 3", "light: [], drift_clips: 0"))
    study, runs, left = spec.read(str(tiny)), tmp_path / "runs", {}
    session = Session(Member(0, 1, torch.device("cpu")), runs)
    keys = set()
    for keep in get_args(Keep):
        base = replace(study.base, launch=replace(study.base.launch, keep=keep), train=replace(study.base.train, max_steps=2))
        plan = planning.build(replace(study, base=base), runs)
        place = prepare(plan.trials[0], plan, runs)
        (place / "result.json").unlink(missing_ok=True)
        progress = session.open(place)
        while not progress.finished:
            progress = session.advance()
        left[keep] = sorted(path.name for path in (place / "checkpoint").glob("*"))
        for file in (place / "checkpoint").glob("*"):
            file.unlink()
        keys.add(plan.trials[0].key)
    assert left == {"last": [checkpoint.NAME], "best": [BEST, checkpoint.NAME], "none": []}
    assert len(keys) == 1
