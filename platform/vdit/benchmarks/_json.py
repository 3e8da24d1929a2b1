"""JSON files of a data set, of a form that is checked: the first thing that is wrong is named with its place."""

from pathlib import Path
from typing import TypeVar

import pydantic

from vdit.benchmarks import _images, _problems

Parsed = TypeVar("Parsed")


def parse(adapter: pydantic.TypeAdapter[Parsed], path: Path) -> Parsed:
    """The file's content."""
    try:
        return adapter.validate_json(_images.read(path))
    except pydantic.ValidationError as error:
        raise mistake(path, error) from error


def mistake(path: Path, error: pydantic.ValidationError) -> ValueError:
    """The first thing that is wrong, in one line with its place."""
    places = [(".".join(str(part) for part in one["loc"]) or "the file", one["msg"]) for one in error.errors(include_url=False)]
    first, *others = [f"{path}: {place}: {message}; {_images.AGAIN}" for place, message in places]
    _problems.further(others)
    return ValueError(first)
