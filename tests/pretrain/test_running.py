"""What is left to run and what is told of it. Oracles: hand-made folders and curves."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from vdit.pretrain.given import ROWS, WEIGHTS
from vdit.pretrain.graph import GRAPH, Stage
from vdit.pretrain.recipe import Pretraining, read
from vdit.schedule import pretraining
from vdit.schedule.pretraining import Following
from vdit.track.memory import Memory


@pytest.fixture
def plan(recipe_file: Path, tmp_path: Path) -> Pretraining:
    return read(str(recipe_file), tmp_path)


def pretend(plan: Pretraining, *stages: Stage) -> None:
    """These stages are done."""
    for stage in stages:
        place = plan.place(stage)
        place.folder.mkdir(parents=True)
        (place.folder / WEIGHTS).write_text(stage)
        place.finish(6, {})


def test_what_is_needed_comes_first_and_what_is_done_not_again(plan: Pretraining) -> None:
    assert pretraining.todo(plan, None) == list(GRAPH)
    pretend(plan, "clips", "towers")
    assert pretraining.todo(plan, None) == ["words", "autoencoder", "denoiser", "swin"]
    assert pretraining.todo(plan, "swin") == ["swin"] and pretraining.todo(plan, "towers") == []
    with pytest.raises(ValueError, match="stage denoiser needs autoencoder, which are not done"):
        pretraining.todo(plan, "denoiser")


def test_a_result_of_another_key_is_none(plan: Pretraining) -> None:
    pretend(plan, "words")
    assert plan.place("words").done and not replace(plan.place("words"), key="0" * 64).done


def test_clips_are_missed_by_who_trains_on_them_alone(plan: Pretraining) -> None:
    pretend(plan, "words", "autoencoder", "towers", "denoiser")
    assert pretraining.missing(plan) == ["clips", "swin"]
    pretend(plan, "swin")
    assert pretraining.missing(plan) == []


def test_a_stage_that_another_recipe_has_finished_is_taken_from_it(plan: Pretraining, edited: Callable[..., Path]) -> None:
    pretend(plan, "clips", "words", "towers")
    other = read(str(edited(("towers: {steps: 6", "towers: {steps: 7"))), plan.runs)
    assert pretraining.missing(other) == ["autoencoder", "towers", "denoiser", "swin"]
    other.folder.mkdir()
    pretraining.adopt(other)
    assert other.place("words").done and (other.folder / "words" / WEIGHTS).read_text() == "words"
    assert not (other.folder / "towers").exists()


def test_what_is_being_written_in_another_recipes_stage_is_not_taken(plan: Pretraining, edited: Callable[..., Path]) -> None:
    pretend(plan, "autoencoder")
    (plan.place("autoencoder").folder / ".latents.npy.1").write_bytes(b"torn")
    other = read(str(edited(("towers: {steps: 6", "towers: {steps: 7"))), plan.runs)
    other.folder.mkdir()
    pretraining.adopt(other)
    assert {path.name for path in other.place("autoencoder").folder.iterdir()} == {WEIGHTS, "result.json"}
    assert [path.name for path in other.folder.iterdir()] == ["autoencoder"]


def test_the_record_is_told_of_what_is_done_and_of_what_was_adopted(plan: Pretraining, edited: Callable[..., Path]) -> None:
    pretend(plan, "clips", "words", "towers")
    other = read(str(edited(("towers: {steps: 6", "towers: {steps: 7"))), plan.runs)
    other.folder.mkdir()
    pretraining.adopt(other)
    record = Memory()
    pretraining.tell(other, record)
    assert record.finished == {other.keys[stage]: other.place(stage).folder for stage in ("clips", "words")}


class Told(Memory):
    """Remembers every call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[float]] = []

    def log(self, key: str, rows: Sequence[object]) -> None:
        self.calls.append([row["step"] for row in rows])  # type: ignore[index]


def append(path: Path, *steps: int, end: str = "\n") -> None:
    with path.open("a") as file:
        file.write("".join(json.dumps({"step": step, "time": 100.0 + 20 * step, "loss": 1.0 / step}) + end for step in steps))


def test_rows_are_told_once_whole_and_again_where_the_curve_begins_anew(plan: Pretraining) -> None:
    told, shown = Told(), io.StringIO()
    path = plan.place("swin").folder / ROWS
    path.parent.mkdir(parents=True)
    following = Following(plan, "swin", told, Console(file=shown, width=200))
    following.look()
    append(path, 1, 2)
    following.look()
    append(path, 3, end="")
    following.look()
    with path.open("a") as file:
        file.write("\n")
    following.look()
    assert told.calls == [[1, 2], [3]]
    draft = path.with_name("draft")
    append(draft, 1, 2, 4)
    draft.replace(path)
    following.look()
    assert told.calls == [[1, 2], [3], [1, 2, 4]]
    assert shown.getvalue().splitlines() == [
        "swin: 2/6, loss 0.5000",
        "swin: 3/6, loss 0.3333, 0.05/s, 1:00 left",
        "swin: 4/6, loss 0.2500, 0.05/s, 0:40 left",
    ]


def test_a_stage_is_recorded_as_one_with_what_it_was_trained_by(plan: Pretraining) -> None:
    found = pretraining.entry(plan, "denoiser")
    assert (found.kind, found.arm, found.key, found.data) == ("stage", "denoiser", plan.keys["denoiser"], plan.keys["clips"])
    assert found.config["training"]["prediction"] == "v" and set(found.config["architecture"]) == {"unet", "vae", "text"}
    assert pretraining.entry(plan, "words").code != found.code
