"""The cluster's files, offline: the oracle of the yaml is the schema that Ray checks it against before it starts anything."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

from vdit.track.mlflow import default_uri

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "cluster"
LAUNCHED = ("cluster.yaml", "gcp.yaml", "onprem.yaml")
TEXTS = sorted(path for path in CLUSTER.iterdir() if path.is_file())
SECRETS = re.compile(r"AKIA[0-9A-Z]{16}|-----BEGIN|ghp_\w{20}|(?i:password|secret|access_key|api_key)\s*[:=]\s*[\"']?\w{6,}")


def read(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CLUSTER / name).read_text())
    return loaded


def prepared(config: dict[str, Any]) -> dict[str, Any]:
    """As `ray up` completes it with Ray's defaults."""
    completed: dict[str, Any] = prepare_config(config)
    return completed


def commands(name: str) -> str:
    """Every command that is run on the head, with those of Ray's defaults that the file leaves."""
    config = prepared(read(name))
    return "\n".join([*config["head_setup_commands"], *config["head_start_ray_commands"]])


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_takes_the_file(name: str) -> None:
    validate_config(prepared(read(name)))


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_would_say_what_is_wrong(name: str) -> None:
    with pytest.raises(ValidationError, match="max_wokers"):
        validate_config(prepared({**read(name), "max_wokers": 1}))


@pytest.mark.parametrize("name", LAUNCHED)
def test_the_project_is_installed_the_same_way_everywhere(name: str) -> None:
    """And all that is mounted is there; the token of the user's own machine is none of the project's files."""
    config, reference = read(name), read("cluster.yaml")
    assert config["file_mounts"] == reference["file_mounts"]
    assert config["setup_commands"] == ["bash ~/vdit/cluster/setup.sh"]
    local = [place for place in config["file_mounts"].values() if not place.startswith("~")]
    assert all((CLUSTER / place).exists() for place in local)
    assert [place for place in config["file_mounts"].values() if place.startswith("~")] == ["~/.ray/auth_token"]


@pytest.mark.parametrize("name", LAUNCHED)
def test_what_the_build_reads_is_mounted(name: str) -> None:
    """`pip install -e` on a node reads these; one that is missing would be found on a machine that is paid for."""
    project = (ROOT / "pyproject.toml").read_text()
    needed = {"platform", "analysis", "pyproject.toml", "requirements.lock", "README.md", "experiments", "cluster", "LICENSE"}
    mounted = {place.removeprefix("~/vdit/") for place in read(name)["file_mounts"] if place.startswith("~/vdit/")}
    assert mounted == needed
    assert all(f'"{word}' in project for word in needed - {"pyproject.toml", "requirements.lock", "LICENSE"})


@pytest.mark.parametrize("name", LAUNCHED)
def test_dashboards_listen_on_loopback(name: str) -> None:
    assert "--dashboard-host=127.0.0.1" in commands(name)
    assert "bash ~/vdit/cluster/mlflow.sh" in commands(name)
    assert "0.0.0.0" not in commands(name)


@pytest.mark.parametrize("name", ["cluster.yaml", "gcp.yaml"])
@pytest.mark.parametrize(("node", "argument"), [("head", ""), ("worker", " $RAY_HEAD_IP")])
def test_every_start_shares_the_folder_before_ray_starts(name: str, node: str, argument: str) -> None:
    """Ray leaves out the setup commands on a machine that was stopped and is started again, and its mount is gone."""
    config = prepared(read(name))
    start = config[f"{node}_start_ray_commands"]
    (shared,) = (number for number, command in enumerate(start) if "share.sh" in command)
    assert start[shared] == f"bash ~/vdit/cluster/share.sh{argument}"
    assert shared < min(number for number, command in enumerate(start) if "ray start" in command)
    assert "share.sh" not in "".join(config[f"{node}_setup_commands"])


def test_the_autoscaler_reads_its_file_after_the_image_is_in_it() -> None:
    starts = read("cluster.yaml")["head_start_ray_commands"]
    before, after = (next(number for number, command in enumerate(starts) if word in command) for word in ("ami.sh", "ray start"))
    assert before < after


