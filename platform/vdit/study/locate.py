"""Where studies, presets and the cluster's files are: beside the caller, in a checkout, or in an installed wheel."""

import sys
from pathlib import Path

import vdit
from vdit.registry import nearest
from vdit.study.document import shown

SUFFIX = ".yaml"


def roots() -> tuple[Path, ...]:
    """Folders that hold `experiments` and `cluster`, first found first."""
    places = (Path.cwd(), Path(vdit.__file__).parents[2], Path(sys.prefix) / "share" / "vdit")
    return tuple(dict.fromkeys(place for place in places if (place / "experiments").is_dir()))


def resolve(name_or_path: str) -> Path:
    """The file of a study: a path, or the name of a file in `experiments`. Raises ValueError naming the nearest."""
    given = Path(name_or_path)
    if given.is_file():
        return given
    if given.suffix or given.name != name_or_path or not name_or_path:
        raise ValueError(f"{name_or_path or '(empty)'}: no such study file; give a path, or a name: {', '.join(_studies())}")
    for root in roots():
        file = root / "experiments" / f"{name_or_path}{SUFFIX}"
        if file.is_file():
            return file
    raise ValueError(f"no study {name_or_path!r} in {' or '.join(_folders())}; {nearest(name_or_path, _studies())}")


def preset_file(study: Path, name: str) -> Path:
    """The file of a preset; one beside the study comes first. Raises ValueError naming the nearest."""
    folders = [study.parent / "presets", *(root / "experiments" / "presets" for root in roots())]
    for folder in folders:
        if (folder / f"{name}{SUFFIX}").is_file():
            return folder / f"{name}{SUFFIX}"
    known = sorted({file.stem for folder in folders for file in folder.glob(f"*{SUFFIX}")})
    raise ValueError(f"{shown(study)}: preset: unknown preset {name!r}; {nearest(name, known)}")


def deepspeed_file(study: Path) -> Path:
    """cluster/deepspeed.json of the project that the study belongs to, else of the checkout or the wheel."""
    for root in (study.resolve().parents[1] if len(study.resolve().parents) > 1 else study.parent, *roots()):
        file = root / "cluster" / "deepspeed.json"
        if file.is_file():
            return file
    raise ValueError(f"{shown(study)}: no cluster/deepspeed.json beside experiments; restore it from the project")


def _studies() -> list[str]:
    return sorted({file.stem for root in roots() for file in (root / "experiments").glob(f"*{SUFFIX}")})


def _folders() -> list[str]:
    return [shown(root / "experiments") for root in roots()] or ["experiments"]
