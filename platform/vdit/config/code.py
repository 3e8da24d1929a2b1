"""The identity of the code that computes a trial: it moves with what the code does, not with comments, docstrings or layout."""

import ast
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

import vdit
from vdit.config.canonical import digest
from vdit.config.manifest import refresh

PACKAGES = ("config", "model", "backbones", "benchmarks", "clips", "metrics", "record", "train")
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def code_digest(packages: tuple[str, ...] = PACKAGES, manifests: Path | None = None, root: Path = Path(vdit.__file__).parent) -> str:
    """SHA-256 over the docstring-free syntax trees of all files of `packages` below `root`, by path. Nothing is imported.

    A package may also be a single file.

    With `manifests`, digests of unchanged files are kept there: parsing all of them takes a good part of a second. Computed once a process,
    because what runs is what was there at its start. Raises ValueError naming a file that is no Python.
    """
    files = [file for package in packages for file in ([root / package] if package.endswith(".py") else (root / package).rglob("*.py"))]
    paths = sorted(file.relative_to(root).as_posix() for file in files)
    if manifests is None:
        return digest({path: _meaning(root / path) for path in paths})
    # The tree of one and the same source differs between versions of Python.
    place = sha256(f"{root.resolve()} {packages} {sys.version_info[:2]}".encode()).hexdigest()[:16]
    return digest({path: content for path, (_, _, content) in refresh(root, paths, manifests / f"code-{place}.json", _meaning).items()})


def _meaning(file: Path) -> str:
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError as error:
        raise ValueError(f"{file}: line {error.lineno}: {error.msg}; mend the file") from error
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
    return sha256(ast.dump(tree).encode()).hexdigest()
