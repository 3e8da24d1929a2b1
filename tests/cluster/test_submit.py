"""The user's command, `ray submit cluster.yaml sweep.py -- demo`, on this machine: Ray's launcher is real, ssh and rsync are not there.

What is real besides: cluster.yaml up to machines and ports, setup.sh with the lock, the token, the MLflow server, sweep.py, the study.
"""

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psutil
import pytest
import yaml

from vdit.schedule.cluster import startable

ROOT = Path(__file__).resolve().parents[2]
RAY = Path(sys.executable).parent / "ray"
WAIT_SECONDS = 300


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_project(to: Path, study: str) -> None:
    """What cluster.yaml mounts, as a user has it who edited the study `demo`."""
    for name in ("platform", "analysis", "experiments", "cluster"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, to / name)
    (to / "experiments/demo.yaml").write_text(study)


def prepare_node(home: Path) -> None:
    """The environment that setup.sh fills, with the packages of this one visible in it: what the lock names is there already."""
    place = home / "vdit-env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    packages = sysconfig.get_paths(vars={"base": str(place), "platbase": str(place)})["purelib"]
    (Path(packages) / "lock.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    for name, entry in (("ray", "ray.scripts.scripts:main"), ("mlflow", "mlflow.cli:cli")):
        module, function = entry.split(":")
        script = place / "bin" / name
        script.write_text(f"#!{place}/bin/python\nfrom {module} import {function}\n{function}()\n")
        script.chmod(0o755)


class Cluster:
    """A laptop and a head node, each a home folder; everything on the head has Ray's temporary folder in its environment."""

    def __init__(self, place: Path, temporary: Path, study: str) -> None:
        self.laptop, self.head, self.shared, self.temporary = place / "laptop", place / "head", place / "shared", temporary
        self.project = self.laptop / "project"
        self.ports = [free_port() for _ in range(3)]
        for folder in (self.laptop, self.head, self.shared):
            folder.mkdir()
        copy_project(self.project, study)
        prepare_node(self.head)
        (self.project / "cluster/cluster.yaml").write_text(yaml.safe_dump(self.configuration()))

    def configuration(self) -> dict[str, object]:
        """cluster.yaml on a machine that is there already: without cloud and `ray stop`, on free ports of loopback."""
        config = yaml.safe_load((ROOT / "cluster/cluster.yaml").read_text())
        config["provider"] = {
            "type": "external",
            "module": "loopback.Loopback",
            "state": str(self.temporary / "nodes.json"),
            "environment": self.environment(self.head),
        }
        config["available_node_types"]["head"]["resources"] = {"CPU": 2}
        stop, start, mlflow = config["head_start_ray_commands"]
        assert stop == "ray stop"
        for told, port in zip(("--port=6379", "--object-manager-port=8076", "--dashboard-port=8265"), self.ports, strict=True):
            assert told in start
            start = start.replace(told, f"{told.split('=')[0]}={port}")
        config["head_start_ray_commands"] = [f"{start} --object-store-memory=100000000", mlflow]
        # These need a cloud or root.
        config["head_setup_commands"] = []
        config |= {"cluster_synced_files": [], "file_mounts_sync_continuously": False, "rsync_filter": [], "docker": {}}
        return config | {"initialization_commands": [], "worker_setup_commands": []}

    def environment(self, home: Path) -> dict[str, str]:
        return {
            "HOME": str(home),
            "PATH": os.environ["PATH"] if home == self.laptop else "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(__file__).parent),
            "RAY_TMPDIR": str(self.temporary),
            "TMPDIR": str(self.temporary),
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
            "VDIT_SHARED": str(self.shared),
            "MLFLOW_PORT": str(free_port()),
            "PIP_NO_INDEX": "1",
        }

    def ray(self, *arguments: str) -> str:
        """`ray ARGUMENTS` in cluster/ on the laptop; returns what it printed."""
        ran = subprocess.run(
            [str(RAY), *arguments],
            cwd=self.project / "cluster",
            env=self.environment(self.laptop),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        return ran.stdout

    def processes(self) -> list[psutil.Process]:
        """Those that have Ray's temporary folder in their environment, and their children: Ray's workers overwrite their own."""
        ours: dict[int, psutil.Process] = {}
        for process in psutil.process_iter():
            try:
                if process.environ().get("RAY_TMPDIR") == str(self.temporary):
                    ours |= {found.pid: found for found in (process, *process.children(recursive=True))}
            except psutil.Error:
                continue
        return list(ours.values())

    def end(self) -> list[psutil.Process]:
        """Ends what is ours, by process id; returns what would not end."""
        started = self.processes()
        for process in started:
            if process.is_running():
                process.kill()
        return list(psutil.wait_procs(started, timeout=30)[1])


@pytest.fixture
def cluster(tiny: Path, tmp_path: Path) -> Iterator[Cluster]:
    # Sockets have short names: Ray's folder cannot lie deep below pytest's.
    temporary = Path(tempfile.mkdtemp(prefix="vdit"))
    made = Cluster(tmp_path, temporary, tiny.read_text().replace("study: tiny", "study: demo"))
    try:
        yield made
    finally:
        left = [process.pid for process in (*made.end(), *made.processes())]
        shutil.rmtree(temporary, ignore_errors=True)
    assert not left, "processes are left behind"


@pytest.mark.slow
def test_the_users_command_ends_with_tables_and_runs(cluster: Cluster) -> None:
    cluster.ray("get-auth-token", "--generate")
    cluster.ray("up", "-y", "cluster.yaml")
    printed = cluster.ray("submit", "cluster.yaml", "sweep.py", "--", "demo")

    study = cluster.head / "vdit/experiments/demo.yaml"
    assert study.read_bytes() == (cluster.project / "experiments/demo.yaml").read_bytes()
    assert f"{study}, SHA-256 {sha256(study.read_bytes()).hexdigest()}" in printed
    assert (cluster.head / ".ray/auth_token").read_bytes() == (cluster.laptop / ".ray/auth_token").read_bytes()
    runs = cluster.shared / "runs"
    assert len(list(runs.glob("trials/*/result.json"))) == 2
    made = {path.name for path in (runs / "studies/demo").rglob("*") if path.is_file()}
    assert {"plan.json", "table3.md", "table3.tex", "table5.csv", "fig4_drift.png", "report.html"} <= made
    assert recorded(runs) == {"demo": "FINISHED", "VD-IT": "FINISHED", "VD-T": "FINISHED"}

    # It was told what machines may come, so that the check of a trial's size could count them.
    assert f"--autoscaling {cluster.head}/ray_bootstrap_config.yaml" in printed
    kinds = startable(cluster.head / "ray_bootstrap_config.yaml")
    assert [(kind.resources["GPU"], kind.count) for kind in kinds] == [(8, 8)]

    again = cluster.ray("submit", "cluster.yaml", "sweep.py", "--", "demo")
    assert "2 done, 0 to run" in again


def recorded(runs: Path) -> dict[str, str]:
    """The arm of each run in MLflow, or the study of one that has none, with how it ended."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{runs}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments)
    return {run.data.tags.get("vdit.arm", run.data.tags["vdit.study"]): run.info.status for run in found}
