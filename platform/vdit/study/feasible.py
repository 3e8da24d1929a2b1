"""What no run of an arm could do, found before anything runs: frames that are too small, shares that do not come out even, idle axes."""

from collections.abc import Sequence
from pathlib import Path

from vdit.config.trial import Trial
from vdit.study import explain
from vdit.study.spec import Arm

# What these vary is not there in Video Swin, whose arms would train the same model under another name.
OF_DIFFUSION = ("prompt", "noise", "timestep", "taps")


def check(path: Path, arms: Sequence[Arm], resolved: Sequence[Trial]) -> None:
    """Raises ValueError naming the study's file, the arm, and what would work."""
    for arm, trial in zip(arms, resolved, strict=True):
        _axes(path, arm, trial)
        for where, (height, width) in (("train", training_frame(trial)), ("evaluate", evaluation_frame(trial))):
            try:
                trial.model.head.check_frame(height, width)
            except ValueError as error:
                raise explain.complaint(path, ("arms", arm.name), f"in {where}, {error}") from error
        try:
            trial.micro_batch(trial.launch.workers)
        except ValueError as error:
            raise explain.complaint(path, ("launch",), str(error)) from error


def _axes(path: Path, arm: Arm, trial: Trial) -> None:
    idle = [name for name in OF_DIFFUSION if name in arm.levels] if trial.model.backbone.is_swin else []
    if idle:
        raise explain.complaint(
            path,
            ("arms", arm.name, idle[0]),
            f"has no effect with backbone {trial.model.backbone.name!r}, which no noise and no prompt reaches; "
            "drop it, or name under `when` the backbones that it varies for",
        )


def training_frame(trial: Trial) -> tuple[int, int]:
    """Height and width of the smallest frames that augmentation makes, as far as the configuration tells; frames of a world as they are."""
    augment, world = trial.data.augment, trial.data.world
    if augment.enabled and augment.scales:
        short = min(*augment.scales, *(augment.cropped_scales if augment.crop_scales else augment.scales))
        return short, short
    return (world.height, world.width) if trial.data.benchmark == "miniature" else _UNKNOWN


def evaluation_frame(trial: Trial) -> tuple[int, int]:
    world, short = trial.data.world, trial.evaluate.short_side
    if short:
        return short, short
    return (world.height, world.width) if trial.data.benchmark == "miniature" else _UNKNOWN


_UNKNOWN = (2**31, 2**31)  # only the data tell; the model looks at each batch
