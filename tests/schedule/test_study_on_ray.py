"""A study on Ray with its real parts: it survives the death of a worker and Ctrl-C, and runs nothing twice."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import torch

from vdit.record import scores
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import checkpoint

VDIT = Path(sys.executable).parent / "vdit"
WAIT_SECONDS = 400


class Study:
    """`vdit run` as a user starts it, in a session of its own so that everything it starts can be found again."""

    def __init__(self, study: Path, runs: Path, temporary: Path) -> None:
        self.study, self.runs = study, runs
        # Sockets have short names: Ray's folder cannot lie deep below pytest's.
        self.environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_TMPDIR": str(temporary)}
        self.environment.pop("RAY_ADDRESS", None)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [str(VDIT), "run", str(self.study), "--runs", str(self.runs), *arguments]
        return subprocess.Popen(
            command, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )

    def run(self, *arguments: str) -> str:
        """To the end; returns what it printed."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=WAIT_SECONDS)
        assert process.returncode == 0, output
        return output

    def results(self) -> dict[str, Path]:
        """Trial folders that are done, by name."""
        return {path.parent.name: path.parent for path in self.runs.glob("trials/*/result.json")}

    def rows(self) -> int:
        """Steps recorded so far, of all trials."""
        return sum(len(path.read_text().splitlines()) for path in self.runs.glob("trials/*/metrics.jsonl"))


@pytest.fixture
def study(tiny: Path, tmp_path: Path) -> Iterator[Study]:
    temporary = Path(tempfile.mkdtemp(prefix="vdit"))
    yield Study(tiny, tmp_path / "runs", temporary)
    left = ours(temporary)
    shutil.rmtree(temporary, ignore_errors=True)
    assert not left, "processes are left behind"


def ours(temporary: Path) -> list[str]:
    """Processes of the Ray whose temporary folder this is, after those that are ending have had time to."""
    deadline = time.monotonic() + 20
    while True:
        found = [process.info["name"] for process in psutil.process_iter(["name", "cmdline", "environ"]) if belongs(process, temporary)]
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.2)


def belongs(process: psutil.Process, temporary: Path) -> bool:
    """Ray's services name the folder on their command line; its workers overwrite theirs, and have it in their environment."""
    if process.info["name"].startswith("ray::"):
        environment = process.info["environ"]  # None where it cannot be read: then it may be ours
        return environment is None or bool(environment.get("RAY_TMPDIR") == str(temporary))
    return any(f"{temporary}/" in word for word in process.info["cmdline"] or [])


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "nothing happened for too long"
        time.sleep(0.005)


def workers(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children(recursive=True) if child.name().startswith("ray::Worker")]


def undisturbed(study: Study, arm: str, runs: Path) -> Path:
    """The same trial in a process of its own: what other tests have done to the libraries of this one may round differently."""
    command = [str(VDIT), "run", str(study.study), "--arm", arm, "--local", "--no-rehearsal", "--runs", str(runs)]
    subprocess.run(command, check=True, env=study.environment, capture_output=True)
    (place,) = (runs / "trials").iterdir()
    return place


def weights(place: Path) -> dict[str, torch.Tensor]:
    saved = checkpoint.read(place / "checkpoint" / checkpoint.NAME)
    assert saved is not None
    return saved[0]


