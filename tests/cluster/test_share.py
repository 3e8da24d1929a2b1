"""`share.sh` with a `sudo` that writes down what it was asked: nothing is installed or mounted."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "cluster/share.sh"


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with that `sudo`, and with a `mountpoint` that finds nothing mounted."""
    place = tmp_path / "bin"
    place.mkdir()
    for name, body in (
        ("sudo", f'echo "$*" >>{tmp_path}/asked; case "$1" in tee) cat >>{tmp_path}/asked;; esac'),
        ("mountpoint", "exit 1"),
    ):
        (place / name).write_text(f"#!/bin/sh\n{body}\n")
        (place / name).chmod(0o755)
    return place


def asked(tools: Path, *arguments: str, **settings: str) -> str:
    """What the script asked of `sudo`."""
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", **settings}
    subprocess.run(["bash", str(SCRIPT), *arguments], env=environment, check=True)
    return (tools.parent / "asked").read_text()


def test_the_head_exports_its_folder_to_private_networks_only(tools: Path) -> None:
    said = asked(tools)
    exports = [line for line in said.splitlines() if line.startswith("/shared ")]
    assert [line.split()[1].split("(")[0] for line in exports] == ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
    assert "exportfs -ra" in said
    assert "mount -t nfs" not in said


def test_a_worker_mounts_the_heads_folder(tools: Path) -> None:
    said = asked(tools, "10.0.0.7", VDIT_SHARED="/data")
    assert "mount -t nfs -o nfsvers=4.1,hard 10.0.0.7:/data /data" in said
    assert "exportfs" not in said


@pytest.mark.parametrize("arguments", [(), ("10.0.0.7",)])
def test_a_file_server_is_mounted_on_head_and_worker_alike(tools: Path, arguments: tuple[str, ...]) -> None:
    said = asked(tools, *arguments, VDIT_NFS="files:/vdit")
    assert "mount -t nfs -o nfsvers=4.1,hard files:/vdit /shared" in said
    assert "exportfs" not in said
