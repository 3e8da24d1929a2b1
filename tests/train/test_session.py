"""A trial in this process: it learns, ends with every file, and an interrupted one ends like an undisturbed one, bit for bit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vdit.record import scores
from vdit.record.scores import KEYS
from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import checkpoint
from vdit.train.group import Member
from vdit.train.nonfinite import LossNotFiniteError
from vdit.train.session import Session

ALONE = Member(0, 1, torch.device("cpu"))


pytestmark = pytest.mark.usefixtures("process_group")


def trial_folder(study: Path, runs: Path, **train: object) -> Path:
    read = spec.read(str(study))
    read = replace(read, base=replace(read.base, train=replace(read.base.train, **train)))
    plan = planning.build(read, runs)
    return prepare(plan.trials[0], plan, runs)


def finish(session: Session, place: Path) -> dict[str, object]:
    progress = session.open(place)
    while not progress.finished:
        progress = session.advance()
    return progress.result


def trained(place: Path) -> dict[str, torch.Tensor]:
    saved = checkpoint.read(place / "checkpoint" / checkpoint.NAME)
    assert saved is not None
    return saved[0]


def test_a_trial_leaves_every_file_and_says_what_it_measured(tiny: Path, tmp_path: Path) -> None:
    place = trial_folder(tiny, tmp_path / "runs", max_steps=2)
    result = finish(Session(ALONE, tmp_path / "runs"), place)
    assert json.loads((place / "result.json").read_text()) == result
    assert 0 < result["model_seconds"] < result["seconds"]
    table, light = scores.read(place / "scores.parquet"), scores.read(place / "light.parquet")
    assert set(table["frame"].groupby(table["video"]).nunique()) == {4}
    assert len(light) == len(table)
    shuffled = scores.read(place / "shuffled.parquet")
    # Each clip has two objects or more, so that every expression has another's masks; its truth is its own.
    assert shuffled[[*KEYS["scores"], "area_truth"]].equals(table[[*KEYS["scores"], "area_truth"]])
    # Two expressions of each object stand in for two: what is predicted is the same, in other places.
    areas = ["video", "frame", "area_prediction"]
    assert shuffled[areas].sort_values(areas).values.tolist() == table[areas].sort_values(areas).values.tolist()
    closest = scores.read(place / "closest.parquet")
    assert closest[[*KEYS["scores"], "area_truth"]].equals(table[[*KEYS["scores"], "area_truth"]])
    # The surest query is one of those that the closest is chosen of.
    means = [rows.groupby(["video", "expression"])["j"].mean() for rows in (closest, table)]
    assert (means[0] >= means[1]).all()
    drift = scores.read(place / "drift.parquet")
    assert set(drift["kind"]) == {"raw", "centred", "mask", "margin"}
    assert set(drift["stride"]) == {8, 16, 32}
    clusters = scores.read(place / "clusters.parquet")
    # 32x64 pixels and four frames have eight cells of stride 32, enough for six clusters.
    assert clusters.groupby(["video", "stride"]).size().tolist() == [4] * 6
    assert [len(cells) for cells in clusters["cells"]] == [4 * 8] * 4 + [2 * 4] * 4 + [1 * 2] * 4 + [4 * 8] * 4 + [2 * 4] * 4 + [1 * 2] * 4
    assert not (place / "parts").exists()
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("backbone", ["stable-diffusion", "random-stable-diffusion"])
def test_a_trial_on_single_frames_ends_with_scores(tiny: Path, tmp_path: Path, backbone: str) -> None:
    tiny.write_text(tiny.read_text().replace("noise: predicted}", f"noise: predicted, backbone: {backbone}}}"))
    place = trial_folder(tiny, tmp_path / "runs", max_steps=1)
    finish(Session(ALONE, tmp_path / "runs"), place)
    assert scores.read(place / "scores.parquet")["j"].between(0, 1).all()
    assert json.loads((place / "config.json").read_text())["notice"].startswith("No pretrained checkpoint is given")
    (weights,) = (tmp_path / "runs" / "weights").iterdir()
    assert (weights / "stable_diffusion/unet/config.json").exists()


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_a_trial_that_was_cut_off_ends_like_an_undisturbed_one(tiny: Path, tmp_path: Path, steps: int) -> None:
    whole = trial_folder(tiny, tmp_path / "whole")
    finish(Session(ALONE, tmp_path / "whole"), whole)
    cut = trial_folder(tiny, tmp_path / "cut")
    session = Session(ALONE, tmp_path / "cut")
    session.open(cut)
    for _ in range(steps):
        session.advance()
    finish(Session(ALONE, tmp_path / "cut"), cut)
    expected, found = trained(whole), trained(cut)
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    for name in ("scores.parquet", "shuffled.parquet", "closest.parquet"):
        assert scores.read(whole / name).equals(scores.read(cut / name))
    steps_of = [json.loads(line)["step"] for line in (cut / "metrics.jsonl").read_text().splitlines()]
    assert steps_of == list(range(6))


def test_an_evaluation_goes_on_where_it_was_cut_off(tiny: Path, tmp_path: Path) -> None:
    place = trial_folder(tiny, tmp_path / "runs", max_steps=1)
    session = Session(ALONE, tmp_path / "runs")
    session.open(place)
    session.advance()
    session.advance()
    part, *_ = parts = [place / "parts" / f"{kind}-00000.parquet" for kind in ("video", "shuffled", "closest")]
    assert set(parts) == set((place / "parts").iterdir())
    written = part.stat().st_mtime_ns
    again = Session(ALONE, tmp_path / "runs")
    progress = again.open(place)
    assert progress.done == 1, "the training is not repeated"
    again.advance()
    assert part.stat().st_mtime_ns == written
    while not progress.finished:
        progress = again.advance()
    assert len(scores.read(place / "scores.parquet")["video"].unique()) == 2
    assert len(scores.read(place / "shuffled.parquet")["video"].unique()) == 2


@pytest.mark.parametrize("gone", [("shuffled-00000", "video-00001"), ("video-00000", "closest-00001")])
def test_a_trial_that_is_killed_while_it_removes_its_parts_ends_like_an_undisturbed_one(
    tiny: Path, tmp_path: Path, gone: tuple[str, str]
) -> None:
    whole, cut = (trial_folder(tiny, tmp_path / name, max_steps=1) for name in ("whole", "cut"))
    finish(Session(ALONE, tmp_path / "whole"), whole)
    session = Session(ALONE, tmp_path / "cut")
    session.open(cut)
    while len(list((cut / "parts").glob("video-*"))) < 2:
        session.advance()
    # Of either video another part is gone already, and result.json is not there.
    for name in gone:
        (cut / "parts" / f"{name}.parquet").unlink()
    finish(Session(ALONE, tmp_path / "cut"), cut)
    for name in ("scores.parquet", "shuffled.parquet", "closest.parquet"):
        assert scores.read(whole / name).equals(scores.read(cut / name))


@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_every_zero_stage_saves_and_goes_on_to_the_same_weights(tiny: Path, tmp_path: Path, stage: int) -> None:
    text = tiny.read_text().replace(
        "train: {max_steps: 6}", f"train: {{max_steps: 4, deepspeed: {{zero_optimization: {{stage: {stage}}}}}}}"
    )
    tiny.write_text(text)
    whole, cut = trial_folder(tiny, tmp_path / "whole"), trial_folder(tiny, tmp_path / "cut")
    for place, stop in ((whole, False), (cut, True)):
        session = Session(ALONE, place.parents[1])
        session.open(place)
        for step in range(4):
            if stop and step == 2:
                session = Session(ALONE, place.parents[1])
                assert session.open(place).done == 2
            session.advance()
    expected, found = trained(whole), trained(cut)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_checkpoint_of_another_architecture_is_refused(tiny: Path, tmp_path: Path) -> None:
    place = trial_folder(tiny, tmp_path / "runs")
    session = Session(ALONE, tmp_path / "runs")
    session.open(place)
    tensors = session.loop.gather()
    odd = {name: value[:1] if "queries" in name else value for name, value in tensors.items()}
    with pytest.raises(ValueError, match="another architecture"):
        checkpoint.fits(session.loop.trainable_shapes(), odd, place)
    missing = {name: value for name, value in tensors.items() if "queries" not in name}
    with pytest.raises(ValueError, match="is only in the model"):
        checkpoint.fits(session.loop.trainable_shapes(), missing, place)
    checkpoint.write(place / "checkpoint", odd, 1)
    with pytest.raises(ValueError, match="another architecture"):
        Session(ALONE, tmp_path / "runs").open(place)


@pytest.mark.parametrize(("planted", "named"), [("head.controller.layers.1.bias", "head.controller.layers.1"), (None, "unet.conv_in")])
def test_a_loss_that_is_not_finite_says_step_clips_and_where_it_began(tiny: Path, tmp_path: Path, planted: str | None, named: str) -> None:
    place = trial_folder(tiny, tmp_path / "runs")
    session = Session(ALONE, tmp_path / "runs")
    session.open(place)
    session.advance()
    model = session.loop.model
    wrong = model.trainable()[planted] if planted else model.frozen.unet.conv_in.bias
    with torch.no_grad():
        wrong.data = torch.full_like(wrong, torch.nan)
    with pytest.raises(LossNotFiniteError, match=rf"loss is nan at step 1 on \w+/\w+, \w+/\w+; .* that of {named}$"):
        session.advance()
    assert (place / "checkpoint").exists() is False, "what went wrong is not saved"


def arms(study: Path, runs: Path) -> list[Path]:
    plan = planning.build(spec.read(str(study)), runs)
    return [prepare(planned, plan, runs) for planned in plan.trials]


@pytest.mark.parametrize("stage", [0, pytest.param(2, marks=pytest.mark.slow), pytest.param(3, marks=pytest.mark.slow)])
def test_a_trial_after_another_is_what_it_is_alone_and_the_frozen_networks_are_loaded_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: int
) -> None:
    from vdit.backbones import miniature

    loads: list[Path] = []
    load = miniature.load
    monkeypatch.setattr(miniature, "load", lambda config, folder, device: loads.append(folder) or load(config, folder, device))
    tiny.write_text(tiny.read_text().replace("max_steps: 6", f"max_steps: 2, deepspeed: {{zero_optimization: {{stage: {stage}}}}}"))
    session = Session(ALONE, tmp_path / "warm")
    for place in arms(tiny, tmp_path / "warm"):
        finish(session, place)
    assert len(loads) == 1
    warm, cold = place, arms(tiny, tmp_path / "cold")[1]
    finish(Session(ALONE, tmp_path / "cold"), cold)
    assert warm.name == cold.name
    expected, found = trained(cold), trained(warm)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert scores.read(warm / "scores.parquet").equals(scores.read(cold / "scores.parquet"))


def test_other_frozen_networks_are_loaded_after_the_last_ones_are_gone(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both at once may not fit."""
    import weakref

    from vdit.backbones import random

    tiny.write_text(
        tiny.read_text().replace("VD-T: {prompt: text, noise: gaussian}", "random: {prompt: text, noise: gaussian, backbone: random}")
    )
    first, second = arms(tiny, tmp_path / "runs")
    session = Session(ALONE, tmp_path / "runs")
    session.open(first)
    assert session.frozen is not None
    network = weakref.ref(session.frozen[1].networks()["unet"])
    seen: list[object] = []
    load = random.load
    monkeypatch.setattr(random, "load", lambda config, folder, device: seen.append(network()) or load(config, folder, device))
    session.open(second)
    assert seen == [None]
    assert session.frozen[0][0] == "random"
