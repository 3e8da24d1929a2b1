"""Ray Tune's scheduler: first come, first served, but what was lost waits for its retry, and nothing starts once the study stops."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import cloudpickle
from ray.exceptions import RayTaskError
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.stopper import Stopper

from vdit.schedule.budgets import Again, Over
from vdit.schedule.nodes import REMEDY
from vdit.schedule.unplaced import Unplaced

if TYPE_CHECKING:
    from vdit.schedule.reporter import Reporter


class Patience(FIFOScheduler):  # type: ignore[misc]
    """Tune itself tries a lost trial again at once and for ever (max_failures=-1); here a trial waits, paused, or is stopped."""

    def __init__(self, reporter: "Reporter") -> None:
        super().__init__()
        self.reporter = reporter
        # Trials by id, and when they may run again.
        self.waiting: dict[str, tuple[Any, float]] = {}
        self.over: list[Any] = []
        # Trials that may run again and have no place yet.
        self.placing: list[Any] = []
        self.unplaced = Unplaced()

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its scheduler to restore a Tuner; a study is never restored but planned again.
        return {}

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """A worker or node went away. Tune puts the trial back in line, or has given it up, right after this."""
        folder, error = trial.config["folder"], error_of(trial)
        lacks = lacking(error)
        self.decide(trial, self.reporter.refused(folder, lacks, str(error)) if lacks else self.reporter.lost(folder, told(error)))

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        folder = trial.config["folder"]
        if "failure" in result:
            verdict = self.reporter.failed(folder, result)
            if isinstance(verdict, Over):
                return str(TrialScheduler.STOP)
            self.decide(trial, verdict)
            # Without a checkpoint of Tune's: the trial's own is in its folder.
            tune_controller.pause_trial(trial, should_checkpoint=False)
            return str(TrialScheduler.NOOP)
        return str(TrialScheduler.STOP if self.reporter.stops_at(folder, result) else TrialScheduler.CONTINUE)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """A trial that the study's stop ends at a checkpoint runs no more; one that finished or failed has said so itself."""
        self.reporter.left(trial.config["folder"])

    def decide(self, trial: Any, verdict: Again | Over) -> None:
        if isinstance(verdict, Again):
            self.waiting[trial.trial_id] = trial, self.reporter.now() + verdict.seconds
        else:
            self.over.append(trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Any | None:
        """Asked in every turn of Tune's loop, before Tune starts whatever is pending."""
        self.reporter.tick()
        self.placing = [trial for trial in self.placing if trial.status in (Trial.PENDING, Trial.PAUSED)]
        self.over += [trial for trial in self.placing if self.reporter.overdue(trial.config["folder"])]
        self.unplaced.look(self.reporter, 0 if self.reporter.running else self.ready(tune_controller))
        ended = [trial for trial in tune_controller.get_trials() if trial.status in (Trial.PENDING, Trial.PAUSED)] if self.stopping else []
        for trial in [*self.over, *ended]:
            tune_controller.stop_trial(trial)
        self.over.clear()
        if self.stopping:
            return None
        now = self.reporter.now()
        for trial, due in list(self.waiting.values()):
            if trial.status == Trial.ERROR:
                # Tune gave it up for its own reasons; it runs again in the next pass (run.py).
                del self.waiting[trial.trial_id]
            elif trial.status == Trial.PENDING:
                tune_controller._set_trial_status(trial, Trial.PAUSED)
            if trial.trial_id in self.waiting and now >= due:
                del self.waiting[trial.trial_id]
                self.placing.append(trial)
                return trial
        return next((trial for trial in tune_controller.get_trials() if trial.status == Trial.PENDING), None)

    def ready(self, tune_controller: Any) -> int:
        """How many trials could start now, had they a place."""
        pending = {trial.trial_id for trial in tune_controller.get_trials() if trial.status == Trial.PENDING}
        return len(pending - self.waiting.keys() | {trial.trial_id for trial in self.placing})

    @property
    def stopping(self) -> bool:
        return bool(self.reporter.outcome.stopped)


class StopsWhenIdle(Stopper):  # type: ignore[misc]
    """Ends Tune's loop once the study stops and its last running trial has reached a checkpoint."""

    def __init__(self, reporter: "Reporter") -> None:
        self.reporter = reporter

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return bool(self.reporter.outcome.stopped) and not self.reporter.running


def error_of(trial: Any) -> BaseException | None:
    """What Tune has just written of it; its own `get_pickled_error` reads a copy that may be of the error before."""
    file = trial.pickled_error_file
    return None if file is None or not Path(file).exists() else cloudpickle.loads(Path(file).read_bytes())


def told(error: BaseException | None) -> str:
    """What became of a trial's processes, in one line."""
    lines = [line.strip() for line in text_of(error).splitlines() if line.strip()]
    return f"its workers went away ({lines[0] if lines else 'unknown why'}); see its log.txt"


def lacking(error: BaseException | None) -> str:
    """Which module kept a process of the trial from starting, and on which node, such as one that came without our package; "" if none did.

    Nothing of ours runs there, which could say so itself as `nodes.admit` does.
    """
    text = text_of(error)
    missing, at = (re.search(pattern, text) for pattern in (r"No module named '([^']+)'", r"\bip=([^,)\s]+)"))
    if missing is None or "creation task" not in text:
        return ""
    return f"node {at[1] if at else 'unknown'} cannot take part: it has no module {missing[1]}, which is here. {REMEDY}"


def text_of(error: BaseException | None) -> str:
    """What Ray says of it, without colours."""
    return "" if error is None else re.sub(r"\x1b\[[0-9;]*m", "", str(error.cause if isinstance(error, RayTaskError) else error))
