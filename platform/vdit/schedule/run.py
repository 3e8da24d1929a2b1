"""Runs what is missing of a plan: trials go to Ray Tune as gangs, results to the record as they come (architecture.md, Flow)."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vdit.config.trial import to_json
from vdit.registry import find
from vdit.schedule.view import View
from vdit.study import accept
from vdit.study.plan import Plan, PlannedTrial
from vdit.track.entry import Entry, Record, RecordLostError
from vdit.train.folder import Ticket, data_folder, write_json

RETRIES = 20  # of a trial whose worker or node went away; errors in code or data are not retried


@dataclass
class Outcome:
    """How the trials of one run ended, by key; what is in none was interrupted. `refused` says why none was started."""

    finished: set[str] = field(default_factory=set)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    interrupted: bool = False
    bad_input: bool = False
    unrecorded: str = ""


def entry(planned: PlannedTrial, plan: Plan) -> Entry:
    """What the record is told of a trial."""
    trial = planned.trial
    config = json.loads(to_json(trial))
    return Entry(planned.key, trial.arm, trial.seed, planned.levels, planned.code, planned.data, planned.weights, plan.notice, config)


def folder_of(planned: PlannedTrial, runs: Path) -> Path:
    return runs / "trials" / planned.folder


def prepare(planned: PlannedTrial, plan: Plan, runs: Path) -> Path:
    """The trial's folder with its config.json. A folder of the same name with another key is a collision of 64-bit names: refused."""
    folder = folder_of(planned, runs)
    ticket = Ticket(planned.key, planned.trial, planned.code, planned.data, planned.weights, plan.notice)
    path = folder / "config.json"
    if path.exists() and json.loads(path.read_text())["key"] != planned.key:
        raise ValueError(f"{path} belongs to another trial than {planned.key}; move {folder} away")
    ticket.write(folder)
    (folder / "failure.json").unlink(missing_ok=True)
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
    write_json(runs / "studies" / plan.study.study / "plan.json", plan.document())


class Reporter:
    """Told by Tune what happens to each trial; tells the view and the record."""

    def __init__(self, plan: Plan, todo: Sequence[PlannedTrial], runs: Path, record: Record, view: View) -> None:
        self.plan, self.runs, self.record, self.view = plan, runs, record, view
        self.todo = {str(folder_of(planned, runs)): planned for planned in todo}
        self.outcome = Outcome()

    def tell(self, message: Callable[[], None]) -> None:
        """A record that is lost is not asked again in this run: each question would wait for its timeout, and the study needs none."""
        if self.outcome.unrecorded:
            return
        try:
            message()
        except RecordLostError as error:
            self.outcome.unrecorded = str(error)

    def started(self, folder: str) -> None:
        planned = self.todo[folder]
        self.tell(lambda: self.record.start(entry(planned, self.plan)))
        self.view.show(planned.key, "starting")

    def progressed(self, folder: str, result: Mapping[str, Any]) -> None:
        planned = self.todo[folder]
        if "failure" in result:
            self.outcome.bad_input |= bool(result["bad_input"])
            self.fail(planned, str(result["failure"]), str(result["trace"]))
            return
        rows = result.get("rows", ())
        self.tell(lambda: self.record.log(planned.key, rows))
        loss = rows[-1]["loss"] if rows else None
        self.view.show(planned.key, str(result["phase"]), int(result["position"]), int(result["of"]), loss)
        # Tune marks a trial that is stopped as done, too.
        if result["phase"] == "done":
            self.tell(lambda: self.record.finish(entry(planned, self.plan), folder_of(planned, self.runs)))
            self.outcome.finished.add(planned.key)

    def skip(self, planned: PlannedTrial, reason: str) -> None:
        """It ended early, on purpose; whoever runs it again goes on from its checkpoint."""
        self.outcome.skipped[planned.key] = reason
        self.tell(lambda: self.record.skip(planned.key, reason))
        self.view.show(planned.key, f"skipped: {reason}")

    def lost(self, folder: str, reason: str) -> None:
        """Its workers went away more often than is retried."""
        self.fail(self.todo[folder], reason, "")

    def fail(self, planned: PlannedTrial, reason: str, trace: str) -> None:
        self.outcome.failed[planned.key] = reason
        write_json(folder_of(planned, self.runs) / "failure.json", {"reason": reason, "trace": trace})
        self.tell(lambda: self.record.fail(planned.key, reason))
        self.view.show(planned.key, f"failed: {reason}")


def run(plan: Plan, todo: Sequence[PlannedTrial], runs: Path, record: Record, view: View) -> Outcome:
    """Runs `todo`, all of one shape, on the Ray cluster of this process. Returns when every trial ended or the user interrupted."""
    from ray import tune

    reporter = Reporter(plan, todo, runs, record, view)
    folders = [str(prepare(planned, plan, runs)) for planned in todo]
    fit(reporter, {"folder": tune.grid_search(folders)}, tune.TuneConfig(reuse_actors=True))
    return reporter.outcome


def fit(reporter: Reporter, space: Mapping[str, Any], how: Any) -> None:
    """Ray Tune over gangs of the study's shape; `space` and `how`, a TuneConfig, make the folders of their trials."""
    from ray import tune

    from vdit.schedule.callback import TuneReports
    from vdit.schedule.gang import Gang

    plan, runs = reporter.plan, reporter.runs
    launch = plan.trials[0].trial.launch
    gang = {"workers": launch.workers, "threads": launch.threads, "gpus": launch.gpus, "runs": str(runs)}
    worker = {"CPU": launch.threads} | ({"GPU": 1} if launch.gpus else {})
    bundles = tune.PlacementGroupFactory([{}] + [worker] * launch.workers, strategy="PACK")
    storage = runs / "ray"
    tuner = tune.Tuner(
        tune.with_resources(Gang, bundles),
        param_space={**space, "gang": gang},
        tune_config=how,
        run_config=tune.RunConfig(
            name=plan.study.study,
            storage_path=str(storage),
            verbose=0,
            callbacks=[TuneReports(reporter)],
            failure_config=tune.FailureConfig(max_failures=RETRIES),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
        ),
    )
    try:
        tuner.fit()
    finally:
        # Trials resume from their own folders; Tune's copy of the experiment is of no further use.
        shutil.rmtree(storage / plan.study.study, ignore_errors=True)
