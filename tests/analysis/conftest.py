"""A tracking database as `vdit run` leaves it: three studies over the same trials, scores made by hand (interface.md, Files)."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from vdit_analysis import runs
from vdit_analysis.outputs import Outputs, build
from vdit_analysis.runs import StudyRuns

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOTICE = "random weights, seed 0: no checkpoint was given"
ARMS: Mapping[str, Mapping[str, object]] = {
    "VD-I": {"prompt": "image", "noise": "gaussian"},
    "VD-T": {"prompt": "text", "noise": "gaussian"},
    "VD-IT without noise prediction": {"prompt": "image+text", "noise": "gaussian"},
    "VD-IT": {"prompt": "image+text", "noise": "predicted"},
    "random_features & co": {"prompt": "image+text", "noise": "predicted", "backbone": "random"},
}
# Two expressions of one video, per arm: J of their frames. F is J / 2 everywhere, a seed adds 0.02 to J.
REGION: Mapping[str, tuple[list[float], list[float]]] = {
    "VD-I": ([0.60, 0.70, 0.60], [0.20, 0.20]),
    "VD-T": ([0.60, 0.60, 0.60], [0.40, 0.50]),
    "VD-IT without noise prediction": ([0.70, 0.70, 0.70], [0.50, 0.50]),
    "VD-IT": ([0.95, 0.92, 0.60, 0.60, 0.60, 0.75], [0.60, 0.60]),
    "random_features & co": ([0.10, 0.10, 0.10], [0.10, 0.10]),
}
MEASURE = ("components", "consistency", "quality", "drift", "light")


@dataclass(frozen=True)
class Recorded:
    """Studies: `full` (2 seeds, complete), `half` (a third seed never ran), `shared` (one seed, arms renamed, trials of `full`),
    `baseline` (one seed, VD-I's trial as SgMg), `twins` (two arms, one trial), `mixed` (its code digest is another than its trial's),
    `accepted` (so too, but the plan accepts it), `bare` (its trial lacks light.parquet)."""

    uri: str
    run_ids: Mapping[tuple[str, int], str]
    folder: Path


def scores(arm: str, seed: int) -> pd.DataFrame:
    rows = [
        {"video": "clip", "expression": str(expression), "frame": f"{5 * frame:05d}", "j": j + 0.02 * seed, "f": (j + 0.02 * seed) / 2}
        for expression, values in enumerate(REGION[arm])
        for frame, j in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(area_truth=100, area_prediction=100, intersection=50, present=True)


def light(arm: str, seed: int) -> pd.DataFrame:
    """At level b every J is lower by b / 10, in each of two draws a little more or less."""
    plain = scores(arm, seed)
    parts = [
        plain.assign(j=plain["j"] - level / 10 + sign * 0.01, f=plain["f"] - level / 10, level=level, draw=draw)
        for level in (0.2, 0.4)
        for draw, sign in enumerate((1, -1))
    ]
    return pd.concat(parts, ignore_index=True)


def drift(arm: str, seed: int) -> pd.DataFrame:
    """Two clips at three strides; there is no other object, so that every margin is NaN."""
    slope = 0.01 * (1 + list(ARMS).index(arm)) + 0.001 * seed
    rows = [
        {
            "sample": f"clip/{sample}",
            "k": k,
            "cosine": float("nan") if kind == "margin" else 1 - slope * k + sign * 0.005,
            "kind": kind,
            "stride": stride,
        }
        for sample, sign in enumerate((1, -1))
        for k in range(1, 8)
        for kind in ("raw", "centred", "mask", "margin")
        for stride in (8, 16, 32)
    ]
    return pd.DataFrame(rows)


def key(arm: str, seed: int) -> str:
    return f"{list(ARMS).index(arm):02x}{seed:02x}" * 16


def plan(study: str, arms: Mapping[str, str], seeds: list[int], code: str = "c" * 64) -> dict[str, Any]:
    """`arms` maps this study's name of an arm to the name its trials were run under."""
    trials = [
        {"key": key(ran_as, seed), "arm": arm, "seed": seed, "levels": dict(ARMS[ran_as]), "done": True, "shared_with": []}
        for arm, ran_as in arms.items()
        for seed in seeds
    ]
    return {
        "study": study,
        "preset": "miniature",
        "reference": "VD-IT" if "VD-IT" in arms else next(iter(arms)),
        "measure": list(MEASURE),
        "design": "listed",
        "seeds": seeds,
        "arms": list(arms),
        "trials": trials,
        "code": code,
        "data": ["d" * 64],
        "weights": ["e" * 64],
        "notice": NOTICE,
    }


