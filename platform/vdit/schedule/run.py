"""Runs what is missing of a plan: trials go to Ray Tune as gangs, results to the record as they come (architecture.md, Flow)."""

import json
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vdit.config.trial import Trial
from vdit.registry import find
from vdit.schedule import attempts, nodes
from vdit.schedule.placement import ImpossibleError, Machine, fit
from vdit.schedule.reporter import Outcome, Reporter, entry, folder_of
from vdit.study import accept
from vdit.study.plan import Plan, PlannedTrial
from vdit.track.entry import Record
from vdit.train.folder import Ticket, data_folder, sweep, write_json

if TYPE_CHECKING:
    from ray.tune import RunConfig
    from ray.tune.search import Searcher

    from vdit.schedule.watch import Watch

JOB = "vdit.train.session:Session"


def prepare(planned: PlannedTrial, plan: Plan, runs: Path) -> Path:
    """The trial's folder with its config.json. A folder of the same name with another key is a collision of 64-bit names: refused."""
    folder = folder_of(planned, runs)
    ticket = Ticket(planned.key, planned.trial, planned.code, planned.data, planned.weights, plan.notice)
    path = folder / "config.json"
    if path.exists() and json.loads(path.read_text())["key"] != planned.key:
        raise ValueError(f"{path} belongs to another trial than {planned.key}; move {folder} away")
    ticket.write(folder)
    return folder


def begin(planned: PlannedTrial, plan: Plan, runs: Path) -> Path:
    """The folder of a trial that runs now: how it failed before counts no more."""
    folder = prepare(planned, plan, runs)
    (folder / attempts.FAILURE).unlink(missing_ok=True)
    return folder


def check_disk(plan: Plan, runs: Path) -> None:
    """Raises ValueError where the plan's estimate does not fit on the disk: better now than after hours."""
    runs.mkdir(parents=True, exist_ok=True)
    free, needed = shutil.disk_usage(runs).free, plan.estimate.disk_bytes
    if needed > free:
        raise ValueError(
            f"{runs} has {free / 1e6:.0f} MB free, the missing trials need about {needed / 1e6:.0f} MB; free some, or choose other --runs"
        )


def check_data(plan: Plan, runs: Path) -> None:
    """Reads the splits that the missing trials will read; writes the miniature world. Raises ValueError naming the file that is wrong."""
    for data, folder in {(planned.trial.data, str(data_folder(planned.trial, planned.data, runs))) for planned in plan.missing}:
        benchmark = find("benchmarks", data.benchmark)
        root = benchmark.locate(data, Path(folder))
        for split in (data.train_split, data.eval_split):
            benchmark.read(root, split, data.frames)


def catch_up(plan: Plan, runs: Path, record: Record, known: set[str]) -> int:
    """Records finished trials that the record lacks, such as those that ended while its server was down; returns how many."""
    lacking = [planned for planned in plan.trials if planned.done and planned.key not in known]
    for planned in lacking:
        record.finish(entry(planned, plan), folder_of(planned, runs))
    return len(lacking)


def keep_plan(plan: Plan, runs: Path) -> None:
    """Writes the study's plan.json, and into the folder of each older result that it accepts for which code and by which study."""
    for planned in plan.older:
        file = folder_of(planned, runs) / accept.RECORD
        known = json.loads(file.read_bytes()) if file.exists() else []
        mine = {"code": plan.code, "study": plan.study.study}
        if mine not in known:
            write_json(file, [*known, mine])
    place = runs / "studies" / plan.study.study
    sweep(place)
    write_json(place / "plan.json", plan.document())


def run(todo: Sequence[PlannedTrial], reporter: Reporter, startable: Sequence[Machine] = (), job: str = JOB) -> Outcome:
    """Runs `todo`, all of one launch, on the Ray cluster of this process. Returns when every trial ended or the user interrupted.

    Each round places its trials on the cluster as it is; where that changes so that they have no place, the next one places them anew.
    """
    folders = [str(begin(planned, reporter.plan, reporter.runs)) for planned in todo]
    try:
        while folders:
            folders = once(folders, reporter, startable, job)
    finally:
        reporter.close()
    return reporter.outcome


def once(folders: list[str], reporter: Reporter, startable: Sequence[Machine], job: str) -> list[str]:
    """A round: Tune runs the trials until all have ended, the watch ends it, or the study or the user stops. What is left for the next."""
    try:
        moved = tune(folders, [reporter.todo[folder].trial for folder in folders], reporter, startable, job)
    except ImpossibleError as error:
        for folder in folders:
            reporter.refused(folder, str(error))
        return []
    # Trials that Tune gave up though they have retries left: it does where a gang dies while it is handed from one to the next.
    return reporter.preempted() if moved else reporter.abandoned()


def tune(source: "list[str] | Searcher", trials: Sequence[Trial], reporter: Reporter, startable: Sequence[Machine], job: str) -> bool:
    """One pass of Ray Tune over trials by their folders, or as a search suggests them; `trials` are examples of what they ask for.

    Returns whether the watch ended it, because the trials have to be placed anew. Raises ImpossibleError where they have no place.
    """
    from vdit.schedule.gang import tuner
    from vdit.schedule.patience import Patience
    from vdit.schedule.watch import Watch, wait
    from vdit.schedule.worker import Crew

    say = reporter.view.say
    placement = wait(partial(fit, trials, startable=startable), nodes.present, say)
    say(placement.said)
    reporter.placed(placement.shape)
    crew = Crew(placement.shape, str(reporter.runs), job, nodes.versions()())
    watch = Watch(trials, placement, nodes.present, startable)
    storage = reporter.runs / "ray"
    try:
        tuner(source, crew, placement.strategy, settings(reporter, storage, watch), Patience(reporter)).fit()
    finally:
        # Trials resume from their own folders; Tune's copy of the experiment is of no further use.
        shutil.rmtree(storage / reporter.plan.study.study, ignore_errors=True)
    if watch.ended:
        say(watch.ended)
    return bool(watch.ended)


def settings(reporter: Reporter, storage: Path, watch: "Watch") -> "RunConfig":
    """How Tune itself runs: quietly, and with nothing to decide."""
    from ray.tune import CheckpointConfig, FailureConfig, RunConfig
    from ray.tune.stopper import CombinedStopper

    from vdit.schedule.callback import TuneReports
    from vdit.schedule.patience import StopsWhenIdle

    return RunConfig(
        name=reporter.plan.study.study,
        storage_path=str(storage),
        verbose=0,
        stop=CombinedStopper(StopsWhenIdle(reporter), watch),
        callbacks=[TuneReports(reporter)],
        # How often a trial is tried again is decided by its budgets, not by Tune.
        failure_config=FailureConfig(max_failures=-1),
        checkpoint_config=CheckpointConfig(num_to_keep=1),
    )
