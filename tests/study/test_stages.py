"""Oracle: which parts of Figure 2 are trained, by hand for each row of Table 3."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vdit.axes import backbone, frames, noise, prompt
from vdit.config.trial import Trial
from vdit.study.stages import Sharing, Stage, seconds_a_clip, size, stages

VD_IT = Trial(arm="VD-IT")


def arm(kind: prompt.Level, added: noise.Level) -> Trial:
    return replace(prompt.apply(noise.apply(VD_IT, added), kind), arm=f"{kind} {added}")


def of(trials: list[Trial], stage: str) -> list[Stage]:
    return [found for found in stages(trials, {}) if found.stage == stage]


@pytest.mark.parametrize(
    ("kind", "added", "shareable", "why"),
    [
        ("text", "gaussian", True, "frozen, drawn from data.seed alone; one copy"),
        ("image", "gaussian", False, "the projection of the prompt is trained"),
        ("image+text", "gaussian", False, "the projection of the prompt is trained"),
        ("text", "predicted", False, "the noise predictor is trained"),
        ("text", "predicted-eq2", False, "the noise predictor is trained"),
        ("text", "none", True, "frozen, drawn from data.seed alone; one copy"),
        ("image+text", "predicted", False, "the noise predictor is trained; the projection of the prompt is trained"),
    ],
)
def test_features_are_shareable_only_with_nothing_trained_upstream(
    kind: prompt.Level, added: noise.Level, shareable: bool, why: str
) -> None:
    (found,) = of([arm(kind, added)], "U-Net features")
    assert (found.shareable, found.why) == (shareable, why)


@pytest.mark.parametrize(("kind", "tokens", "text"), [("image", 1, 0), ("text", 0, 1), ("image+text", 1, 1)])
def test_an_arm_has_only_the_stages_that_its_prompt_needs(kind: prompt.Level, tokens: int, text: int) -> None:
    trials = [arm(kind, "gaussian")]
    assert (len(of(trials, "image tokens")), len(of(trials, "text embeddings")), len(of(trials, "VAE latents"))) == (tokens, text, 1)


def test_arms_are_grouped_by_verdict_and_copies_are_counted_by_what_differs() -> None:
    same = [arm("text", "gaussian"), arm("image", "gaussian"), arm("image+text", "predicted")]
    (latents,) = of(same, "VAE latents")
    assert latents.arms == tuple(trial.arm for trial in same) and latents.why.endswith("one copy")
    (latents,) = of([*same, backbone.apply(same[0], "random"), frames.apply(same[0], 3)], "VAE latents")
    assert latents.why.endswith("3 copies")
    assert len(of(same, "U-Net features")) == 3


def test_sizes_are_those_of_the_published_networks() -> None:
    # Five frames of 512x640: 4 channels of 64x80 cells; 257 tokens of 1280; 77 tokens of 1024; in float32.
    assert size("VAE latents", VD_IT) == 4 * 5 * 4 * 64 * 80
    assert size("4x map", VD_IT) == 4 * 5 * 512 * 128 * 160
    assert size("image tokens", VD_IT) == 4 * 5 * 257 * 1280
    assert size("text embeddings", VD_IT) == 4 * 77 * 1024
    # 960, 1600 and 1920 channels at strides 8, 16 and 32 (spec section 1.8).
    assert size("U-Net features", VD_IT) == 4 * 5 * (960 * 64 * 80 + 1600 * 32 * 40 + 1920 * 16 * 20)


def test_what_is_stored_its_disk_and_what_it_saves() -> None:
    """Two arms with three seeds, ten steps of two clips: 20 clips, that six trials need and one computes."""
    trials = [replace(arm(kind, "gaussian"), train=replace(VD_IT.train, max_steps=10)) for kind in ("text", "image")]
    sharing = Sharing(lambda stage, trial: f"{stage} {trial.arm}", 3, {"VAE latents": 0.5})
    found = {(stage.stage, stage.shareable): stage for stage in stages(trials, {}, sharing)}
    latents, wide, tokens = (found[name, True] for name in ("VAE latents", "4x map", "image tokens"))
    assert (latents.stored, wide.stored, tokens.stored) == (True, True, True)
    assert not any(found[key].stored for key in found if key[0] in ("text embeddings", "U-Net features"))
    assert (latents.disk_bytes, wide.disk_bytes) == (20 * size("VAE latents", VD_IT), 20 * size("4x map", VD_IT))
    assert latents.groups == wide.groups == ("VAE latents text gaussian",)
    assert (latents.saves_seconds, wide.saves_seconds, tokens.saves_seconds) == (0.5 * 20 * 5, None, None)
    (unknown,) = [stage for stage in stages([VD_IT], {}, sharing) if stage.stage == "VAE latents"]
    assert (unknown.disk_bytes, unknown.saves_seconds) == (None, None), "how many clips an epoch has, the data say"


def test_seconds_a_clip_are_those_of_trials_that_computed_it(tmp_path: Path) -> None:
    reports = [{"store": {"VAE latents": {"encoded": 3, "seconds": 6.0}}}, {"store": {"VAE latents": {"encoded": 1, "seconds": 4.0}}}, {}]
    reports.append({"store": {"image tokens": {"encoded": 0, "seconds": 0.0}}})
    paths = [tmp_path / str(index) for index in range(len(reports))]
    for path, report in zip(paths, reports, strict=True):
        path.write_text(json.dumps(report))
    assert seconds_a_clip(paths) == {"VAE latents": 2.5}


def test_video_swin_is_trained_and_has_no_frozen_stage() -> None:
    assert stages([backbone.apply(VD_IT, "video-swin")], {}) == ()


def test_dropout_in_the_frozen_networks_is_an_obstacle() -> None:
    text = arm("text", "gaussian")
    released = replace(text, model=replace(text.model, backbone=replace(text.model.backbone, mode="released")))
    (found,) = of([released], "U-Net features")
    assert (found.shareable, found.why) == (False, "the U-Net's dropout is drawn from the trial's seed")
