"""`slurm.sh` in an allocation that is a folder of tools: what `srun` is asked for."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "cluster/slurm.sh"
DEBIAN = "127.0.1.1       STREAM node1\n127.0.1.1       DGRAM\n"  # what /etc/hosts of a stock Debian says of its own name


@pytest.fixture
def slurm(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the script on a node whose name is looked up as `named` and whose interfaces have the addresses `bound`."""

    def run(named: str, bound: str, nodes: int = 2) -> subprocess.CompletedProcess[str]:
        (tmp_path / ".venv/bin").mkdir(parents=True)
        (tmp_path / ".venv/bin/activate").touch()
        tools = {
            "hostname": f'case "$*" in -I) echo "{bound}";; *-address) echo "{named.split(maxsplit=1)[0]}";; *) echo node1;; esac',
            "getent": f"printf '%s' '{named}'",
            "ray": "",
            "srun": 'echo "$*"',
        }
        for name, body in tools.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
            (tmp_path / name).chmod(0o755)
        allocation = {"SLURM_SUBMIT_DIR": str(tmp_path), "SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": str(nodes), "VDIT_SHARED": "/shared"}
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **allocation}
        return subprocess.run(["bash", str(SCRIPT), "demo"], env=environment, check=False, text=True, capture_output=True)

    return run


@pytest.mark.parametrize(
    ("named", "bound", "address"),
    [
        ("10.1.0.5     STREAM node1\n", "192.168.7.1 10.1.0.5", "10.1.0.5"),  # the name's, where other nodes know it by that
        (DEBIAN, "fe80::1 10.1.0.5 172.17.0.1", "10.1.0.5"),
        (DEBIAN + "10.1.0.6      STREAM\n", "10.1.0.5", "10.1.0.6"),
    ],
)
def test_ray_gets_an_address_that_other_nodes_reach(
    slurm: Callable[..., subprocess.CompletedProcess[str]], named: str, bound: str, address: str
) -> None:
    assert f"ray symmetric-run --address {address}:6379 --min-nodes 2 " in slurm(named, bound).stdout


def test_a_node_that_only_knows_its_loopback_can_be_alone(slurm: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert "--address 127.0.0.1:6379 --min-nodes 1 " in slurm(DEBIAN, "", nodes=1).stdout


def test_with_others_it_is_refused(slurm: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    ran = slurm(DEBIAN, "")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "node1 has no IPv4 address that the other 1 nodes reach" in ran.stderr
    assert "VDIT_HEAD_IP" in ran.stderr
