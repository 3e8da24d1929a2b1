"""The user's command, `ray submit cluster.yaml sweep.py -- demo`, on this machine, with Ray's own launcher.

Once over a shell in place of ssh and rsync, with cluster.yaml; once over a real OpenSSH server, with onprem.yaml. What is real besides:
the yaml up to machines and ports, setup.sh with the lock, the token, the MLflow server, sweep.py, the study.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import openssh
import psutil
import pytest
from machine import Cluster, free_port

from vdit.schedule.cluster import startable


class ByShell(Cluster):
    """Ray's `external` provider: this machine needs neither sshd nor root."""

    grows: ClassVar = [(8, 8)]

    def reach(self, config: dict[str, Any]) -> dict[str, Any]:
        config["provider"] = {
            "type": "external",
            "module": "loopback.Loopback",
            "state": str(self.temporary / "nodes.json"),
            "environment": self.environment(self.head),
        }
        config["available_node_types"]["head"]["resources"] = {"CPU": 2}
        # Ray completes these for its own providers only.
        config |= {"cluster_synced_files": [], "file_mounts_sync_continuously": False, "rsync_filter": [], "docker": {}}
        return config | {"initialization_commands": [], "worker_setup_commands": []}


class BySsh(Cluster):
    """Ray's `local` provider, with its runner of ssh and rsync."""

    file = "onprem.yaml"
    grows: ClassVar = []

    def open(self) -> None:
        self.server = openssh.Server(self.laptop.parent / "sshd", free_port(), self.environment(self.head))
        self.server.start()
        super().open()

    def reach(self, config: dict[str, Any]) -> dict[str, Any]:
        config["provider"] = {"type": "local", "head_ip": "127.0.0.1", "worker_ips": []}
        # Ray has no option for the port.
        tunnel = f"{sys.executable} {Path(__file__).with_name('tunnel.py')} {self.server.port}"
        config["auth"] = {"ssh_user": self.server.user, "ssh_private_key": str(self.server.key), "ssh_proxy_command": tunnel}
        # Open connections are kept by the cluster's name, in a folder of the machine.
        return config | {"cluster_name": f"vdit-{self.server.port}"}

    def account(self) -> str:
        return self.server.log.read_text()

    def end(self) -> list[psutil.Process]:
        left = super().end()
        self.server.stop()
        name, user = (sha256(word.encode()).hexdigest()[:10] for word in (f"vdit-{self.server.port}", self.server.user))
        # Where Ray keeps them is not asked of anybody (ssh_control_path in its command_runner.py).
        shutil.rmtree(f"/tmp/ray_ssh_{user}/{name}")
        return left


@pytest.fixture(params=[pytest.param(ByShell, marks=pytest.mark.slow, id="shell"), pytest.param(BySsh, marks=pytest.mark.ssh, id="ssh")])
def cluster(request: pytest.FixtureRequest, tiny: Path, tmp_path: Path) -> Iterator[Cluster]:
    if request.param is BySsh and (lacking := openssh.missing()):
        pytest.skip(lacking)
    # Sockets have short names: Ray's folder cannot lie deep below pytest's.
    temporary = Path(tempfile.mkdtemp(prefix="vdit"))
    made: Cluster = request.param(tmp_path, temporary, tiny.read_text().replace("study: tiny", "study: demo"))
    try:
        made.open()
        yield made
    finally:
        left = [process.pid for process in (*made.end(), *made.processes())]
        shutil.rmtree(temporary, ignore_errors=True)
    assert not left, "processes are left behind"


def test_the_users_command_ends_with_tables_and_runs(cluster: Cluster) -> None:
    """And `ray down` leaves nothing of Ray."""
    cluster.ray("get-auth-token", "--generate")
    cluster.ray("up", "-y", cluster.file)
    printed = cluster.ray("submit", cluster.file, "sweep.py", "--", "demo")

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
    assert [(kind.resources["GPU"], kind.count) for kind in kinds] == cluster.grows

    again = cluster.ray("submit", cluster.file, "sweep.py", "--", "demo")
    assert "2 done, 0 to run" in again

    assert cluster.services() == {"gcs_server", "raylet"}
    cluster.ray("down", "-y", cluster.file)
    assert not cluster.services()


def recorded(runs: Path) -> dict[str, str]:
    """The arm of each run in MLflow, or the study of one that has none, with how it ended."""
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{runs}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    found = client.search_runs(experiments)
    return {run.data.tags.get("vdit.arm", run.data.tags["vdit.study"]): run.info.status for run in found}
