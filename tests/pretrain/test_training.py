"""Oracles: an undisturbed training; the schedule by hand."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vdit.config.recipe import Training
from vdit.pretrain.given import ROWS, Place
from vdit.pretrain.recipe import Pretraining
from vdit.pretrain.training import Draws, Row, State, draws, learning_rate, train, weights
from vdit.registry import find

SETTINGS = Training(steps=23, batch=4, warmup=5, ema=0.9)


class PlugError(Exception):
    """Pulls the plug."""


class Line:
    """Fits a line to noisy points, with dropout and an unused parameter."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.ModuleDict({"line": nn.Linear(3, 1), "dropout": nn.Dropout(0.2), "unused": nn.Linear(2, 2)})

    def loss(self, draws: Draws) -> Tensor:
        x = torch.randn(8, 3, generator=draws.generator)
        y = x.sum(dim=1, keepdim=True) + torch.from_numpy(draws.rng.normal(0, 0.1, (8, 1))).float()
        return (self.module["line"](self.module["dropout"](x)) - y).square().mean()

    def held_out(self) -> Mapping[str, float]:
        assert not self.module.training
        return {"bias": float(self.module["line"].bias)}

    def weights(self) -> Mapping[str, Tensor]:
        return self.module.state_dict()


def place(folder: Path) -> Place:
    folder.mkdir(exist_ok=True)
    return Place(folder, "line", "k" * 64, 7)


def rows(folder: Path) -> list[Row]:
    """Without the clock."""
    found = [json.loads(line) for line in (folder / ROWS).read_text().splitlines()]
    return [{name: value for name, value in row.items() if name not in ("time", "seconds")} for row in found]


def quiet(row: Row) -> None:
    pass


@pytest.mark.parametrize("at", [10, 20, 22])
def test_an_interrupted_training_ends_in_the_same_weights_and_curves(tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    train(Line(), SETTINGS, place(tmp_path / "whole"), quiet)

    monkeypatch.setattr("vdit.pretrain.training.SAVE_EVERY", 10)

    def pull(row: Row) -> None:
        if row["step"] >= at:
            raise PlugError

    with pytest.raises(PlugError):
        train(Line(), SETTINGS, place(tmp_path / "cut"), pull)
    assert not place(tmp_path / "cut").done
    seen: list[float] = []
    train(Line(), SETTINGS, place(tmp_path / "cut"), lambda row: seen.append(row["step"]))
    assert seen[0] > (10 if at > 10 else 0), "it has begun again"
    first, second = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(first[name], second[name]) for name in first | second)
    assert rows(tmp_path / "whole") == rows(tmp_path / "cut")
    assert place(tmp_path / "cut").done and not (tmp_path / "cut/checkpoint.safetensors").exists()


def test_a_checkpoint_of_another_recipe_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    state = State(Line().module, SETTINGS)
    state.save(tmp_path, "a" * 64)
    with pytest.raises(ValueError, match=r"another recipe \(a+\); delete it"):
        train(Line(), SETTINGS, place(tmp_path), quiet)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"torn")
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        train(Line(), SETTINGS, place(tmp_path), quiet)


def test_a_loss_that_is_no_number_ends_the_stage(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line: the loss is nan in step \d+; lower line\.learning_rate"):
        task = Line()
        task.loss = lambda draws: task.module["line"].bias.sum() * float("nan")  # type: ignore[method-assign]
        train(task, SETTINGS, place(tmp_path), quiet)


def test_the_rate_rises_over_the_warm_up_and_falls_to_its_floor() -> None:
    training = Training(steps=110, warmup=10, learning_rate=1.0, floor=0.1)
    assert [learning_rate(training, step) for step in (0, 4, 9, 10)] == pytest.approx([0.1, 0.5, 1.0, 1.0])
    assert learning_rate(training, 60) == pytest.approx(0.1 + 0.9 / 2)
    assert learning_rate(training, 110) == pytest.approx(0.1)
    assert learning_rate(replace(training, warmup=0), 0) == 1.0


def test_the_average_is_that_of_all_weights_so_far_at_first_and_of_the_last_later() -> None:
    module = nn.Linear(1, 1, bias=False)
    state = State(module, replace(SETTINGS, ema=0.5))
    expected = module.weight.detach().clone()
    for step in range(1, 15):
        state.advance(module(torch.ones(1, 1)).sum())
        expected += (1 - min(0.5, step / (step + 10))) * (module.weight.detach() - expected)
    before = module.weight.detach().clone()
    torch.testing.assert_close(state.average["weight"], expected)
    with state.averaged():
        assert torch.equal(module.weight, state.average["weight"]) and not module.training
    assert torch.equal(module.weight, before) and module.training


def test_draws_depend_on_every_part_and_on_nothing_else() -> None:
    def of(*parts: int | str) -> tuple[float, float]:
        drawn = draws(*parts)
        return float(drawn.rng.random()), float(torch.rand(1, generator=drawn.generator))

    assert of(0, "swin", 5) == of(0, "swin", 5)
    assert len({of(0, "swin", 5), of(1, "swin", 5), of(0, "towers", 5), of(0, "swin", 6)}) == 4


@pytest.mark.parametrize("stage", ["autoencoder", "towers", "words", "swin", "denoiser"])
def test_every_stage_resumes_to_the_same_weights(
    finished: Pretraining, tmp_path: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`finished` is the undisturbed one."""
    monkeypatch.setattr("vdit.pretrain.training.LOG_EVERY", 2)
    monkeypatch.setattr("vdit.pretrain.training.SAVE_EVERY", 2)
    given = finished.given()
    given = replace(given, folders={**given.folders, stage: tmp_path})

    def pull(row: Row) -> None:
        if row["step"] == 4:
            raise PlugError

    family = find("vdit.pretrain.stages", stage)
    with pytest.raises(PlugError):
        family.run(given, pull)
    assert (tmp_path / "checkpoint.safetensors").exists()
    family.run(given, quiet)
    first, second = weights(finished.place(stage).folder), weights(tmp_path)  # type: ignore[arg-type]
    assert first and all(torch.equal(first[name], second[name]) for name in first | second)


def test_what_is_kept_is_what_the_last_look_was_at(tmp_path: Path) -> None:
    """The moving average, where there is one, and not the last weights: the two would give other figures."""
    for ema in (0.9, 0.0):
        folder = tmp_path / str(ema)
        train(Line(), replace(SETTINGS, ema=ema), place(folder), quiet)
        seen = json.loads((folder / "result.json").read_text())["metrics"]["held_out/bias"]
        assert float(weights(folder)["line.bias"]) == seen
    assert not torch.equal(weights(tmp_path / "0.9")["line.bias"], weights(tmp_path / "0.0")["line.bias"])
