"""The presets that ship, against the functions and numbers they stand for."""

from dataclasses import replace
from pathlib import Path

import pytest

from vdit.config.released import released
from vdit.config.trial import Trial
from vdit.prepare import held_out
from vdit.study import plan, spec
from vdit.study.preset import base_trial

EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"


def preset(name: str) -> Trial:
    return base_trial(EXPERIMENTS / "demo.yaml", name, {})[0]


def test_released_is_the_paper_with_every_option_as_released() -> None:
    given, paper = preset("released"), released(preset("paper"))
    assert replace(given, evaluate=paper.evaluate) == paper
    assert replace(given.evaluate, autocast="none") == paper.evaluate


@pytest.mark.parametrize("study", ["ablation", "baseline", "backbones", "stable_diffusion_1", "finetune"])
def test_ref_youtube_vos_is_measured_on_the_part_of_train_that_is_not_trained_on(study: str) -> None:
    data = spec.read(str(EXPERIMENTS / f"{study}.yaml")).base.data
    assert data.benchmark == "ref_youtube_vos"
    assert (data.train_split, data.eval_split) == (held_out.REST, held_out.HELD_OUT) == ("train_without_held_out", "held_out")


def test_a_study_may_train_on_all_of_train_for_the_server(tmp_path: Path) -> None:
    study = tmp_path / "server.yaml"
    study.write_text("study: server\npreset: paper\ndata: {train_split: train}\narms: {VD-IT: {prompt: image+text}}\n")
    assert spec.read(str(study)).base.data.train_split == "train"


@pytest.mark.parametrize("study", sorted(path.stem for path in EXPERIMENTS.glob("*.yaml")))
def test_every_study_that_ships_can_be_planned(study: str, tmp_path: Path) -> None:
    made = plan.build(spec.read(str(EXPERIMENTS / f"{study}.yaml")), tmp_path, provisional=True)
    assert made.study.study == study
    assert len(made.trials) == len(made.arms) * len(made.study.seeds), "no two arms are the same"
