"""Runs what is missing of a plan: trials go to Ray Tune as gangs, results to the record as they come (architecture.md, Flow)."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from vdit.registry import find
from vdit.schedule import attempts
from vdit.schedule.reporter import Outcome, Reporter, entry, folder_of
from vdit.schedule.view import View
from vdit.study import accept
from vdit.study.plan import Plan, PlannedTrial
from vdit.track.entry import Record
from vdit.train.folder import Ticket, data_folder, sweep, write_json


def prepare(planned: PlannedTrial, plan: Plan, runs: Path) -> Path:
    """The trial's folder with its config.json. A folder of the same name with another key is a collision of 64-bit names: refused."""
    folder = folder_of(planned, runs)
    ticket = Ticket(planned.key, planned.trial, planned.code, planned.data, planned.weights, plan.notice)
    path = folder / "config.json"
    if path.exists() and json.loads(path.read_text())["key"] != planned.key:
        raise ValueError(f"{path} belongs to another trial than {planned.key}; move {folder} away")
    ticket.write(folder)
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


def run(plan: Plan, todo: Sequence[PlannedTrial], runs: Path, record: Record, view: View) -> Outcome:
    """Runs `todo`, all of one shape, on the Ray cluster of this process. Returns when every trial ended or the user interrupted."""
    folders = [str(prepare(planned, plan, runs)) for planned in todo]
    reporter = Reporter(plan, todo, runs, record, view)
    try:
        while folders:
            once(reporter, folders)
            # Trials that Tune gave up though they have retries left: it does where a gang dies while it is handed from one to the next.
            folders = reporter.abandoned()
    finally:
        reporter.close()
    return reporter.outcome


def once(reporter: Reporter, folders: Sequence[str]) -> None:
    """One pass of Ray Tune over trials, by their folders."""
    from ray import tune

    from vdit.schedule.callback import TuneReports
    from vdit.schedule.gang import Gang
    from vdit.schedule.patience import Patience, StopsWhenIdle

    plan, launch, storage = reporter.plan, reporter.launch, reporter.runs / "ray"
    gang = {"workers": launch.workers, "threads": launch.threads, "gpus": launch.gpus, "runs": str(reporter.runs)}
    worker = {"CPU": launch.threads} | ({"GPU": 1} if launch.gpus else {})
    bundles = tune.PlacementGroupFactory([{}] + [worker] * launch.workers, strategy="PACK")
    tuner = tune.Tuner(
        tune.with_resources(Gang, bundles),
        param_space={"folder": tune.grid_search(list(folders)), "gang": gang},
        tune_config=tune.TuneConfig(reuse_actors=True, scheduler=Patience(reporter)),
        run_config=tune.RunConfig(
            name=plan.study.study,
            storage_path=str(storage),
            verbose=0,
            stop=StopsWhenIdle(reporter),
            callbacks=[TuneReports(reporter)],
            # How often a trial is tried again is decided by its budgets, not by Tune.
            failure_config=tune.FailureConfig(max_failures=-1),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        ),
    )
    try:
        tuner.fit()
    finally:
        # Trials resume from their own folders; Tune's copy of the experiment is of no further use.
        shutil.rmtree(storage / plan.study.study, ignore_errors=True)
