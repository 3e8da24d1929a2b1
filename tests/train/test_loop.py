"""The baseline's loop: what is not trained is in its checkpoint, and comes back from there."""

from pathlib import Path

import pytest
import torch

from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import checkpoint
from vdit.train.group import Member
from vdit.train.session import Session

ALONE = Member(0, 1, torch.device("cpu"))
POOLER = "head.queries.pooler.weight"

pytestmark = pytest.mark.usefixtures("process_group")


def baseline(study: Path, runs: Path) -> Path:
    """The folder of a trial of Video Swin under SgMg's head, on frames that are large enough for it."""
    text = study.read_text().replace("height: 32, width: 64", "height: 144, width: 144").replace("max_steps: 6", "max_steps: 1")
    head, arms, rest = text.partition("arms:\n")
    study.write_text(head + arms + "  SgMg: {backbone: video-swin, head: sgmg}\n" + rest)
    plan = planning.build(spec.read(str(study)), runs)
    return prepare(next(trial for trial in plan.trials if trial.trial.arm == "SgMg"), plan, runs)


def test_a_resumed_baseline_has_the_pooler_of_its_checkpoint(tiny: Path, tmp_path: Path) -> None:
    place = baseline(tiny, tmp_path / "runs")
    session = Session(ALONE, tmp_path / "runs")
    session.open(place)
    session.advance()
    saved = checkpoint.read(place / "checkpoint")
    assert saved is not None and saved[1] == 1
    assert torch.equal(saved[0][f"kept/{POOLER}"], session.loop.model.kept()[POOLER])
    checkpoint.write(place / "checkpoint", {**saved[0], f"kept/{POOLER}": saved[0][f"kept/{POOLER}"] + 1}, 1)
    session.open(place)
    assert torch.equal(session.loop.model.kept()[POOLER], saved[0][f"kept/{POOLER}"] + 1)
