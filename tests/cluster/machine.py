"""A laptop and a head node, both on this machine, and `ray COMMAND` on the laptop. How the one reaches the other is a subclass's."""

import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, ClassVar

import own_ray
import psutil
import yaml

ROOT = Path(__file__).resolve().parents[2]
RAY = Path(sys.executable).parent / "ray"
WAIT_SECONDS = 600


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def copy_project(to: Path, study: str) -> None:
    """What the yaml mounts, as a user has it who edited the study `demo`."""
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
    for name, entry in (("ray", "own_ray:main"), ("mlflow", "mlflow.cli:cli")):
        module, function = entry.split(":")
        script = place / "bin" / name
        script.write_text(f"#!{place}/bin/python\nfrom {module} import {function}\n{function}()\n")
        script.chmod(0o755)


class Cluster:
    """Each node is a home folder; everything on the head has Ray's temporary folder in its environment.

    `file` is the yaml that is run, `grows` what its autoscaler may start: GPUs of a machine, and how many of it.
    """

    file = "cluster.yaml"
    grows: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, place: Path, temporary: Path, study: str) -> None:
        self.laptop, self.head, self.shared, self.temporary = place / "laptop", place / "head", place / "shared", temporary
        self.project = self.laptop / "project"
        self.mlflow_port = free_port()
        for folder in (self.laptop, self.head, self.shared):
            folder.mkdir()
        copy_project(self.project, study)
        prepare_node(self.head)

    def open(self) -> None:
        """From here on the laptop reaches the head."""
        (self.project / "cluster" / self.file).write_text(yaml.safe_dump(self.configuration()))

    def reach(self, config: dict[str, Any]) -> dict[str, Any]:
        """The yaml with the machine that is there already in place of a cloud's."""
        raise NotImplementedError

    def configuration(self) -> dict[str, Any]:
        """The project's yaml, on free ports of loopback."""
        config = self.reach(yaml.safe_load((ROOT / "cluster" / self.file).read_text()))
        # Not what is for a cloud's nodes, or for root.
        stop, start, mlflow = (command for command in config["head_start_ray_commands"] if not re.search(r"share\.sh|ami\.sh", command))
        start, moved = re.subn(r"--(port|object-manager-port|dashboard-port)=\d+", lambda told: f"--{told[1]}={free_port()}", start)
        assert moved >= 2
        config["head_start_ray_commands"] = [stop, f"{start} --object-store-memory=100000000", mlflow]
        return config | {"head_setup_commands": []}

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
            "MLFLOW_PORT": str(self.mlflow_port),
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
        assert ran.returncode == 0, ran.stdout + self.account()
        return ran.stdout

    def account(self) -> str:
        """What else tells why a command failed."""
        return ""

    def processes(self) -> list[psutil.Process]:
        return own_ray.ours(self.temporary)

    def services(self) -> set[str]:
        """Those of Ray that run on the head."""
        return {process.name() for process in self.processes()} & {"gcs_server", "raylet"}

    def end(self) -> list[psutil.Process]:
        """Ends what is ours, by process id; returns what would not end."""
        started = self.processes()
        for process in started:
            if process.is_running():
                process.kill()
        return list(psutil.wait_procs(started, timeout=30)[1])
