"""A nested configuration as the flat names MLflow wants: {"model": {"noise": {"kind": ...}}} -> {"model.noise.kind": ...}."""

from collections.abc import Iterator
from typing import Any


def leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested mappings with its dotted path; lists are leaves."""
    if not isinstance(value, dict):
        yield prefix, value
        return
    for name, inner in value.items():
        yield from leaves(inner, f"{prefix}.{name}" if prefix else str(name))
