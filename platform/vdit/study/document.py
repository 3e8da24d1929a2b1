"""Reading the YAML and JSON files of a study: plain values, YAML 1.2's words, no key twice."""

import json
import re
from pathlib import Path
from typing import Any, ClassVar

import yaml


class _Loader(yaml.CSafeLoader):
    """YAML 1.2's core schema: `no`, `on` and 2026-11-01 are strings and 1e-3 is a number; in PyYAML's YAML 1.1 it is the other way."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}  # type: ignore[misc]

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a key must be a string; put it in quotes", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is there twice; keep one", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(node.value)


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(node.value)


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), ["t", "f"])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_NUMBER = re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+0123456789."))
_Loader.add_constructor("tag:yaml.org,2002:int", _integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def read(path: Path) -> dict[str, Any]:
    """The mapping that a YAML or JSON file holds, of values that JSON has too. Raises ValueError naming file and line."""
    try:
        value = yaml.load(path.read_text(encoding="utf-8"), _Loader)
        json.dumps(value, allow_nan=False)
    except OSError as error:
        raise ValueError(f"{shown(path)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{shown(path)}: not UTF-8 text at byte {error.start}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{shown(path)}: {_reason(error)}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{shown(path)}: a value that JSON cannot hold ({error}); use text, numbers, true, false, null, lists and mappings"
        ) from error
    if not isinstance(value, dict):
        raise ValueError(f"{shown(path)}: expected keys with values, such as 'study: demo', found {type(value).__name__}")
    return value


def shown(path: Path) -> str:
    """The path as the user would write it: relative where it lies below the current folder."""
    full = path.resolve()
    return str(full.relative_to(Path.cwd())) if full.is_relative_to(Path.cwd()) else str(path)


def _reason(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return str(error).splitlines()[0]
    return f"line {error.problem_mark.line + 1}: {error.problem}"
