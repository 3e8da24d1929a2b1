"""Ray Tune's callback, reduced to what a study is told."""

from typing import TYPE_CHECKING, Any

from ray.tune import Callback

if TYPE_CHECKING:
    from vdit.schedule.reporter import Reporter


class TuneReports(Callback):  # type: ignore[misc]
    """Hands on start, progress and end of trials by their folder; what was lost, and what failed, is the scheduler's (patience.py)."""

    def __init__(self, reporter: "Reporter") -> None:
        self.reporter = reporter

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its callbacks to restore a Tuner; a study is never restored but planned again, and a live view cannot be pickled.
        return {}

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.reporter.started(trial.config["folder"])

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any) -> None:
        self.reporter.progressed(trial.config["folder"], result)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.reporter.gave_up(trial.config["folder"])
