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


OF_STEPS = "estimate: {seconds_per_trial: 100, bytes_per_trial: 1, steps: 1000, training_share: 0.9, source: s}\n"


@pytest.mark.parametrize(
    ("train", "seconds"),
    [
        ("", 100),
        ("train: {max_steps: 5000}", 100),
        ("train: {max_steps: 500}", 10 + 45),
        ("train: {max_steps: 1}", 10 + 0.09),
        ("train: {epochs: 0}", 10),
    ],
)
def test_an_estimate_is_scaled_to_fewer_steps_than_it_is_of(train: str, seconds: float, tmp_path: Path) -> None:
    study = tmp_path / "short.yaml"
    study.write_text(f"study: short\npreset: paper\narms: {{VD-IT: {{prompt: image+text}}}}\n{OF_STEPS}{train}\n")
    read = spec.read(str(study))
    assert read.estimate.of(read.base.train).seconds_per_trial == pytest.approx(seconds)


def test_a_studys_own_estimate_is_not_of_the_presets_steps(tmp_path: Path) -> None:
    study = tmp_path / "own.yaml"
    text = "study: own\npreset: miniature\narms: {VD-IT: {prompt: image+text}}\ntrain: {max_steps: 7}\n"
    study.write_text(text)
    assert spec.read(str(study)).estimate.steps > 0
    study.write_text(text + "estimate: {seconds_per_trial: 50, source: own}\n")
    read = spec.read(str(study))
    assert read.estimate.of(read.base.train) == read.estimate and read.estimate.seconds_per_trial == 50
