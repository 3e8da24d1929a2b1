"""Oracles: brute force over arms and seeds; result files put there by hand; the clock."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

from vdit.config.code import code_digest
from vdit.config.trial import adapter
from vdit.study import plan, spec

HEAD = "study: demo\npreset: small\n"
TWINS = f"""{HEAD}reference: VD-IT
seeds: [0, 1, 2]
arms: {{VD-T: {{prompt: text, taps: [in]}}, same: {{noise: predicted, prompt: image+text}}, VD-IT: {{}}, also: {{timestep: 0}}}}
"""


def build(write: Callable[[str], Path], text: str, runs: str = "runs", **given: bool) -> plan.Plan:
    write(text)
    return plan.build(spec.read("demo"), Path(runs), **given)


def finish(trial: plan.PlannedTrial, seconds: float) -> None:
    folder = Path("runs/trials") / trial.folder
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({"seconds": seconds}))


def test_identical_arms_are_one_trial_a_seed_under_the_first_with_the_others_listed(write: Callable[[str], Path]) -> None:
    made = build(write, TWINS)
    rows = [(trial.trial.arm, trial.trial.seed, trial.shared_with) for trial in made.trials]
    assert rows == [row for seed in (0, 1, 2) for row in [("VD-IT", seed, ("same", "also")), ("VD-T", seed, ())]]
    assert len({trial.key for trial in made.trials}) == 6


def test_the_same_trial_of_another_study_has_the_same_key(write: Callable[[str], Path]) -> None:
    first = build(write, TWINS).trials[0].key
    other = build(write, "study: other\npreset: small\ndesign: grid\naxes: {noise: [gaussian, predicted], prompt: [image+text]}\n")
    assert [trial.key for trial in other.trials].index(first) == 1


def test_what_trials_share_leaves_their_keys_and_digests_those_of_the_documented_json(write: Callable[[str], Path]) -> None:
    """Oracle: the standard library's sorted JSON of each trial alone."""

    def text(value: object) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    axes = "{backbone: [miniature, random], timestep: [0, 7], frames: [2, 3], taps: [released, [in]]}"
    made = build(write, f"{HEAD}design: grid\nseeds: [0, 4]\narms: {{text: {{prompt: text}}}}\naxes: {axes}\n")
    assert len({planned.data for planned in made.trials}) == 1 and len({planned.weights for planned in made.trials}) == 2
    rows = {row["key"]: row["digests"] for row in made.document()["trials"]}
    assert len(rows) == len(made.trials) == 34
    for planned in made.trials:
        config = adapter().dump_python(planned.trial, mode="json")
        del config["arm"], config["launch"], config["data"]["world"]
        whole = {"config": config, "data": planned.data, "weights": planned.weights, "code": made.code}
        assert planned.key == sha256(text(whole).encode()).hexdigest()
        digests = {f"config.{name}": sha256(text(section).encode()).hexdigest()[:16] for name, section in config.items() if name != "seed"}
        assert rows[planned.key] == {**digests, "data": planned.data, "weights": planned.weights}


def test_only_a_folder_with_a_result_is_done(write: Callable[[str], Path]) -> None:
    trials = build(write, TWINS).trials
    finish(trials[0], 30)
    (Path("runs/trials") / trials[1].folder / "checkpoint").mkdir(parents=True)
    (Path("runs/trials") / "0000000000000000").mkdir()
    made = build(write, TWINS)
    assert [trial.done for trial in made.trials] == [True, False, False, False, False, False]
    assert made.missing == made.trials[1:]


def test_the_estimate_is_the_presets_until_a_trial_is_done_then_their_mean(write: Callable[[str], Path]) -> None:
    made = build(write, TWINS)
    assert made.estimate == plan.Cost(60, 6000, "test")
    finish(made.trials[0], 30)
    finish(made.trials[3], 50)
    assert build(write, TWINS).estimate == plan.Cost(4 * 40, 4000, "mean of 2 finished trials of this study")


