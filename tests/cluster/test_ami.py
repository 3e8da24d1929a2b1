"""`ami.sh` with a `curl` in place of AWS's metadata; the file is the one that `ray up` leaves on the head."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config

CLUSTER = Path(__file__).resolve().parents[2] / "cluster"
IMAGE = "ami-0123456789abcdef0"
CURL = """#!/bin/bash
case "$*" in
  *"-X PUT"*"latest/api/token") echo token;;
  *"X-aws-ec2-metadata-token: token"*"latest/meta-data/ami-id") printf '%s' '{image}';;
  *) exit 22;;
esac
"""


@pytest.fixture
def config() -> dict[str, Any]:
    completed: dict[str, Any] = prepare_config(yaml.safe_load((CLUSTER / "cluster.yaml").read_text()))
    return completed


@pytest.fixture
def ami(tmp_path: Path) -> Callable[..., tuple[int, str, dict[str, Any]]]:
    """Runs the script on a configuration; its exit code, what it said and the configuration after it."""

    def run(config: dict[str, Any], image: str = IMAGE) -> tuple[int, str, dict[str, Any]]:
        file, curl = tmp_path / "ray_bootstrap_config.yaml", tmp_path / "bin/curl"
        file.write_text(json.dumps(config))
        curl.parent.mkdir()
        curl.write_text(CURL.format(image=image) if image else "#!/bin/sh\nexit 7\n")
        curl.chmod(0o755)
        environment = {"HOME": str(tmp_path), "PATH": f"{curl.parent}:{os.environ['PATH']}"}
        ran = subprocess.run(["bash", str(CLUSTER / "ami.sh")], env=environment, check=False, text=True, capture_output=True)
        return ran.returncode, ran.stdout + ran.stderr, json.loads(file.read_text())

    return run


def images(config: dict[str, Any]) -> set[str]:
    return {kind["node_config"]["ImageId"] for kind in config["available_node_types"].values()}


def test_workers_start_from_the_heads_own_image(ami: Callable[..., tuple[int, str, dict[str, Any]]], config: dict[str, Any]) -> None:
    (parameter,) = images(config)
    code, _, after = ami(config)
    assert (code, images(after)) == (0, {IMAGE})
    assert json.dumps(after).replace(IMAGE, parameter) == json.dumps(config)


def test_an_image_that_is_named_stays(ami: Callable[..., tuple[int, str, dict[str, Any]]], config: dict[str, Any]) -> None:
    for kind in config["available_node_types"].values():
        kind["node_config"]["ImageId"] = "ami-1"
    assert ami(config) == (0, "", config)


@pytest.mark.parametrize(("image", "reason"), [("", "no metadata of AWS here"), ("<html>", "'<html>', which is no image's id")])
def test_without_an_answer_it_says_what_to_do(
    ami: Callable[..., tuple[int, str, dict[str, Any]]], config: dict[str, Any], image: str, reason: str
) -> None:
    code, said, after = ami(config, image)
    assert (code, after) == (1, config)
    assert reason in said
    assert "ssm:GetParameters" in said


def test_two_parameters_are_not_mixed_up(ami: Callable[..., tuple[int, str, dict[str, Any]]], config: dict[str, Any]) -> None:
    config["available_node_types"]["a100_80gb"]["node_config"]["ImageId"] = "resolve:ssm:/mine"
    code, said, after = ami(config)
    assert (code, after) == (1, config)
    assert "these are several" in said
