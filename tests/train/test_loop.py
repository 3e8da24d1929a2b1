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
    saved = checkpoint.read(place / "checkpoint" / checkpoint.NAME)
    assert saved is not None and saved[1] == 1
    assert torch.equal(saved[0][f"kept/{POOLER}"], session.loop.model.kept()[POOLER])
    checkpoint.write(place / "checkpoint", {**saved[0], f"kept/{POOLER}": saved[0][f"kept/{POOLER}"] + 1}, 1)
    session.open(place)
    assert torch.equal(session.loop.model.kept()[POOLER], saved[0][f"kept/{POOLER}"] + 1)


def test_a_trained_backbone_learns_at_its_share_of_the_rate(tiny: Path, tmp_path: Path) -> None:
    """Half of it, as SgMg; AdamW's first step moves every weight that has a gradient by the rate (weight decay aside)."""
    tiny.write_text(tiny.read_text().replace("max_steps: 1", "max_steps: 1, weight_decay: 0.0"))
    place = baseline(tiny, tmp_path / "runs")
    session = Session(ALONE, tmp_path / "runs")
    session.open(place)
    before = {name: parameter.detach().clone() for name, parameter in session.loop.model.trainable().items()}
    session.advance()
    rate = session.ticket.trial.train.learning_rate
    moved = {name: float((parameter - before[name]).abs().median()) for name, parameter in session.loop.model.trainable().items()}
    assert moved["features.patch_embed.proj.weight"] == pytest.approx(rate / 2, rel=0.05)
    assert moved["head.controller.layers.2.weight"] == pytest.approx(rate, rel=0.05)