def test_a_study_may_say_itself_what_a_trial_takes(write: Callable[[str], Path]) -> None:
    own = build(write, TWINS + "estimate: {seconds_per_trial: 7, source: own}\n")
    assert own.estimate == plan.Cost(6 * 7, 6000, "own")
    assert [trial.key for trial in own.trials] == [trial.key for trial in build(write, TWINS).trials]


def test_the_document_is_the_one_of_the_interface_and_is_json(write: Callable[[str], Path]) -> None:
    made = build(write, TWINS).document()
    assert json.loads(json.dumps(made)) == made
    assert made["trials"][1]["levels"] == {"prompt": "text", "taps": ["in"]}
    assert set(made) >= {
        "study",
        "arms",
        "trials",
        "stages",
        "estimate",
        "reference",
        "preset",
        "measure",
        "design",
        "seeds",
        "code",
        "notice",
    }
    assert set(made["trials"][0]) == {"key", "arm", "seed", "levels", "done", "shared_with", "code", "digests"}
    assert all({"stage", "shareable", "why", "bytes"} <= set(stage) for stage in made["stages"])
    assert set(made["estimate"]) == {"seconds", "disk_bytes", "source"}
    assert made["arms"] == ["VD-IT", "VD-T", "same", "also"] and made["reference"] == "VD-IT"
    assert "random weights" in made["notice"]


def test_a_plan_writes_manifests_and_nothing_else(write: Callable[[str], Path]) -> None:
    code_digest.cache_clear()
    build(write, TWINS)
    assert [folder.name for folder in Path("runs").iterdir()] == ["manifests"]


def test_missing_data_is_refused_unless_the_plan_is_provisional(write: Callable[[str], Path]) -> None:
    text = HEAD + "arms: {a: {}}\ndata: {benchmark: ref_youtube_vos}\n"
    with pytest.raises(ValueError, match="'ref_youtube_vos' needs its data on disk; name the folder with --data DIR"):
        build(write, text)
    made = build(write, text, provisional=True)
    assert "keys are provisional" in made.notice
    finish(made.trials[0], 1)
    assert not build(write, text, provisional=True).trials[0].done
    with pytest.raises(ValueError, match="nowhere: no such folder"):
        build(write, text + "launch: {data: nowhere}\n", provisional=True)


def test_data_on_disk_is_part_of_the_key(write: Callable[[str], Path], tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.jpg").write_text("a")
    text = HEAD + "arms: {a: {}}\ndata: {benchmark: ref_youtube_vos}\nlaunch: {data: videos}\n"
    first = build(write, text).trials[0].key
    assert build(write, text).trials[0].key == first
    (tmp_path / "videos" / "a.jpg").write_text("other")
    assert build(write, text).trials[0].key != first


def test_ten_thousand_trials_are_planned_fast_and_are_all_different(write: Callable[[str], Path]) -> None:
    text = HEAD + (
        f"design: grid\nseeds: [0, 1, 2, 3, 4]\naxes:\n  timestep: {list(range(100))}\n  prompt: [image, text]\n"
        "  noise: [gaussian, predicted]\n  taps: [released, [in], [up2], [down0], [mid]]\n"
    )
    build(write, TWINS)  # the code's digests are kept from here on
    start = time.process_time()
    made = build(write, text)
    assert time.process_time() - start < 4  # measured 1.0 s
    assert len(made.trials) == len({trial.key for trial in made.trials}) == 10_000


def test_a_plan_imports_no_torch_ray_or_mlflow(write: Callable[[str], Path]) -> None:
    write(TWINS)
    code = (
        "import sys; from pathlib import Path; from vdit.study import plan, spec; from vdit.commands.plan import show\n"
        "show(plan.build(spec.read('demo'), Path('runs')), Path('runs'))\n"
        "print([name for name in ('torch', 'ray', 'mlflow', 'pandas', 'deepspeed', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
