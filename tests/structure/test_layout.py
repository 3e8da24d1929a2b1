"""The layout of the repository: two source roots, no shadow over the standard library, sizes and words the style allows."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*ROOT.glob("platform/**/*.py"), *ROOT.glob("analysis/**/*.py")])


def test_source_roots_hold_one_package_each_and_nothing_else() -> None:
    for root, package in (("platform", "vdit"), ("analysis", "vdit_analysis")):
        names = {path.name for path in (ROOT / root).iterdir() if path.name != "__pycache__"}
        assert names == {package}, f"{root}/ must hold only {package}/: a package or module there shadows the standard library"


def test_tests_are_no_package() -> None:
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize("arguments", [["-c", "import platform; platform.python_version()"], ["-m", "pytest", "--version"]])
def test_python_starts_at_the_root(arguments: list[str]) -> None:
    """With an __init__.py in platform/, `import platform` at the root would be ours, and every library that asks for the system crash."""
    run = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_standard_library_platform_is_found_at_the_root() -> None:
    code = "import sys; sys.path.insert(0, ''); import platform; print(platform.__file__)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert str(ROOT) not in found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_and_functions_stay_small_and_say_what_they_are(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(tree), "the first line of a module says what it computes"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < 50, node.name


def test_no_rooms_for_odds_and_ends() -> None:
    unwanted = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "base"}
    assert not [path for path in SOURCES if path.stem in unwanted or unwanted & set(path.relative_to(ROOT).parts)]


def test_both_packages_are_typed() -> None:
    assert (ROOT / "platform/vdit/py.typed").exists()
    assert (ROOT / "analysis/vdit_analysis/py.typed").exists()
