"""What may go of a runs folder. Oracle: folders made here, each for one reason; everything else must stay."""

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from vdit import cli
from vdit.config.key import folder_name
from vdit.schedule import drivers, garbage

OLD = time.time() - 2 * garbage.IDLE_SECONDS


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def write(path: Path, text: str = "x" * 100, *, old: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if old:
        os.utime(path, (OLD, OLD))
    return path


def age(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (OLD, OLD))


def trial(runs: Path, letter: str, *, done: bool = True, old: bool = True) -> Path:
    folder = runs / "trials" / (letter * 16)
    write(folder / "config.json", "{}")
    write(folder / "checkpoint" / "last.safetensors")
    if done:
        write(folder / "result.json", "{}")
    if old:
        age(folder)
    return folder


def plan(runs: Path, name: str, letters: str, **more: object) -> None:
    rows = [{"key": letter * 64, "done": False} for letter in letters]
    write(runs / "studies" / name / "plan.json", json.dumps({"study": name, "trials": rows, **more}))


def gone(runs: Path) -> dict[str, str]:
    return {str(piece.path.relative_to(runs)): piece.why for piece in garbage.find(runs)}


def everything(runs: Path) -> set[Path]:
    return {path for path in runs.rglob("*") if path.is_file()}


def test_trials_of_no_plan_go_and_what_a_plan_uses_stays(runs: Path) -> None:
    """In a plan, accepted by one, begun from one; one that is not finished goes only when nothing was written to it for an hour."""
    plan(runs, "one", "ab", accepted={"f" * 64: ["c" * 64, "d"]}, starts=["d" * 64, "file:" + "0" * 64])
    for letter in "abcde":
        trial(runs, letter)
    trial(runs, "1", done=False, old=False)
    trial(runs, "2", done=False)
    why = "trial of no study's plan"
    assert gone(runs) == {f"trials/{'2' * 16}": why, f"trials/{'e' * 16}": why}


def test_what_a_living_driver_has_in_hand_stays_however_long_it_is_silent(runs: Path) -> None:
    key = "d" * 64
    trial(runs, "d", done=False)
    with drivers.claim(runs, "long", [key]):
        assert gone(runs) == {}
    assert gone(runs) == {f"trials/{folder_name(key)}": "trial of no study's plan"}


def test_checkpoints_go_that_no_study_keeps(runs: Path) -> None:
    plan(runs, "none", "abc", keep="none")
    plan(runs, "last", "bd", keep="last")
    plan(runs, "best", "d", keep="best", starts=["c" * 64])
    for letter in "abcd":
        write(trial(runs, letter) / "checkpoint/best.safetensors")
    trial(runs, "e", done=False)
    plan(runs, "more", "e", keep="none")  # it goes on from its checkpoint
    best = "best checkpoint that no study keeps"
    assert gone(runs) == {
        f"trials/{'a' * 16}/checkpoint": "checkpoints that no study keeps",
        f"trials/{'b' * 16}/checkpoint/best.safetensors": best,
        f"trials/{'c' * 16}/checkpoint/best.safetensors": best,
    }


def test_leftovers_of_killed_runs_go_and_those_that_are_being_written_stay(runs: Path) -> None:
    plan(runs, "one", "ab")
    done, begun = trial(runs, "a"), trial(runs, "b", done=False)
    leftovers = [
        write(done / "parts/video-00000.parquet").parent,
        write(begun / ".metrics.jsonl.123"),
        write(begun / "checkpoint/.last.safetensors.123"),
        write(runs / "studies/one/.plan.json.123"),
        write(runs / "manifests/.code.json.123"),
        write(runs / "ray/one/experiment_state.json").parent,
    ]
    write(begun / "parts/video-00000.parquet")
    write(runs / "ray/two/experiment_state.json", old=False)
    write(begun / ".config.json.124", old=False)
    age(runs / "ray/one")
    assert gone(runs).keys() == {str(path.relative_to(runs)) for path in leftovers}


def test_drafts_of_a_pretraining_go_those_that_are_folders_whole(runs: Path) -> None:
    plan(runs, "one", "")
    recipe = runs / "pretrain" / ("c" * 16)
    kept = [
        write(recipe / "words/weights.safetensors"),
        write(recipe / ".towers.124/weights.safetensors", old=False),
        write(runs / "pretrain/clips/d/frames.npy"),
    ]
    drafts = [
        write(recipe / ".checkpoint.123/unet/.weights.safetensors.123").parents[1],
        write(recipe / "autoencoder/.latents.npy.123"),
        write(runs / "pretrain/clips/d/.result.json.123"),
    ]
    age(drafts[0])
    os.utime(recipe / ".towers.124", (OLD, OLD))
    assert gone(runs) == {str(path.relative_to(runs)): "draft of a killed run" for path in drafts}
    assert cli.main(["gc", "--yes", "--runs", str(runs)]) == 0
    assert everything(runs / "pretrain") == set(kept) and not drafts[0].exists()


def test_drafts_of_drawn_weights_and_worlds_go(runs: Path) -> None:
    plan(runs, "one", "")
    write(runs / "weights/abc/vdit.json")
    write(runs / "data/def/world.json")
    drafts = [write(runs / "weights/.abc.123/unet/x.safetensors").parents[1], write(runs / "data/.def.123/x.jpg").parent]
    for draft in drafts:
        age(draft)
    assert gone(runs) == {str(path.relative_to(runs)): "draft of a killed run" for path in drafts}


def test_a_folder_is_named_by_the_first_digits_of_its_key(runs: Path) -> None:
    assert trial(runs, "a").name == folder_name("a" * 64)


def test_it_is_listed_with_its_size_and_goes_only_when_told(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan(runs, "one", "a")
    kept = everything(runs) | everything(trial(runs, "a"))
    trial(runs, "e")
    before = everything(runs)
    assert cli.main(["gc", "--runs", str(runs)]) == 0
    said = capsys.readouterr().out
    assert f"104 B  trials/{'e' * 16}  (trial of no study's plan)" in said and "1 can go, 104 B; vdit gc --yes removes them" in said
    assert everything(runs) == before
    assert cli.main(["gc", "--yes", "--runs", str(runs)]) == 0
    assert "1 removed, 104 B" in capsys.readouterr().out
    assert everything(runs) == kept
    assert cli.main(["gc", "--runs", str(runs)]) == 0
    assert capsys.readouterr().out == "0 can go, 0 B\n"


def test_a_folder_that_cannot_be_judged_is_left_alone(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trial(runs, "a")
    assert cli.main(["gc", "--yes", "--runs", str(runs)]) == 2
    assert "has no studies" in capsys.readouterr().err
    write(runs / "studies/one/plan.json", '{"trials": [')
    assert cli.main(["gc", "--yes", "--runs", str(runs)]) == 2
    assert "plan.json: Expecting" in capsys.readouterr().err
    assert cli.main(["gc", "--runs", str(tmp_path / "nowhere")]) == 2
    assert trial(runs, "a").exists()


def test_of_rehearsals_what_failed_and_what_no_study_plans_goes_and_what_runs_stays(runs: Path) -> None:
    plan(runs, "one", "a")
    write(runs / "rehearsals" / f"{'a' * 16}.json")
    other = write(runs / "rehearsals" / f"{'b' * 16}.json")
    write(runs / "rehearsals" / f"{'c' * 16}.json", old=False)
    failed = write(runs / "rehearsals/one/trials/x/log.txt").parents[2]
    age(failed)
    write(runs / "rehearsals/two/trials/x/log.txt", old=False)
    age(write(runs / "rehearsals/three/trials/x/log.txt").parents[2])
    with drivers.claim(runs, "three", []):
        assert "rehearsals/three" not in gone(runs), "it may wait for its nodes"
    assert "rehearsals/three" in gone(runs)
    shutil.rmtree(runs / "rehearsals/three")
    assert gone(runs) == {
        str(other.relative_to(runs)): "rehearsal of no study's trial",
        str(failed.relative_to(runs)): "rehearsal that failed or was cut off",
    }
