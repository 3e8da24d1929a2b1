"""`vdit predict` as a user meets it: exit codes, one line per mistake, and what is on the disk."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vdit import cli


@pytest.fixture
def vdit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], runs: Path) -> Callable[..., tuple[int, str, str]]:
    """Runs `vdit predict`; returns its exit code and what it printed."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vdit", "predict", "--device", "cpu", "--runs", str(runs), *arguments])
        code = cli.main()
        return code, *capsys.readouterr()

    return run


def test_a_benchmark_is_predicted_once(vdit: Callable[..., tuple[int, str, str]], place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, _ = vdit("--run", place.name[:6], "--out", str(out))
    assert code == 0 and said == f"{out}: 2 videos predicted, 0 of 2 were done before\n"
    assert len(list((out / "Annotations/valid0001/0").glob("*.png"))) == 5
    assert vdit("--run", str(place), "--out", str(out))[:2] == (0, f"{out}: 0 videos predicted, 2 of 2 were done before\n")
    code, _, wrong = vdit("--run", str(place), "--out", str(out), "--window", "5")
    assert code == 2 and "inference is" in wrong
    code, said, _ = vdit("--run", str(place), "--out", str(tmp_path / "train"), "--split", "train")
    assert code == 0 and (tmp_path / "train/Annotations/train0000").is_dir()


def test_a_video_is_predicted_for_each_expression(
    vdit: Callable[..., tuple[int, str, str]], place: Path, tmp_path: Path, film: Callable[..., Path]
) -> None:
    out = tmp_path / "out"
    asked = ("--run", place.name, "--video", str(film(3)), "--out", str(out), "--expression", "a red box")
    assert vdit(*asked)[:2] == (0, f"{out}: 1 expressions predicted in 3 frames, 0 were done before\n")
    code, said, wrong = vdit(*asked, "--expression", "the wall")
    assert code == 0 and said == f"{out}: 1 expressions predicted in 3 frames, 1 were done before\n" and not wrong
    assert sorted(path.name for path in (out / "the-wall").iterdir()) == ["expression.txt", "masks", "overlay.mp4"]


def test_a_mistake_is_one_line_and_exit_code_2(
    vdit: Callable[..., tuple[int, str, str]], place: Path, tmp_path: Path, film: Callable[..., Path]
) -> None:
    film(2)
    (tmp_path / "words.mp4").write_text("no video")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken/thesis.tex").write_text("x")
    video = ("--video", str(tmp_path / "film.mp4"))
    for arguments, said in (
        (("--video", str(tmp_path / "none.mp4"), "--expression", "a"), "none.mp4: no such video"),
        (("--video", str(tmp_path / "words.mp4"), "--expression", "a"), "words.mp4 cannot be decoded"),
        (video, "--video needs --expression"),
        ((*video, "--expression", " "), "has no words"),
        ((*video, "--expression", "a", "--data", str(tmp_path)), "--video excludes --data"),
        (("--expression", "a"), "--expression needs --video"),
        (("--run", "zzz"), "no trial 'zzz'"),
        (("--device", "abacus"), "--device abacus"),
        (("--device", "cuda:99"), "--device cuda:99"),
        (("--out", str(tmp_path / "taken")), "has content and no predictions.json"),
        (("--benchmark", "ref_youtube_vos"), "give the folder of 'ref_youtube_vos' with --data DIR"),
        (("--benchmark", "refcoco", "--data", str(tmp_path)), "train2014 does not exist; --data DIR is the folder"),
        (("--split", "vaild"), "has the splits train, valid"),
    ):
        code, _, wrong = vdit("--run", place.name, "--out", str(tmp_path / "out"), *arguments)
        assert code == 2 and said in wrong, wrong
        assert len(wrong.strip().splitlines()) == 1
        assert not (tmp_path / "out").exists()
