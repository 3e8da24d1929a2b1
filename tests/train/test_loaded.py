"""A worker's code against its trial's key; modules and files are made up, in a package below vdit."""

import socket
import sys
from pathlib import Path
from types import ModuleType

import pytest

from vdit.train.loaded import Loaded, OtherCodeError, stamps


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two files of code: one that is loaded, one that is not yet."""
    (tmp_path / "vdit/model").mkdir(parents=True)
    for name in ("early", "late"):
        (tmp_path / f"vdit/model/{name}.py").write_text("VALUE = 1\n")
    return tmp_path / "vdit"


def load(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"vdit.model.{name}")
    module.__file__ = str(root / f"model/{name}.py")
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_code_of_another_key_is_refused(tmp_path: Path) -> None:
    worker = Loaded(tmp_path)
    worker.check(worker.digest)
    with pytest.raises(
        OtherCodeError, match=f"this worker, on {socket.gethostname()}, has code {worker.digest[:12]}, the trial's key is of {'0' * 12}"
    ):
        worker.check("0" * 64)


def test_an_edit_before_a_file_is_loaded_is_found(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(root, "early", monkeypatch)
    worker = Loaded(tmp_path, root)
    (root / "model/late.py").write_text("VALUE = 22\n")
    worker.check_late()
    load(root, "late", monkeypatch)
    with pytest.raises(OtherCodeError, match=r"model/late\.py was edited"):
        worker.check_late()


def test_an_edit_after_a_file_was_loaded_does_not_matter(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(root, "early", monkeypatch)
    worker = Loaded(tmp_path, root)
    load(root, "late", monkeypatch)
    (root / "model/early.py").write_text("VALUE = 22\n")
    worker.check_late()


def test_a_file_that_is_loaded_as_it_was_is_no_edit(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Loaded(tmp_path, root)
    load(root, "late", monkeypatch)
    worker.check_late()
    assert len(stamps(root)) == 2
