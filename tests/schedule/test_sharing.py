"""Oracles: the groups of a plan, by hand; a folder that cannot be written; nodes of one machine that do not share a folder."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import ray
from ray.exceptions import NodeDiedError, RaySystemError

from vdit.cli import main
from vdit.features.keeping import groups
from vdit.features.store import identity, open_store
from vdit.schedule import nodes, sharing
from vdit.schedule.placement import Machine
from vdit.study import plan as planning
from vdit.study import spec


def build(study: Path, runs: Path, store: str = "on") -> planning.Plan:
    study.write_text(study.read_text().replace("launch: {", f"launch: {{store: {store}, "))
    return planning.build(spec.read(str(study)), runs)


def test_the_arm_with_most_stages_encodes_for_all(tiny: Path, tmp_path: Path) -> None:
    plan = build(tiny, tmp_path / "runs")
    assert [planned.trial.arm for planned in sharing.representatives(plan, tmp_path / "runs")] == ["VD-IT"]


def test_arms_of_other_weights_or_other_clips_encode_their_own(tiny: Path, tmp_path: Path) -> None:
    arms = "arms:\n  random: {prompt: image, backbone: random}\n  short: {prompt: text, frames: 1}\n"
    tiny.write_text(tiny.read_text().replace("seeds: [0]", "seeds: [0, 1]").replace("arms:\n", arms))
    found = sharing.representatives(build(tiny, tmp_path / "runs"), tmp_path / "runs")
    assert sorted(planned.trial.arm for planned in found) == ["VD-IT", "random", "short"]


def test_a_store_is_made_before_the_trials_run(tiny: Path, tmp_path: Path) -> None:
    plan = build(tiny, tmp_path / "runs")
    sharing.prepare(plan, tmp_path / "runs")
    assert identity(tmp_path / "runs" / "store")


def test_a_study_without_a_store_makes_none(tiny: Path, tmp_path: Path) -> None:
    sharing.prepare(build(tiny, tmp_path / "runs", "off"), tmp_path / "runs")
    assert not (tmp_path / "runs" / "store").exists()


@pytest.mark.parametrize("command", [["run", "--local"], ["store", "fill"]])
def test_a_store_that_cannot_be_written_is_refused_before_anything_runs(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    (tmp_path / "file").touch()
    assert main([*command, str(tiny), "--runs", str(tmp_path / "runs"), "--store", str(tmp_path / "file" / "store")]) == 2
    assert "file/store cannot be written (Not a directory); give launch.store, or --store, a folder" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "trials").exists()


def test_a_url_that_cannot_be_used_is_refused_before_anything_runs(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tiny), "--runs", str(tmp_path / "runs"), "--store", "nonsense://bucket/store"]) == 2
    assert "store nonsense://bucket/store cannot be opened on" in capsys.readouterr().err
    assert not (tmp_path / "runs" / "trials").exists()


def test_a_node_answers_for_the_url_too(tiny: Path, tmp_path: Path) -> None:
    """What every node of a cluster is asked, asked here."""
    url, root = f"file://{tmp_path}/far", str(tmp_path / "runs" / "store")
    sharing.prepare(build(tiny, tmp_path / "runs", url), tmp_path / "runs")
    assert sharing._seen(root, url) == identity(Path(root))
    (tmp_path / "far").rmdir()
    (tmp_path / "far").touch()
    assert f"store {url} cannot be used from" in sharing._seen(root, url)


def test_a_disk_without_room_for_the_clips_is_refused(tiny: Path, tmp_path: Path) -> None:
    tiny.write_text(tiny.read_text().replace("max_steps: 6", "max_steps: 600000000, epochs: 1000000000"))
    with pytest.raises(ValueError, match=r"GB free, the study's training clips need up to .* GB more; free some .vdit store gc."):
        sharing.prepare(build(tiny, tmp_path / "runs"), tmp_path / "runs")


@pytest.mark.slow
def test_a_folder_that_nodes_do_not_share_is_refused_and_a_fill_leaves_nothing_to_encode(tiny: Path, tmp_path: Path) -> None:
    """On a Ray of its own, in a process of its own: the answer of a node that sees another folder is put in its place."""
    build(tiny, tmp_path / "runs")
    greedy = tmp_path / "greedy.yaml"
    greedy.write_text(tiny.read_text().replace("launch: {", "launch: {threads: 4000, "))
    code = f"""
from pathlib import Path
from vdit.cli import main
from vdit.schedule import cluster, sharing
from vdit.study import plan, spec
runs = Path({str(tmp_path / "runs")!r})
assert main(["store", "fill", {str(greedy)!r}, "--runs", str(runs)]) == 2
assert main(["store", "fill", {str(tiny)!r}, "--runs", str(runs), "--workers", "2"]) == 0
made = plan.build(spec.read({str(tiny)!r}), runs)
cluster.attach(cluster.Cluster(""))
sharing.check_nodes(made.trials[0].trial, runs)
sharing._seen = lambda root, setting: "another store"
try:
    sharing.check_nodes(made.trials[0].trial, runs)
    print("not refused")
except ValueError as error:
    print(error)
cluster.leave()
assert main(["run", {str(tiny)!r}, "--runs", str(runs), "--local"]) == 0
"""
    temporary = tempfile.mkdtemp(prefix="vdit")
    environment = {**os.environ, "RAY_TMPDIR": temporary}
    environment.pop("RAY_ADDRESS", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "4000 CPU" in done.stderr, "Ray would wait for such a worker for ever"
    # Each clip once, although some are looked at more than once.
    (encoded,) = re.findall(r"VAE latents: (\d+) encoded", done.stdout)
    kept = [group for group in groups(open_store(tmp_path / "runs" / "store")) if group.name.startswith("vae-latents")]
    assert sum(group.entries for group in kept) == int(encoded) > 0
    assert "is not the same folder on every node" in done.stdout and "another store" in done.stdout
    results = [path.read_text() for path in (tmp_path / "runs" / "trials").glob("*/result.json")]
    assert len(results) == 2
    assert all('"encoded": 0' in text and '"encoded": 1' not in text for text in results)


def test_a_node_that_has_gone_away_does_no_harm_and_one_that_cannot_answer_is_told_in_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def get(answer: object) -> str:
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    def wrong(store: str) -> str:
        return "" if store == "here" else store

    monkeypatch.setattr(ray, "get", get)
    assert nodes.told("here", wrong) == "" and nodes.told("another store", wrong) == "another store"
    assert nodes.told(NodeDiedError("gone"), wrong) == ""
    lines = "a trace\nModuleNotFoundError: No module named 'vdit'"
    assert nodes.told(RaySystemError(lines), wrong).endswith("(ModuleNotFoundError: No module named 'vdit')")


def test_where_no_node_holds_a_worker_yet_nobody_is_asked(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on the head of a cluster whose machines an autoscaler will start. Ray refuses to wait for nothing."""
    plan = build(tiny, tmp_path / "runs")
    monkeypatch.setattr(nodes, "by_id", lambda: {"head": Machine("head", {"CPU": 0.0})})
    monkeypatch.setattr(ray, "wait", lambda *_, **__: pytest.fail("waits"))
    sharing.prepare(plan, tmp_path / "runs")
    sharing.check_nodes(plan.trials[0].trial, tmp_path / "runs")