def test_no_server_listens_elsewhere() -> None:
    assert not [path.name for path in TEXTS if re.search(r"0\.0\.0\.0(?!/)", path.read_text())]
    assert "--host 127.0.0.1" in (CLUSTER / "mlflow.sh").read_text()
    assert "export RAY_AUTH_MODE=token" in (CLUSTER / "setup.sh").read_text()
    assert "export RAY_AUTH_MODE=token" in (CLUSTER / "slurm.sh").read_text()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_secret_is_in_a_file(path: Path) -> None:
    assert not SECRETS.findall(path.read_text())


@pytest.mark.parametrize("text", ["aws_secret: abcdef12", "AKIAABCDEFGHIJKLMNOP", "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_a_secret_would_be_found(text: str) -> None:
    assert SECRETS.findall(text)


@pytest.mark.parametrize("name", ["cluster.yaml", "gcp.yaml"])
def test_workers_are_spot_machines_with_eight_gpus_that_come_and_go(name: str) -> None:
    config = prepared(read(name))
    head = config["available_node_types"].pop(config["head_node_type"])
    assert head["resources"] == {"CPU": 0}, "no trial starts on the head"
    assert not re.search("(?i)spot", str(head["node_config"])), "the head holds the results"
    for kind in config["available_node_types"].values():
        assert (kind["resources"]["GPU"], kind["min_workers"]) == (8, 0)
        assert re.search("(?i)spot", str(kind["node_config"]))
    machines = str(config["available_node_types"])
    assert "p4d.24xlarge" in machines or "a2-highgpu-8g" in machines


@pytest.mark.parametrize("script", sorted(CLUSTER.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_bash_that_stops_at_the_first_error(script: Path) -> None:
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_the_nodes_lock_adds_to_the_lock_and_contradicts_nothing() -> None:
    base, more = (
        dict(line.lower().split("==") for line in file.read_text().splitlines() if not line.startswith("#"))
        for file in (ROOT / "requirements.lock", CLUSTER / "requirements.lock")
    )
    assert not base.keys() & more.keys()
    assert {"boto3", "google-api-python-client", "aiohttp-cors"} <= more.keys()


def test_the_pods_agree_with_the_image_and_the_lock() -> None:
    """KubeRay's own schema does not ship with Ray: this holds what the pods share with the rest of the project."""
    spec = read("kuberay.yaml")["spec"]
    (ray,) = re.findall(r"^ray==(.+)$", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert spec["rayVersion"] == ray
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0", "dashboard-host": "127.0.0.1"}
    pods = [group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    for pod in pods:
        assert {container["image"] for container in pod["containers"]} == {"vdit:latest"}
        claimed = {volume["name"] for volume in pod["volumes"]}
        assert all(mount["name"] in claimed for container in pod["containers"] for mount in container["volumeMounts"])
    image = (CLUSTER / "Dockerfile").read_text()
    assert "VDIT_SHARED=/shared" in image
    ignored = (CLUSTER / "Dockerfile.dockerignore").read_text()
    assert all(f"!{name}\n" in ignored for name in re.findall(r"^COPY (\w+) \1$", image, re.MULTILINE))


def test_the_pods_may_write_the_volume_and_record_where_the_commands_look() -> None:
    spec = read("kuberay.yaml")["spec"]
    pods = [group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]
    (user,) = re.findall(r"useradd .*--uid (\d+)", (CLUSTER / "Dockerfile").read_text())
    assert {pod["securityContext"]["fsGroup"] for pod in pods} == {int(user)}
    (server,) = (container for container in pods[0]["containers"] if container["name"] == "mlflow")
    command = " ".join(server["command"])
    assert f"--backend-store-uri {default_uri(Path('/shared/runs'))} --artifacts-destination /shared/runs/artifacts" in command
    assert "mkdir -p /shared/data /shared/runs && exec mlflow server --host 127.0.0.1 " in command, "SQLite makes no folder"
