"""A real `mlflow server` on loopback that is killed in the middle of a study. Oracle: what MLflow has in the end, and the trial folders."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from mlflow.tracking import MlflowClient

from vdit.config.canonical import digest
from vdit.config.key import folder_name
from vdit.track.entry import Entry
from vdit.track.mlflow import MLflow
from vdit.track.spool import Spool
from vdit.train.folder import append_rows

BIN = Path(sys.executable).parent
WAIT_SECONDS = 600
STEPS = 6


class Server:
    """`mlflow server` on one port and one database, as often as it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db", "--artifacts-destination", str(self.folder / "artifacts")]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        with (self.folder / "server.txt").open("ab") as log:
            environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
            self.process = subprocess.Popen([str(BIN / "mlflow"), "server", *store, *where], stdout=log, stderr=log, env=environment)
        until(self.answers)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def kill(self) -> None:
        """It and what it started, by their ids."""
        if self.process is None:
            return
        for victim in [*psutil.Process(self.process.pid).children(recursive=True), self.process]:
            victim.kill()
        self.process.wait()
        self.process = None

    def trials(self) -> dict[str, list[str]]:
        """The states of each key's runs."""
        client = MlflowClient(tracking_uri=self.uri)
        found: dict[str, list[str]] = {}
        for run in client.search_runs(["1"], "tags.`vdit.kind` = 'trial'"):
            found.setdefault(run.data.tags["vdit.key"], []).append(run.info.status)
        return found

    def metrics(self, key: str) -> set[str]:
        (run,) = MlflowClient(tracking_uri=self.uri).search_runs(["1"], f"tags.`vdit.key` = '{key}'")
        return set(run.data.metrics)

    def losses(self, key: str) -> list[tuple[int, float]]:
        client = MlflowClient(tracking_uri=self.uri)
        (run,) = client.search_runs(["1"], f"tags.`vdit.key` = '{key}'")
        return [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, "loss")]


def until(condition: Callable[[], object], process: "subprocess.Popen[str] | None" = None) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert process is None or process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "nothing happened for too long"
        time.sleep(0.05)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "mlflow")
    made.start()
    yield made
    made.kill()


@pytest.fixture
def vdit(tiny: Path, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """`vdit run` of a study of four trials of 40 steps, of which two run at once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
    tiny.write_text(tiny.read_text().replace("max_steps: 6", "epochs: 40, max_steps: 40").replace("seeds: [0]", "seeds: [0, 1]"))
    temporary = Path(tempfile.mkdtemp(prefix="vdit"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_TMPDIR": str(temporary)}
    environment.pop("RAY_ADDRESS", None)
    command = [sys.executable, "-c", "import sys; from vdit.cli import main; sys.exit(main())", "run", str(tiny)]

    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [*command, "--runs", str(tmp_path / "runs"), "--tracking-uri", server.uri],
            env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait(WAIT_SECONDS)
    shutil.rmtree(temporary, ignore_errors=True)


def steps(runs: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in runs.glob("trials/*/metrics.jsonl"))


def results(runs: Path) -> dict[str, Path]:
    """Folders of finished trials by key."""
    return {json.loads(path.read_text())["key"]: path.parent for path in runs.glob("trials/*/result.json")}


def check(server: Server, runs: Path, trials: int, steps: int) -> None:
    """One finished run a key, with each step once and with the folder's own value."""
    done = results(runs)
    assert server.trials() == {key: ["FINISHED"] for key in done} and len(done) == trials
    for key, folder in done.items():
        rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
        assert server.losses(key) == [(row["step"], row["loss"]) for row in rows] and len(rows) == steps


def trial(told: Spool, arm: str, runs: Path, pause: Callable[[], None]) -> None:
    """A trial as the study tells of it: what it says is in its folder first. `pause` comes in the middle."""
    entry = Entry(digest(arm), arm, 0, {"prompt": arm}, "c", "d", "w", "", {"model": {"prompt": arm}, "seed": 0})
    folder = runs / "trials" / folder_name(entry.key)
    folder.mkdir(parents=True)
    told.start(entry)
    for step in range(STEPS):
        if step == STEPS // 2:
            pause()
        row = {"step": float(step), "time": 1e9 + step, "loss": 10.0 - step, "learning_rate": 1e-4}
        append_rows(folder / "metrics.jsonl", [row])
        told.log(entry.key, [row])
    (folder / "config.json").write_text("{}")
    (folder / "result.json").write_text(json.dumps({"key": entry.key, "steps": STEPS, "metrics": {"jf": 50.0}}))
    told.finish(entry, folder)


@pytest.mark.slow
def test_a_server_that_dies_twice_has_everything_once(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies in the first trial, is back in the second, and dies in the third; the next study's start tells it the rest."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    runs, news = tmp_path / "runs", list[str]()
    plan = {"study": "dying", "trials": []}

    def opened() -> MLflow:
        record = MLflow(server.uri, runs)
        record.study(plan)
        return record

    told = Spool(opened(), opened, runs, news.append)
    first, second = {digest("VD-I"): ["FINISHED"]}, {digest("VD-T"): ["FINISHED"]}
    trial(told, "VD-I", runs, lambda: (until(server.trials), server.kill()))
    until(lambda: told.error)
    trial(told, "VD-T", runs, lambda: (server.start(), until(lambda: first.items() <= server.trials().items())))
    until(lambda: server.trials() == first | second)
    assert len(news) == 2
    trial(told, "VD-IT", runs, server.kill)
    assert "VD-IT (seed 0) not recorded yet: tracking server" in told.close("FINISHED")
    server.start()
    again = opened()
    assert again.finished() == {digest("VD-I"), digest("VD-T")}
    told = Spool(again, opened, runs, news.append)
    folder = runs / "trials" / folder_name(digest("VD-IT"))
    told.finish(Entry(digest("VD-IT"), "VD-IT", 0, {"prompt": "VD-IT"}, "c", "d", "w", "", {"seed": 0}), folder)
    assert told.close("FINISHED") == ""
    check(server, runs, 3, STEPS)


@pytest.mark.slow
def test_a_study_on_ray_goes_on_without_its_server(server: Server, vdit: Callable[[], "subprocess.Popen[str]"], tmp_path: Path) -> None:
    """The first trials end while the server is dead."""
    runs = tmp_path / "runs"
    process = vdit()
    until(lambda: steps(runs) >= 5, process)
    server.kill()
    until(lambda: results(runs), process)
    server.start()
    output, _ = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, output
    assert "goes on without its record" in output and "answers again" in output, output
    check(server, runs, 4, 40)
    for key, folder in results(runs).items():
        assert sorted(path.name for path in folder.glob("log*")) == ["log.txt"]
        assert "[0] " in (folder / "log.txt").read_text()
        assert "system/cpu_utilization_percentage" in server.metrics(key)
