"""Oracles: entries, plans and drafts put there by hand."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vdit.cli import app, main
from vdit.features import keeping
from vdit.features.store import Store, create


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two groups of two entries, one of which a study uses."""
    create(tmp_path / "runs" / "store")
    store = Store(tmp_path / "runs" / "store")
    for group in ("vae-latents-00", "image-tokens-11"):
        for key in ("aa1", "bb2"):
            store.publish(f"{group}/{key}", [b"0" * 36])
    plan = tmp_path / "runs" / "studies" / "demo" / "plan.json"
    plan.parent.mkdir(parents=True)
    plan.write_text(json.dumps({"stages": [{"stage": "VAE latents", "groups": ["vae-latents-00"]}, {"stage": "old"}]}))
    return tmp_path / "runs"


def test_du_counts_entries_and_bytes_and_names_the_studies(runs: Path) -> None:
    found = keeping.groups(Store(runs / "store"))
    assert found == (keeping.Group("image-tokens-11", 2, 200), keeping.Group("vae-latents-00", 2, 200))
    assert keeping.used(runs) == {"vae-latents-00": ["demo"]}
    shown = CliRunner().invoke(app, ["--runs", str(runs), "store", "du"]).output
    assert "4 entries, 400 B" in shown and "demo" in shown


def test_verify_names_what_is_damaged(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--runs", str(runs), "store", "verify"]) == 0
    assert "4 entries read, 0 damaged" in capsys.readouterr().out
    path = Store(runs / "store").path("vae-latents-00/bb2")
    path.write_bytes(path.read_bytes()[:-1] + b"1")
    assert main(["--runs", str(runs), "store", "verify"]) == 1
    said = capsys.readouterr()
    assert f"{path} is damaged" in said.err and "4 entries read, 1 damaged" in said.out


def test_of_a_url_the_copy_that_is_here_is_meant(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, found in (("du", "4 entries, 400 B"), ("verify", "4 entries read, 0 damaged"), ("gc", "1 groups")):
        assert main(["--runs", str(runs), "store", command, "--store", "s3://bucket/prefix"]) == 0
        said = capsys.readouterr().out
        assert f"of s3://bucket/prefix the copy in {runs / 'store'}" in said and found in said


def test_gc_removes_what_no_plan_uses_and_only_when_told(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draft, young = (runs / "store" / "vae-latents-00" / "aa" / name for name in (".old.host.1", ".new.host.2"))
    draft.touch()
    young.touch()
    os.utime(draft, (0, 0))
    assert main(["--runs", str(runs), "store", "gc"]) == 0
    assert "image-tokens-11: 2 entries, 200 B" in capsys.readouterr().out
    assert draft.exists() and len(keeping.groups(Store(runs / "store"))) == 2
    assert main(["--runs", str(runs), "store", "gc", "--yes"]) == 0
    assert [group.name for group in keeping.groups(Store(runs / "store"))] == ["vae-latents-00"]
    assert young.exists() and not draft.exists()


@pytest.mark.parametrize("command", ["du", "verify", "gc"])
def test_before_a_study_has_used_one_there_is_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main(["--runs", str(tmp_path), "store", command]) == 0
    assert "has no store yet; `vdit run STUDY --store on` makes one" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_no_store_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "du", "--store", str(tmp_path)]) == 2
    assert "is no store on" in capsys.readouterr().err
