"""The direction of imports (architecture.md): each layer imports only those below it, and the torch-free part stays torch-free."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# From the top down.
LAYERS = (
    {"cli", "commands"},
    {"schedule"},
    {"train", "weights", "score", "prepare", "submit", "predict", "pretrain"},
    {"model", "backbones", "benchmarks", "clips", "metrics", "record", "features", "track"},
    {"axes", "study"},
    {"config", "registry", "video", "lock", "cycles", "appearing", "__init__"},
)
# Inside a layer: a backbone is built of parts of the model, a score file of metrics, a prediction of a trained model and a form.
# `vdit.load` is the package's own, and imports when it is called.
SIDEWAYS = {
    ("backbones", "model"),
    ("study", "axes"),
    ("record", "metrics"),
    ("cli", "commands"),
    ("config", "registry"),
    ("predict", "train"),
    ("pretrain", "train"),
    ("__init__", "predict"),
    ("predict", "submit"),
}
HEAVY = ("torch", "ray", "mlflow", "deepspeed", "diffusers", "transformers", "open_clip")
FILES = sorted(ROOT.glob("platform/vdit/**/*.py"))


def part(path: Path) -> str:
    return path.relative_to(ROOT / "platform/vdit").parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name: str) -> int:
    return next(level for level, names in enumerate(LAYERS) if name in names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_layers_import_downwards(path: Path) -> None:
    own = part(path)
    for name in imports(path):
        words = name.split(".")
        if words[0] == "vdit_analysis":
            assert own in LAYERS[0], f"{path}: only commands may import the analysis"
        if words[0] == "vdit" and len(words) > 1 and words[1] != own and words[1] in set().union(*LAYERS):
            below = layer(words[1]) > layer(own)
            assert below or (own, words[1]) in SIDEWAYS, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("path", sorted(ROOT.glob("analysis/**/*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_analysis_never_trains(path: Path) -> None:
    for name in imports(path):
        assert name.split(".")[0] not in ("torch", "ray", "deepspeed", "diffusers", "transformers", "open_clip")
        assert not name.startswith(("vdit.train", "vdit.model", "vdit.schedule", "vdit.backbones"))


def loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has after `code`."""
    script = f"{code}\nimport sys; print(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    return set(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split())


def test_study_axes_config_and_data_are_torch_free() -> None:
    code = (
        "import vdit.study.plan, vdit.study.spec, vdit.video\n"
        "from vdit import registry\n"
        "[registry.find(family, name) for family in ('axes', 'benchmarks') for name in registry.members(family)]"
    )
    assert not loaded(code) & set(HEAVY)


def test_the_command_line_starts_without_anything_heavy() -> None:
    assert not loaded("import vdit.cli") & {*HEAVY, "pandas", "numpy", "matplotlib"}