def test_a_killed_worker_costs_nothing_but_time(study: Study, tmp_path: Path) -> None:
    """And the same command again runs nothing; a forgotten trial runs alone; the tables are made of what ran."""
    study.study.write_text(study.study.read_text().replace("max_steps: 6", "epochs: 20, max_steps: 12"))
    process = study.start("--no-rehearsal")
    wait_for(lambda: study.rows() >= 5, process)
    (victim, *_) = workers(process)
    victim.send_signal(signal.SIGKILL)
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, output
    done = study.results()
    assert len(done) == 2
    expected = undisturbed(study, "VD-IT", tmp_path / "alone")
    found = done[expected.name]
    assert all(torch.equal(weights(found)[name], value) for name, value in weights(expected).items())
    assert scores.read(found / "scores.parquet").equals(scores.read(expected / "scores.parquet"))
    steps = [json.loads(line)["step"] for line in (found / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(12))
    lost = [json.loads(file.read_text())["losses"] for file in study.runs.glob("trials/*/attempts.json")]
    assert [[loss["kind"] for loss in losses] for losses in lost] == [["infrastructure"]]

    stamps = {name: (place / "result.json").stat().st_mtime_ns for name, place in done.items()}
    assert "2 done, 0 to run" in study.run()
    forget = [str(VDIT), "forget", str(study.study), "--arm", "VD-T", "--runs", str(study.runs)]
    subprocess.run(forget, check=True, env=study.environment, capture_output=True)
    assert "1 done, 1 to run" in study.run()
    again = {name: (place / "result.json").stat().st_mtime_ns for name, place in study.results().items()}
    assert again.keys() == stamps.keys()
    assert [name for name in again if again[name] == stamps[name]] == [expected.name]

    tables = [str(VDIT), "tables", str(study.study), "--runs", str(study.runs)]
    shown = subprocess.run(tables, env=study.environment, capture_output=True, text=True, check=True).stdout
    assert "VD-IT" in shown
    made = {path.name for path in (study.runs / "studies/tiny").rglob("*") if path.is_file()}
    assert {"plan.json", "table3.md", "table5.tex", "table6.csv", "fig4_drift.png", "fig5_light.svg"} <= made


@pytest.mark.slow
@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_keeps_what_is_finished_and_frees_everything(study: Study, asked: signal.Signals) -> None:
    process = study.start()
    wait_for(study.results, process)
    process.send_signal(asked)
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    finished = study.results()
    assert process.returncode in ((130,) if len(finished) == 1 else (130, 0)), output
    stamps = {name: (place / "result.json").stat().st_mtime_ns for name, place in finished.items()}
    study.run()
    assert len(study.results()) == 2
    assert all((study.runs / "trials" / name / "result.json").stat().st_mtime_ns == stamp for name, stamp in stamps.items())


@pytest.mark.slow
def test_two_workers_learn_what_one_learns(study: Study, tmp_path: Path) -> None:
    """Without dropout, whose draws differ by worker. The order of summation differs, so equal up to rounding."""
    study.study.write_text(study.study.read_text() + "model: {head: {dropout: 0.0}}\n")
    study.run("--workers", "2", "--arm", "VD-IT")
    (found,) = study.results().values()
    expected = undisturbed(study, "VD-IT", tmp_path / "alone")
    assert found.name == expected.name, "the number of workers is no part of the key"
    for name, value in weights(expected).items():
        if name.startswith("parameter/"):
            torch.testing.assert_close(weights(found)[name], value, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_a_warm_gang_of_two_gives_what_a_cold_one_gives(study: Study, tmp_path: Path) -> None:
    """The second trial has the processes and the frozen networks of the first, and ends bit for bit as it does alone."""
    study.run("--workers", "2")
    first, second = sorted(study.results().values(), key=lambda place: (place / "result.json").stat().st_mtime_ns)
    logs = [(place / "log.txt").read_text() for place in (first, second)]
    pids = [dict(re.findall(r"worker (\d) of 2: process (\d+) on", text)) for text in logs]
    assert pids[0] == pids[1] and len(pids[0]) == 2
    assert logs[0].count("loaded the frozen networks") == 2
    assert logs[1].count("frozen networks kept") == 2 and "loaded the frozen networks" not in logs[1]

    alone = Study(study.study, tmp_path / "cold", Path(study.environment["RAY_TMPDIR"]))
    alone.run("--workers", "2", "--arm", json.loads((second / "config.json").read_text())["trial"]["arm"])
    cold = alone.results()[second.name]
    assert all(torch.equal(weights(second)[name], value) for name, value in weights(cold).items())
    assert scores.read(second / "scores.parquet").equals(scores.read(cold / "scores.parquet"))


@pytest.mark.slow
def test_what_no_machine_holds_is_refused_at_once_with_both_numbers(study: Study) -> None:
    study.study.write_text(study.study.read_text().replace("launch: {", "launch: {threads: 4000, "))
    process = study.start()
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 2, output
    assert "a trial needs 1 worker of 4000 CPU; the cluster has 127.0.0.1: " in output


@pytest.mark.slow
def test_losses_that_are_not_finite_fail_their_trials_and_three_of_them_stop_the_study(study: Study) -> None:
    """And the next run leaves those alone and goes on with the rest."""
    diverging = (
        study.study.read_text().replace("max_steps: 6", "max_steps: 6, learning_rate: 1e30").replace("seeds: [0]", "seeds: [0, 1, 2]")
    )
    study.study.write_text(diverging)
    process = study.start("--no-rehearsal")
    output, _ = process.communicate(timeout=2 * WAIT_SECONDS)
    assert process.returncode == 1, output
    assert "not finite after step" in output or "LossNotFiniteError: loss is" in output
    assert "3 trials failed of the same error" in output and "0/6 trials are complete" in output
    status = [str(VDIT), "status", str(study.study), "--json", "--runs", str(study.runs)]
    told = json.loads(subprocess.run(status, env=study.environment, capture_output=True, text=True, check=True).stdout)
    # Two run at a time: when the third fails, the other one is at its last checkpoint, or has failed too.
    assert told["counts"]["FAILED"] in (3, 4) and told["counts"].keys() <= {"FAILED", "SKIPPED", "PREEMPTED"}
    failed = [one for one in told["trials"] if one["state"] == "FAILED"]
    assert all("at step" in one["reason"] or "after step" in one["reason"] for one in failed)

    again = study.start("--arm", failed[0]["arm"], "--seed", str(failed[0]["seed"]))
    output, _ = again.communicate(timeout=WAIT_SECONDS)
    assert again.returncode == 1 and "--retry-failed tries it again" in output


SEARCHED = """design: search
search: {trials: 3, startup: 2, grace_steps: 2, reduction: 2}
axes: {timestep: {low: 0, high: 200, step: 100}, noise: [gaussian, predicted]}
"""


@pytest.mark.slow
def test_a_search_that_was_interrupted_goes_on_and_tries_no_point_twice(study: Study) -> None:
    """And every level has been rehearsed before, of which only markers are left."""
    text = study.study.read_text().replace("design: listed\n", SEARCHED).replace("  VD-T: {prompt: text, noise: gaussian}\n", "")
    study.study.write_text(text.replace("light: [0.4], light_draws: 1, drift_clips: 2, drift_frames: 3", "light: [], drift_clips: 0"))
    process = study.start()
    wait_for(study.results, process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=WAIT_SECONDS)
    stamps = {name: (place / "result.json").stat().st_mtime_ns for name, place in study.results().items()}
    output = study.run()
    rows = json.loads((study.runs / "studies/tiny/search.json").read_text())["points"]
    assert len(rows) == len({json.dumps(row["values"]) for row in rows}) == 3
    plan = planning.build(spec.read(str(study.study)), study.runs)
    ended = {row["stop"]["key"] for row in rows if row["stop"]}
    assert {planned.key for planned in plan.missing} == ended
    assert all((study.runs / "trials" / name / "result.json").stat().st_mtime_ns == stamp for name, stamp in stamps.items())
    assert all((study.runs / "trials" / planned.folder / "checkpoint" / checkpoint.NAME).exists() for planned in plan.trials)
    assert "jf " in output
    markers = list((study.runs / "rehearsals").iterdir())
    assert len(markers) == 3 and all(marker.suffix == ".json" for marker in markers)
    status = [str(VDIT), "status", str(study.study), "--runs", str(study.runs)]
    wide = {**study.environment, "COLUMNS": "250"}
    shown = subprocess.run(status, env=wide, capture_output=True, text=True, check=True).stdout
    assert shown.count("stopped by ASHA at step") == len(ended)
