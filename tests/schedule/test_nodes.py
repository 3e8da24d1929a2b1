"""Which nodes cannot take part, and what dead jobs have left; the odd nodes are real ones with odd environments."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from stage import Study, until

from vdit.schedule import nodes
from vdit.schedule.placement import Shape

ONE = Shape(1, 1, False)
HERE = {"python": "3.11", "ray": "2.60.0", "torch": "2.14.1", "deepspeed": "0.19.8", "vdit": "code 0123", "runs": "seen"}


def test_differences_name_the_package_and_both_versions() -> None:
    assert nodes.differences(HERE, HERE, Path("/runs")) == ""
    there = {**HERE, "torch": "2.13.0", "vdit": "none", "runs": "not seen"}
    said = nodes.differences(there, HERE, Path("/runs"))
    assert said.startswith("torch 2.13.0, here 2.14.1, vdit none, here code 0123, does not see /runs")


def test_a_node_answers_with_what_it_has(tmp_path: Path) -> None:
    answer = nodes.questions(str(tmp_path))()
    assert answer.keys() == HERE.keys()
    assert answer["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert answer["runs"] == "seen"
    assert nodes.questions(str(tmp_path / "absent"))()["runs"] == "not seen"


def test_a_node_that_joined_later_is_compared_with_the_driver(tmp_path: Path) -> None:
    here = nodes.versions()()
    nodes.admit(here, tmp_path, "10.0.0.7")
    with pytest.raises(ValueError, match=rf"^node 10\.0\.0\.7 cannot take part: torch {re.escape(here['torch'])}, here 0\.1\. Install the"):
        nodes.admit({**here, "torch": "0.1"}, tmp_path, "10.0.0.7")
    with pytest.raises(ValueError, match=r"^node 10\.0\.0\.7 cannot take part: does not see .*absent"):
        nodes.admit(here, tmp_path / "absent", "10.0.0.7")


def with_first(folder: Path) -> dict[str, str]:
    """The environment of a node whose Python looks into this folder first."""
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ["PYTHONPATH"]])}


def odd_ones(place: Path) -> tuple[Path, Path]:
    """What makes a Python that looks there first one with another Ray, or one without our package."""
    other, without = place / "other", place / "without"
    (other / "ray-9.9.9.dist-info").mkdir(parents=True)
    (other / "ray-9.9.9.dist-info/METADATA").write_text("Name: ray\nVersion: 9.9.9\n")
    without.mkdir()
    (without / "vdit.py").write_text("raise ModuleNotFoundError(\"No module named 'vdit'\")\n")
    return other, without


@pytest.mark.slow
def test_nodes_that_cannot_take_part_are_named_before_anything_starts(cluster: Any, tmp_path: Path) -> None:
    other, without = odd_ones(tmp_path)
    good = [cluster.add_node(num_cpus=1) for _ in range(2)]
    assert nodes.check(ONE, tmp_path) == 2, "the head holds no worker and is not asked"

    odd = cluster.add_node(num_cpus=1, env_vars=with_first(other))
    bare = cluster.add_node(num_cpus=1, env_vars=with_first(without))
    with pytest.raises(ValueError, match="not every node can take part") as refused:
        nodes.check(ONE, tmp_path)
    said = str(refused.value)
    assert f"{odd.node_id[:6]}: ray 9.9.9, here " in said
    assert f"{bare.node_id[:6]}: vdit none, here code" in said
    assert not any(node.node_id[:6] in said for node in good)
    for node in (odd, bare):
        cluster.remove_node(node)

    raylet = psutil.Process(good[0].all_processes["raylet"][0].process.pid)
    raylet.suspend()
    try:
        with pytest.raises(ValueError, match=f"{good[0].node_id[:6]}: no answer within 3 s"):
            nodes.check(ONE, tmp_path, 3.0)
    finally:
        raylet.resume()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("odd", "said"), [("other", "cannot take part: ray 9.9.9, here "), ("without", "it has no module vdit, which is here")]
)
def test_a_trial_on_a_node_that_joined_later_and_cannot_take_part_is_refused(
    cluster: Any, toys: Callable[..., Study], tmp_path: Path, odd: str, said: str
) -> None:
    """It waits for a place, and the first node to come is an odd one."""
    odd_ones(tmp_path)
    study = toys(1, "workers: 1")
    study.start()
    until(lambda: "waiting" in study.out.getvalue(), "the trial to wait")
    joined = cluster.add_node(num_cpus=1, env_vars=with_first(tmp_path / odd))
    study.thread.join(120)
    assert not study.thread.is_alive(), study.out.getvalue()
    (reason,) = study.outcome.failed.values()
    assert said in reason and f"node {joined.node_ip_address}" in reason and study.outcome.bad_input


@pytest.mark.slow
def test_a_group_that_a_dead_job_left_is_reported(cluster: Any) -> None:
    cluster.add_node(num_cpus=1)
    assert nodes.leftovers() == []
    code = (
        "import ray, sys; ray.init(sys.argv[1]); ray.get(ray.util.placement_group([{'CPU': 1}], lifetime='detached', name='left').ready())"
    )
    subprocess.run([sys.executable, "-c", code, cluster.address], check=True, capture_output=True, timeout=120)
    until(nodes.leftovers, "the job to be known as dead", 60)
    (line,) = nodes.leftovers()
    assert "which has ended, still holds {1 CPU}" in line


@pytest.mark.slow
def test_a_killed_driver_leaves_no_process_and_no_group(cluster: Any, toys: Callable[..., Study]) -> None:
    import ray

    for _ in range(2):
        cluster.add_node(num_cpus=1)
    study = toys(1, "workers: 2")
    driver = study.apart(cluster.address)
    until(lambda: study.step(0) >= 3, "the trial", process=driver)
    pids = {who["pid"] for who in study.who(0)}
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)
    driver.kill()
    driver.wait()
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the workers to end", 60)
    until(lambda: ray.available_resources().get("CPU") == 2, "the cores to be free", 60)
    assert {group["state"] for group in ray.util.placement_group_table().values()} == {"REMOVED"}
    assert nodes.leftovers() == []
