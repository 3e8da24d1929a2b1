"""`share.sh` with a `sudo` that installs and mounts nothing; what it makes in /etc goes to its own root, as bare as a new machine's."""

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "cluster/share.sh"
FOREIGN = "1234"  # somebody's uid

SUDO = """
echo "$*" >>{place}/asked
words=()
for word in "$@"; do case "$word" in /etc/*) words+=("{place}/root$word");; *) words+=("$word");; esac; done
case "$*" in
  mkdir*|tee*|ls*) "${{words[@]}}";;
  chown*) [ ! -e {place}/squashed ] && touch {place}/ours;;
  *apt-get*update*) left=$(cat {place}/locked); echo $((left - 1)) >{place}/locked; [ "$left" -le 0 ];;
  *apt-get*install*) echo "${{*: -1}}" >>{place}/installed;;
esac
"""
# A folder is ours once it was given to us; who it was of before says the file `owner`.
OTHERS = {
    "mountpoint": "exit 1",
    "sleep": 'echo "slept $1" >>{place}/asked',
    "dpkg-query": 'grep -qsx "${{*: -1}}" {place}/installed && printf installed',
    "mktemp": '[ -e {place}/ours ] && touch "$1" && echo "$1"',
    "stat": "cat {place}/owner",
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """With its tools in `bin`, and a folder to share that is root's."""
    (tmp_path / "root/etc").mkdir(parents=True)
    for name, text in (("asked", ""), ("installed", ""), ("locked", "0"), ("owner", "0")):
        (tmp_path / name).write_text(text)
    (tmp_path / "bin").mkdir()
    for name, body in {"sudo": SUDO, **OTHERS}.items():
        tool = tmp_path / "bin" / name
        tool.write_text(f"#!/bin/bash\n{body.format(place=tmp_path)}\n")
        tool.chmod(0o755)
    return tmp_path


@pytest.fixture
def share(machine: Path) -> Callable[..., str]:
    """Runs the script; returns what it asked of `sudo` this time."""

    def run(*arguments: str, fails: str = "", **settings: str) -> str:
        (machine / "asked").write_text("")
        environment = {"PATH": f"{machine}/bin:{os.environ['PATH']}", "VDIT_SHARED": f"{machine}/shared", **settings}
        ran = subprocess.run(["bash", str(SCRIPT), *arguments], env=environment, check=False, text=True, capture_output=True)
        assert (ran.returncode != 0) == bool(fails), ran.stderr
        assert fails in ran.stderr
        return (machine / "asked").read_text()

    return run


def test_the_head_exports_its_folder_to_private_networks_only(share: Callable[..., str], machine: Path) -> None:
    said = share()
    exports = (machine / "root/etc/exports.d/vdit.exports").read_text().splitlines()
    assert {line.split()[0] for line in exports} == {f"{machine}/shared"}
    assert [line.split()[1].split("(")[0] for line in exports] == ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]
    assert "exportfs -ra" in said
    assert "mount -t nfs" not in said


def test_a_worker_mounts_the_heads_folder(share: Callable[..., str], machine: Path) -> None:
    (machine / "ours").touch()
    said = share("10.0.0.7")
    assert f"mount -t nfs -o nfsvers=4.1,hard 10.0.0.7:{machine}/shared {machine}/shared" in said
    assert "exportfs" not in said
    assert "chown" not in said


@pytest.mark.parametrize("arguments", [(), ("10.0.0.7",)])
def test_a_file_server_is_mounted_on_head_and_worker_alike(share: Callable[..., str], machine: Path, arguments: tuple[str, ...]) -> None:
    said = share(*arguments, VDIT_NFS="files:/vdit")
    assert f"mount -t nfs -o nfsvers=4.1,hard files:/vdit {machine}/shared" in said
    assert "exportfs" not in said


def test_a_machine_that_starts_again_mounts_without_installing(share: Callable[..., str], machine: Path) -> None:
    (machine / "ours").touch()
    assert "apt-get" in share("10.0.0.7")
    again = share("10.0.0.7")
    assert "mount -t nfs" in again
    assert "apt-get" not in again


@pytest.mark.parametrize(("tries", "fails"), [(3, ""), (99, "apt-get update failed 30 times")])
def test_another_apt_is_waited_for_but_not_for_ever(share: Callable[..., str], machine: Path, tries: int, fails: str) -> None:
    (machine / "locked").write_text(str(tries))
    said = share(fails=fails)
    assert said.count("slept 10") == min(tries, 30)
    assert ("exportfs -ra" in said) == (not fails)


def test_a_new_file_servers_folder_becomes_the_users(share: Callable[..., str], machine: Path) -> None:
    (machine / "shared/lost+found").mkdir(parents=True)
    assert f"chown {os.getuid()}:{os.getgid()} {machine}/shared" in share(VDIT_NFS="files:/vdit")


@pytest.mark.parametrize(("owner", "holds", "squashed"), [(FOREIGN, "", False), ("0", "data", False), ("0", "", True)])
def test_a_folder_that_stays_somebody_elses_is_refused(
    share: Callable[..., str], machine: Path, owner: str, holds: str, squashed: bool
) -> None:
    """It is another user's, or holds something already, or the server does not let root of a client give it away."""
    (machine / "shared" / holds).mkdir(parents=True)
    (machine / "owner").write_text(owner)
    if squashed:
        (machine / "squashed").touch()
    said = share(VDIT_NFS="files:/vdit", fails=f"may not write in {machine}/shared, which is files:/vdit, of uid {owner}; give it to uid")
    assert ("chown" in said) == squashed


def test_the_copies_that_the_docs_name_find_their_places(tmp_path: Path) -> None:
    """rsync makes one folder, not two; `mlflow.sh`, which every head runs, makes the rest. Its server answers already here."""
    if shutil.which("rsync") is None:
        pytest.skip("needs rsync")
    shared, laptop = tmp_path / "shared", tmp_path / "project/cluster"
    (laptop / "ytvos/valid").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        script = ["bash", str(ROOT / "cluster/mlflow.sh")]
        subprocess.run(script, env={"PATH": os.environ["PATH"], "VDIT_SHARED": str(shared), "MLFLOW_PORT": port}, check=True)
    (shared / "runs/studies/ablation").mkdir(parents=True)
    documented = re.findall(r"^.*ray rsync-(?:up|down) cluster.yaml [^-\s].*", (ROOT / "docs/cluster.md").read_text(), re.MULTILINE)
    for command in documented:
        local = re.sub(r"ray rsync-(up|down) cluster.yaml", "rsync -avz", command).replace("/shared", str(shared))
        subprocess.run(local, shell=True, cwd=laptop, check=True)
    assert (shared / "data/ref_youtube_vos/valid").is_dir()
    assert (laptop / "../runs/studies/ablation").is_dir()
    assert not (shared / "weights").exists(), "sweep.py would give an empty folder to every study that names none"
