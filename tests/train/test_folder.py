"""A trial's folder: whole files or none, and rows that follow the checkpoint."""

import json
from pathlib import Path

import pytest

from vdit.config.trial import Trial
from vdit.train import folder


def test_a_ticket_comes_back_equal(tmp_path: Path) -> None:
    ticket = folder.Ticket("k" * 64, Trial(arm="VD-IT", seed=3), "c", "d", "w", "random weights")
    ticket.write(tmp_path)
    assert folder.read_ticket(tmp_path) == ticket


def test_rows_behind_the_checkpoint_and_a_torn_last_line_go(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    folder.append_rows(path, [{"step": step, "loss": 1.0} for step in range(6)])
    with path.open("a") as file:
        file.write('{"step": 6, "lo')
    folder.keep_rows(path, 4)
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [0, 1, 2, 3]


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    folder.write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        folder.write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["result.json"]


def test_drafts_of_killed_writers_go_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    kept = {".hidden", "result.json", "parts/video-00000.parquet"}
    for name in (*kept, ".result.json.123", "parts/.clip-00000.npz.45"):
        (tmp_path / name).touch()
    folder.sweep(tmp_path, tmp_path / "parts", tmp_path / "missing")
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == kept