def log_files(client: MlflowClient, run: str, files: Mapping[str, object]) -> None:
    with TemporaryDirectory() as folder:
        for name, content in files.items():
            path = Path(folder, name)
            if isinstance(content, pd.DataFrame):
                content.to_parquet(path)
            else:
                path.write_text(json.dumps(content), encoding="utf-8")
        client.log_artifacts(run, folder)


def log_study(client: MlflowClient, experiment: str, content: Mapping[str, Any]) -> str:
    tags = {"vdit.kind": "study", "vdit.study": content["study"]}
    run = client.create_run(experiment, tags=tags, run_name=content["study"]).info.run_id
    log_files(client, run, {"plan.json": content})
    client.set_terminated(run)
    return str(run)


def log_trial(
    client: MlflowClient, experiment: str, parent: str, place: tuple[str, int], *, without: tuple[str, ...] = (), study: str = "full"
) -> str:
    arm, seed = place
    levels = {f"vdit.axis.{axis}": str(level) for axis, level in ARMS[arm].items()}
    own = {
        "mlflow.parentRunId": parent,
        "mlflow.source.git.commit": COMMIT,
        "vdit.kind": "trial",
        "vdit.study": study,
        "vdit.key": key(arm, seed),
        "vdit.arm": arm,
        "vdit.seed": str(seed),
        "vdit.code": "c" * 64,
        "vdit.data": "d" * 64,
        "vdit.weights": "e" * 64,
        "vdit.notice": NOTICE,
    }
    run = client.create_run(experiment, tags=own | levels).info.run_id
    files = {
        "config.json": {"weights": "e" * 64, "trial": {"arm": arm, "seed": seed, "launch": {"weights": ""}}},
        "result.json": {"seconds": 1.0},
        "environment.json": {"python": "3.11.2", "packages": {"torch": "2.14.1"}},
        "scores.parquet": scores(arm, seed),
        "light.parquet": light(arm, seed),
        "drift.parquet": drift(arm, seed),
    }
    log_files(client, run, {name: content for name, content in files.items() if name not in without})
    client.set_terminated(run)
    return str(run)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("runs")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(uri)
    experiment = client.create_experiment("vdit", artifact_location=str(folder / "artifacts"))
    same = {arm: arm for arm in ARMS}
    log_study(client, experiment, {**plan("full", {"VD-I": "VD-I"}, [0]), "notice": "an older plan of the same study"})
    full = log_study(client, experiment, plan("full", same, [0, 1]))
    run_ids = {(arm, seed): log_trial(client, experiment, full, (arm, seed)) for arm in ARMS for seed in (0, 1)}
    client.create_run(experiment, tags={"vdit.kind": "trial", "vdit.study": "half", "vdit.key": key("VD-I", 2)})  # still running
    log_study(client, experiment, plan("half", {"VD-I": "VD-I", "VD-IT": "VD-IT"}, [0, 1, 2]))
    log_study(client, experiment, plan("shared", {"VD-T": "VD-T", "ours": "VD-IT"}, [0]))
    log_study(client, experiment, plan("baseline", {"SgMg": "VD-I", "VD-IT": "VD-IT"}, [0]))
    twins = plan("twins", {"VD-IT": "VD-IT"}, [0])
    twins["arms"] = ["VD-IT", "VD-IT at its default"]
    twins["trials"][0]["shared_with"] = ["VD-IT at its default"]
    log_study(client, experiment, twins)
    log_study(client, experiment, plan("mixed", {"VD-T": "VD-T"}, [0], code="f" * 64))
    accepted = plan("accepted", {"VD-T": "VD-T"}, [0], code="f" * 64)
    accepted["trials"][0]["code"] = "c" * 64
    log_study(client, experiment, accepted)
    bare = log_study(client, experiment, plan("bare", {"VD-I": "VD-I"}, [7]))
    log_trial(client, experiment, bare, ("VD-I", 7), without=("light.parquet",), study="bare")
    return Recorded(uri=uri, run_ids=run_ids, folder=folder)


@pytest.fixture(scope="session", name="plan")
def _plan() -> Callable[..., dict[str, Any]]:
    return plan


@pytest.fixture(scope="session")
def load(recorded: Recorded) -> Callable[[str], StudyRuns]:
    """Each study of the record, loaded once."""
    return cache(lambda study: runs.load(study, recorded.uri))


@pytest.fixture(scope="session")
def outputs(load: Callable[[str], StudyRuns], published: Path) -> Callable[[str], Outputs]:
    """Tables and figures of each study, made once."""
    return cache(lambda study: build(load(study), published))


@pytest.fixture(scope="session")
def published() -> Path:
    return Path(__file__).resolve().parents[2] / "experiments" / "published"
