"""Is this the released model? Every recorded value against ours (`vdit weights verify`; issue of equality with the released code)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from torch import Tensor

from vdit.weights import case as cases
from vdit.weights import oracle as oracles
from vdit.weights.replay import replay
from vdit.weights.source import read as read_checkpoint

# Relative: largest difference over largest recorded magnitude. Gradients carry more rounding than values.
VALUE, GRADIENT, MEDIAN_GRADIENT = 1e-4, 1e-2, 1e-4
# Of these a recording may hold the last decoder layer alone, of the positions the first frame.
LAST_LAYERS, POSITIONS = ("controller_params", "dynamic_masks_b_tq_16_hw", "mso_in", "mso_out"), "transformer.pos"


@dataclass(frozen=True, slots=True)
class Row:
    """One recorded value: the largest difference and its share of the largest recorded magnitude; infinite where shapes differ."""

    name: str
    absolute: float
    relative: float
    remark: str = ""

    @property
    def gradient(self) -> bool:
        return "/grads/" in self.name

    @property
    def bound(self) -> float:
        return GRADIENT if self.gradient else VALUE

    @property
    def met(self) -> bool:
        # Not `>`: a difference that is not a number is no agreement.
        return self.relative <= self.bound


def verify(config: Path, weights: Path, paths: list[Path]) -> Iterator[tuple[Path, list[Row]]]:
    """The rows of each case. Raises ValueError naming the file where one cannot be read, where one records nothing of a model to compare
    with, or where the weights do not fit the configuration.
    """
    oracle = oracles.read(config, read_checkpoint(weights).tensors)
    for path in paths:
        case = cases.read(path)
        if not case.modes():
            starts = " or ".join(f"{mode}/" for mode in cases.MODES)
            raise ValueError(
                f"{path} lacks what the released model made of its inputs: no key begins with {starts}, such as eval/out/pred_masks; "
                "record the case again"
            )
        yield path, [row for mode in case.modes() for row in compared(case, mode, replay(oracle, case, mode))]


def compared(case: cases.Case, mode: str, found: dict[str, Tensor]) -> list[Row]:
    return [compare(f"{mode}/{name}", recorded, found.get(name)) for name, recorded in case.recorded(mode).items()]


def compare(name: str, recorded: Tensor, found: Tensor | None) -> Row:
    """A row; infinite differences where there is nothing to compare."""
    if found is None:
        return Row(name, float("inf"), float("inf"), "not computed here")
    found = cut(name, found.detach(), recorded)
    if found.numel() != recorded.numel():
        return Row(name, float("inf"), float("inf"), f"is {tuple(found.shape)}, recorded {tuple(recorded.shape)}")
    ours, theirs = found.reshape(recorded.shape).double(), recorded.double()
    difference, magnitude = float((ours - theirs).abs().max()), float(theirs.abs().max())
    return Row(name, difference, difference / magnitude if magnitude else difference)


def cut(name: str, found: Tensor, recorded: Tensor) -> Tensor:
    """Of our layers the last, of our frames the first, where no more were recorded."""
    if name.endswith(LAST_LAYERS):
        return found[-len(recorded) :]
    return found[: len(recorded)] if POSITIONS in name else found


def failures(rows: list[Row]) -> list[str]:
    """What is wrong with a case, a line each; none where it is the released model."""
    gradients = [row.relative for row in rows if row.gradient]
    wrong = [f"{row.name} {row.remark or f'differs by {row.relative:.1e}, more than {row.bound:.0e}'}" for row in rows if not row.met]
    if gradients and not median(gradients) <= MEDIAN_GRADIENT:
        wrong.append(f"the median gradient differs by {median(gradients):.1e}, more than {MEDIAN_GRADIENT:.0e}")
    return wrong
