"""A study read back from its record. Oracle: the fixture's own run ids and frames, and the platform's writer."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from vdit.track.entry import Entry
from vdit.track.mlflow import MLflow, default_uri
from vdit_analysis.runs import StudyRuns, study_name
from vdit_analysis.runs import load as load_study
from vdit_analysis.trial import Planned

Load = Callable[[str], StudyRuns]


def test_every_arm_and_seed_has_the_run_of_its_key(load: Load, recorded: SimpleNamespace) -> None:
    runs = load("full")
    assert {place: trial.run_id for place, trial in runs.trials.items()} == recorded.run_ids
    assert runs.complete and not runs.refused


def test_the_newest_plan_of_a_study_counts(load: Load) -> None:
    assert len(load("full").arms) == 5  # the older plan has one arm


def test_frames_come_back_as_they_were_logged(load: Load) -> None:
    frame = load("full").trials["VD-IT", 1].frame("scores")
    assert frame["j"].tolist() == pytest.approx([0.97, 0.94, 0.62, 0.62, 0.62, 0.77, 0.62, 0.62])


def test_a_shared_trial_serves_the_other_study_under_its_own_name(load: Load, recorded: SimpleNamespace) -> None:
    runs = load("shared")
    assert runs.trials["ours", 0].run_id == recorded.run_ids["VD-IT", 0]
    assert runs.trials["ours", 0].tags["vdit.arm"] == "VD-IT"
    assert runs.complete


def test_arms_of_equal_configuration_share_one_trial(load: Load) -> None:
    runs = load("twins")
    assert [trial.run_id for trial in runs.of("VD-IT")] == [trial.run_id for trial in runs.of("VD-IT at its default")]
    assert runs.complete and len(runs.planned) == 2


def test_every_kind_of_random_backbone_is_a_control(load: Load) -> None:
    backbones = ("random", "random-stable-diffusion", "stable-diffusion", "modelscope")
    planned = tuple(Planned(key=name, arm=name, seed=0, levels={"backbone": name}) for name in backbones)
    runs = replace(load("full"), planned=(*planned, Planned(key="x", arm="no such axis", seed=0, levels={})))
    assert [name for name in (*backbones, "no such axis", "not planned") if runs.is_control(name)] == ["random", "random-stable-diffusion"]


def test_an_unfinished_seed_is_neither_there_nor_refused(load: Load) -> None:
    runs = load("half")
    assert [trial.seed for trial in runs.of("VD-I")] == [0, 1]
    assert [entry.seed for entry in runs.planned_of("VD-I")] == [0, 1, 2]
    assert not runs.complete and not runs.refused


def test_a_trial_of_other_code_is_refused_as_mixed(load: Load) -> None:
    runs = load("mixed")
    assert not runs.trials
    assert "mixed: its code cccccccccccc is not the study's ffffffffffff" in runs.refusals("VD-T")[0]


def test_an_accepted_trial_of_older_code_is_used_and_says_so(load: Load, recorded: SimpleNamespace) -> None:
    runs = load("accepted")
    assert runs.complete and not runs.refused
    assert runs.trials["VD-T", 0].run_id == recorded.run_ids["VD-T", 0]
    assert (runs.trials["VD-T", 0].tags["vdit.code"], runs.trials["VD-T", 0].accepted_for) == ("c" * 64, "f" * 64)
    assert load("full").trials["VD-T", 0].accepted_for == ""


def test_the_notice_speaks_once_and_says_that_nothing_is_reproduced(load: Load) -> None:
    expected = "Preset miniature: not a reproduction of the paper's numbers. Random weights, seed 0: no checkpoint was given."
    assert load("full").notice == expected


def test_a_misspelt_study_names_the_nearest(recorded: SimpleNamespace) -> None:
    with pytest.raises(ValueError, match="did you mean 'half'"):
        load_study("halb", recorded.uri)


def test_a_missing_artifact_names_run_trial_and_remedy(load: Load) -> None:
    trial = load("bare").trials["VD-I", 7]
    with pytest.raises(ValueError, match=rf"run {trial.run_id} has no artifact light\.parquet .*'VD-I', seed 7.*vdit forget"):
        trial.frame("light")


def test_a_missing_database_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="vdit run"):
        load_study("demo", f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database " * 100)
    with pytest.raises(ValueError, match=r"mlflow\.db does not answer"):
        load_study("demo", f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_an_unreachable_server_is_an_error_at_once() -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:9 does not answer"):
        load_study("demo", "http://127.0.0.1:9")


def test_a_study_is_meant_by_name_or_by_file(tmp_path: Path) -> None:
    path = tmp_path / "other-name.yaml"
    path.write_text("study: mine\npreset: miniature\n")
    assert study_name(str(path)) == "mine"
    assert study_name("gone-from-disk") == "gone-from-disk"
    with pytest.raises(ValueError, match="no such study file"):
        study_name(str(tmp_path / "absent.yaml"))


def test_what_the_platform_records_is_what_the_analysis_reads(
    recorded: SimpleNamespace, plan: Callable[..., dict[str, object]], tmp_path: Path
) -> None:
    content = {**plan("written", {"VD-I": "VD-I"}, [5]), "data": ["d" * 64]}
    trials: list[Mapping[str, object]] = content["trials"]  # type: ignore[assignment]
    key = str(trials[0]["key"])
    (tmp_path / "result.json").write_text(json.dumps({"metrics": {"jf": 1.0}, "steps": 3}))
    (tmp_path / "config.json").write_text("{}")
    pd.DataFrame({"j": [0.5]}).to_parquet(tmp_path / "scores.parquet")
    record = MLflow(recorded.uri, recorded.folder)
    record.study(content)
    config = {"model": {"prompt": {"kind": "image"}}}
    entry = Entry(key, "VD-I", 5, {"prompt": "image"}, "c" * 64, "d" * 64, "e" * 64, "random weights", config)
    record.finish(entry, tmp_path)
    record.close("FINISHED")
    trial = load_study("written", recorded.uri).trials["VD-I", 5]
    assert trial.frame("scores")["j"].tolist() == [0.5]
    assert trial.document("environment")["python"]
    assert default_uri(recorded.folder) == recorded.uri
