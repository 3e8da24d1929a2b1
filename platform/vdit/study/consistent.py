"""Keys of a study file that need or exclude each other: every one that is given has a use, and every one that is needed is given."""

from pathlib import Path
from typing import TYPE_CHECKING

from vdit.config.trial import Trial
from vdit.study import explain

if TYPE_CHECKING:
    from vdit.study.spec import StudyFile

CROSSED = ("grid", "paired")


def check(path: Path, file: "StudyFile", base: Trial) -> None:
    """Raises ValueError naming file, key path and remedy."""
    _design(path, file)
    _factors(path, file)
    _search(path, file, base)
    _start(path, file, base)


def _design(path: Path, file: "StudyFile") -> None:
    """Every key that is given has a use, and every one that is needed is given."""
    design, crosses = file.design, file.design in CROSSED
    if design == "listed" and file.axes:
        raise explain.complaint(path, ("axes",), "design 'listed' varies no axes; list arms, or write design: grid or one-factor")
    if design != "listed" and not file.axes:
        raise explain.complaint(path, ("axes",), f"design {design!r} needs axes with levels, such as {{timestep: [0, 50]}}")
    if not crosses and not file.arms:
        raise explain.complaint(path, ("arms",), f"design {design!r} needs arms, such as {{VD-T: {{prompt: text}}}}")
    if design in ("one-factor", "leave-one-out", "search") and not file.reference:
        raise explain.complaint(path, ("reference",), f"design {design!r} needs the name of the arm to vary; name one of arms")
    both = next((name for name in file.methods if name in file.arms), None)
    if both is not None:
        raise explain.complaint(path, ("methods",), f"{both!r} is an arm, and a row has one source; drop it here, or rename the arm")
    if file.reference and file.reference not in file.arms and not crosses:
        raise explain.unknown(path, ("reference",), "arm", file.reference, file.arms)


def _factors(path: Path, file: "StudyFile") -> None:
    """Groups and conditions have a use in the design; whether they make sense, its factors say."""
    design = file.design
    if design == "paired" and not file.zip:
        raise explain.complaint(path, ("zip",), "design 'paired' needs the axes that change together, such as [[timestep, taps]]")
    if design in ("listed", "grid") and file.zip:
        raise explain.complaint(path, ("zip",), f"design {design!r} pairs no axes; drop it, or write design: paired")
    if design not in (*CROSSED, "search") and file.when:
        raise explain.complaint(path, ("when",), f"under design {design!r} no condition ever changes; drop it, or write design: grid")


def _search(path: Path, file: "StudyFile", base: Trial) -> None:
    search, every = file.search, base.launch.checkpoint_every
    if file.design != "search":
        if search is not None:
            raise explain.complaint(path, ("search",), f"design {file.design!r} searches nothing; drop it, or write design: search")
        return
    if search is None:
        raise explain.complaint(path, ("search",), "design 'search' needs the number of points, such as {trials: 20}")
    if len(file.seeds) > 1:
        message = "a search takes one seed a point; give one, then list the best points with more seeds in another study"
        raise explain.complaint(path, ("seeds",), message)
    if file.start:
        message = "a search draws points that no other study has trained; drop it, or write launch.start or --start FILE"
        raise explain.complaint(path, ("start",), message)
    if search.grace_steps % every:
        message = (
            f"is {search.grace_steps}, and a stopped point keeps its last checkpoint; take a multiple of launch.checkpoint_every, {every}"
        )
        raise explain.complaint(path, ("search", "grace_steps"), message)


def _start(path: Path, file: "StudyFile", base: Trial) -> None:
    if base.train.start:
        raise explain.complaint(path, ("train", "start"), "the plan works it out; write `start: STUDY`, launch.start or --start FILE")
    if file.start and base.launch.start:
        raise explain.complaint(path, ("start",), "a study and a file to start from are both given; drop one")
