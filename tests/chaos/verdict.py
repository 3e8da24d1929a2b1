"""What must be true when everything is done: each trial once, as if nothing had happened, and nothing left lying about."""

import json
from collections import Counter
from pathlib import Path

FILES = ("scores.parquet", "shuffled.parquet", "closest.parquet", "light.parquet", "drift.parquet", "checkpoint/last.safetensors")


def results(runs: Path) -> dict[str, Path]:
    """The folders of finished trials, by key."""
    return {json.loads(path.read_text())["key"]: path.parent for path in runs.glob("trials/*/result.json")}


def same(runs: Path, undisturbed: Path) -> None:
    """Every trial is there, and equal to the bit: scores, features' drift, weights, and the loss of every step."""
    found, expected = results(runs), results(undisturbed)
    assert found.keys() == expected.keys(), f"{len(found)} trials, expected {len(expected)}"
    assert sorted(path.name for path in runs.glob("trials/*")) == sorted(path.name for path in expected.values()), "other folders"
    for key, place in found.items():
        twin = expected[key]
        different = [name for name in FILES if (place / name).read_bytes() != (twin / name).read_bytes()]
        assert not different, f"{place}: {', '.join(different)} differ from {twin}"
        assert measured(place) == measured(twin), f"{place}: its numbers differ from {twin}"
        assert losses(place) == losses(twin), f"{place}: its losses differ from {twin}"


def measured(place: Path) -> object:
    return json.loads((place / "result.json").read_text())["metrics"]


def losses(place: Path) -> list[tuple[float, float]]:
    rows = [json.loads(line) for line in (place / "metrics.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows]


def recorded(uri: str, runs: Path) -> int:
    """One FINISHED run per trial, one of the study, each step once; returns how many runs there are of trials."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    every = client.search_runs([found.experiment_id for found in client.search_experiments()], max_results=1000)
    trials = [run for run in every if run.data.tags["vdit.kind"] == "trial"]
    count = Counter(run.data.tags["vdit.key"] for run in trials)
    assert count == dict.fromkeys(results(runs), 1), f"runs per key: {sorted(count.values())} for {len(results(runs))} trials"
    assert {run.info.status for run in every} == {"FINISHED"}, Counter(run.info.status for run in every)
    assert len(every) == len(trials) + 1, f"{len(every) - len(trials)} runs of one study"
    for run in trials:
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "loss")]
        expected = [step for step, _ in losses(results(runs)[run.data.tags["vdit.key"]])]
        assert sorted(steps) == expected, f"{run.info.run_name}: the record has the steps {sorted(steps)}, expected {expected}"
    return len(trials)


def clean(runs: Path) -> None:
    """No draft of a killed writer, nothing of Tune's."""
    hidden = [path for path in runs.rglob("*") if path.name.startswith(".") or path.suffix == ".tmp"]
    assert not hidden, f"left behind: {', '.join(str(path.relative_to(runs)) for path in hidden)}"
    left = list((runs / "ray").glob("*"))
    assert not left, f"Tune's copies are left: {left}"


def attempts(runs: Path) -> int:
    """How often trials were opened, as their logs tell."""
    return sum(path.read_text().count(": at step ") for path in runs.glob("trials/*/log.txt"))
