"""`vdit submit` as a user meets it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit import cli
from vdit.submit import ref_youtube_vos


@pytest.fixture
def vdit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vdit", "submit", *map(str, arguments)])
        code = cli.main()
        return code, *capsys.readouterr()

    return run


def test_predictions_are_zipped_when_they_are_complete(vdit: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    data, out, file = tmp_path / "data", tmp_path / "out", tmp_path / "a.zip"
    frames = ["00000", "00005"]
    for split in ("valid", "test"):
        (data / f"meta_expressions/{split}").mkdir(parents=True)
    (data / "meta_expressions/test/meta_expressions.json").write_text('{"videos": {}}')
    (data / "valid/JPEGImages/v").mkdir(parents=True)
    for name in frames:
        Image.new("RGB", (20, 10)).save(data / f"valid/JPEGImages/v/{name}.jpg")
    listing = {"videos": {"v": {"expressions": {"0": {"exp": "a dog"}, "1": {"exp": "a cat"}}, "frames": frames}}}
    (data / "meta_expressions/valid/meta_expressions.json").write_text(json.dumps(listing))
    code, _, wrong = vdit("zip", out, "--data", data, "--out", file)
    assert code == 1 and wrong.splitlines()[-1] == f"vdit: 1 problems; {file} is not written" and not file.exists()
    (video,) = ref_youtube_vos.listing(data, "valid").videos
    with ref_youtube_vos.writing(out, video, 0.5) as write:
        write((0, 1), ((said, np.ones((2, 10, 20), np.float32)) for said in video.expressions))
    code, said, _ = vdit("zip", out, "--data", data, "--out", file)
    assert code == 0 and said.startswith(f"{file}: 1 videos, 2 expressions, 4 masks") and file.is_file()
    assert vdit("zip", out, "--data", data, "--out", file, "--benchmark", "refcoco")[0] == 2


def test_a_log_becomes_a_table_and_its_means_are_printed(vdit: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    (tmp_path / "stdout.txt").write_text("v,0,00000,0.5,0.75\nv,0,00005,0.7,0.85\n")
    code, said, _ = vdit("import-log", tmp_path / "stdout.txt", "--out", tmp_path / "log.parquet")
    assert code == 0 and "1 videos, 1 expressions, 2 frames" in said and "J&F 70.00  J 60.00  F 80.00" in said
    code, _, wrong = vdit("import-log", tmp_path / "none.txt", "--out", tmp_path / "log.parquet")
    assert code == 2 and len(wrong.splitlines()) == 1
