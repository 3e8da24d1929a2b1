"""Runs the stages of a pretraining: as many at once as there are cores, a thread each, as tasks of Ray; or in order in this process.

A stage writes its curves into its own folder; whoever runs them reads those, for the terminal and for the record.
"""

import json
import os
import shutil
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vdit.config.code import code_digest
from vdit.pretrain.given import ROWS, WEIGHTS, Given
from vdit.pretrain.graph import CODE, GRAPH, Stage, keys
from vdit.pretrain.recipe import Pretraining
from vdit.registry import find
from vdit.schedule.standing import INTERRUPTED
from vdit.schedule.view import clock
from vdit.track.entry import Entry, Record

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.pretrain.training import Report

POLL_SECONDS = 1.0
QUIET_SECONDS = 10.0  # between two lines of one stage
RETRIES = 2  # of a stage whose worker is lost: it goes on from its checkpoint


def todo(plan: Pretraining, only: Stage | None) -> list[Stage]:
    """The stages to run, in order. Raises ValueError where `only` needs one that is not done."""
    stages = missing(plan)
    if only is None:
        return stages
    lacking = [need for need in GRAPH[only].needs if need in stages]
    if lacking:
        raise ValueError(f"stage {only} needs {' and '.join(lacking)}, which are not done; run those first, or all by leaving out --stage")
    return [only] if only in stages else []


def elsewhere(plan: Pretraining, stage: Stage) -> Path | None:
    """The folder of another recipe that has finished this very stage. Clips have one folder for all."""
    place = plan.place(stage)
    found = sorted((plan.runs / "pretrain").glob(f"*/{stage}")) if stage != "clips" else []
    return next((folder for folder in found if replace(place, folder=folder).done and (folder / WEIGHTS).exists()), None)


def missing(plan: Pretraining) -> list[Stage]:
    """The stages that have to be trained, in order. Clips that somebody removed are missed only where a stage is left to train on them."""
    undone = [stage for stage in GRAPH if not plan.place(stage).done and elsewhere(plan, stage) is None]
    return [stage for stage in undone if stage != "clips" or any(stage in GRAPH[other].needs for other in undone)]


def adopt(plan: Pretraining) -> None:
    """Copies what another recipe has finished; only who has claimed the recipe may."""
    for stage in GRAPH:
        place, other = plan.place(stage), elsewhere(plan, stage)
        if not place.done and other is not None:
            draft = plan.folder / f".{stage}.{os.getpid()}"
            shutil.rmtree(draft, ignore_errors=True)
            # What is hidden is being written there, or was by a process that was killed.
            shutil.copytree(other, draft, ignore=shutil.ignore_patterns(".*"))
            shutil.rmtree(place.folder, ignore_errors=True)
            draft.rename(place.folder)


def tell(plan: Pretraining, record: Record) -> None:
    """The record, of every stage that is done: an earlier one may have been lost, and one that was adopted had none here."""
    for stage in GRAPH:
        if plan.place(stage).done:
            record.finish(entry(plan, stage), plan.place(stage).folder)


def entry(plan: Pretraining, stage: Stage) -> Entry:
    """What the record is told of a stage."""
    recipe, part = plan.recipe, GRAPH[stage]
    config: dict[str, Any] = {name: getattr(recipe, name) for name in ("seed", "clips", "held_out")}
    config |= {"world": asdict(recipe.world)}
    config["architecture"] = {name: asdict(getattr(plan.model.architecture, name)) for name in part.networks}
    if stage != "clips":
        config["training"] = asdict(getattr(recipe, stage))
    code = code_digest((*CODE, f"pretrain/stages/{stage}.py"))
    return Entry(plan.keys[stage], stage, recipe.seed, {}, code, plan.keys["clips"], "", "", config, kind="stage")


@dataclass
class Following:
    """Reads the curves of one stage as they grow; a line in the terminal now and then, every row to the record."""

    plan: Pretraining
    stage: Stage
    record: Record
    console: "Console"
    read: int = 0
    inode: int = 0
    shown: tuple[float, float] | None = None
    latest: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.path = self.plan.place(self.stage).folder / ROWS
        self.steps = self.plan.recipe.clips if self.stage == "clips" else getattr(self.plan.recipe, self.stage).steps

    def look(self, row: object = None) -> None:
        """What is new since the last look."""
        rows = self.news()
        if not rows:
            return
        if "loss" in rows[-1]:
            self.record.log(self.plan.keys[self.stage], rows)
        self.latest = {name: value for one in rows for name, value in one.items() if name.startswith("held_out/")} or self.latest
        last = rows[-1]
        if self.shown is None or last["time"] - self.shown[1] >= QUIET_SECONDS or last["step"] == self.steps:
            self.show(last)

    def news(self) -> list[dict[str, float]]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            about = os.fstat(file.fileno())
            # A stage that goes on begins its curves anew, in another file.
            if about.st_ino != self.inode or about.st_size < self.read:
                self.inode, self.read = about.st_ino, 0
            file.seek(self.read)
            lines = [line for line in file.readlines() if line.endswith(b"}\n")]
        self.read += sum(len(line) for line in lines)
        return [json.loads(line) for line in lines]

    def show(self, row: dict[str, float]) -> None:
        step, when = row["step"], row["time"]
        loss = f", loss {row['loss']:.4f}" if "loss" in row else ""
        before, self.shown = self.shown, (step, when)
        speed = ""
        if before and before[0] < step and before[1] < when:
            rate = (step - before[0]) / (when - before[1])
            speed = f", {rate:.2f}/s, {clock((self.steps - step) / rate)} left"
        seen = "".join(f", {name.removeprefix('held_out/')} {value:.3f}" for name, value in self.latest.items())
        self.latest = {}
        self.console.print(f"{self.stage}: {step:.0f}/{self.steps}{loss}{speed}{seen}", markup=False, soft_wrap=True)


class StageError(RuntimeError):
    """A stage failed of something else than what it was given."""


def in_order(plan: Pretraining, stages: Sequence[Stage], record: Record, console: "Console") -> None:
    """One after the other in this process; errors are raised where they happen."""
    import torch

    from vdit.train import log

    torch.set_num_threads(1)
    for stage in stages:
        place = plan.place(stage)
        place.folder.mkdir(parents=True, exist_ok=True)
        following = begin(plan, stage, record, console)
        try:
            with log.beside(place.folder):
                compute(plan.given(), stage, following.look)
        except KeyboardInterrupt:
            leave(plan, stage, record)
            raise
        except Exception as error:  # whatever it is: it is raised again
            record.fail(plan.keys[stage], str(error))
            raise
        end(plan, stage, record, console)


def on_ray(plan: Pretraining, stages: Sequence[Stage], record: Record, console: "Console") -> None:
    """On the cluster of this process. The first stage that fails ends the others, which go on from their checkpoints the next time."""
    import ray

    task = ray.remote(num_cpus=1, max_retries=RETRIES)(work)
    left, running = list(stages), dict[Any, Following]()
    try:
        while left or running:
            for stage in [stage for stage in left if all(plan.place(need).done for need in GRAPH[stage].needs)]:
                plan.place(stage).folder.mkdir(parents=True, exist_ok=True)
                running[task.remote(plan.given(), stage)] = begin(plan, stage, record, console)
                left.remove(stage)
            ready, _ = ray.wait(list(running), timeout=POLL_SECONDS)
            for following in running.values():
                following.look()
            for reference in ready:
                stage = running.pop(reference).stage
                check(plan, stage, reference, record)
                end(plan, stage, record, console)
    finally:
        for reference, following in running.items():
            ray.cancel(reference, force=True)
            leave(plan, following.stage, record)


def check(plan: Pretraining, stage: Stage, reference: Any, record: Record) -> None:
    """Of a stage that has ended. Raises ValueError for what `work` says of its input, StageError for whatever else it failed of."""
    import ray

    wrong: type[Exception] = StageError
    try:
        reason, wrong = ray.get(reference), ValueError
    except ray.exceptions.RayTaskError as error:
        reason = f"{type(error.cause).__name__}: {error.cause}"
    except ray.exceptions.RayError as error:
        lost = f"Ray did not bring it to its end (a stage whose worker is lost is tried {RETRIES} times more)"
        reason = f"{lost}: {str(error).splitlines()[0]}"
    if reason:
        record.fail(plan.keys[stage], reason)
        raise wrong(f"stage {stage}: {reason} (the whole story is in {plan.place(stage).folder / 'log.txt'})")


def leave(plan: Pretraining, stage: Stage, record: Record) -> None:
    """Of a stage that was cut off, by the user or by the failure of another: it goes on from its checkpoint the next time."""
    if plan.place(stage).done:
        # It ended in the same moment, and is not run again.
        record.finish(entry(plan, stage), plan.place(stage).folder)
    else:
        record.skip(plan.keys[stage], f"PREEMPTED: {INTERRUPTED}")


def work(given: Given, stage: str) -> str:
    """In a worker of Ray: the stage, its log beside its curves; returns what is wrong with what it was given, "" where nothing is."""
    import torch

    from vdit.train import log

    torch.set_num_threads(1)
    log.redirect(given.folders[stage], 0)
    with log.failures():
        try:
            compute(given, stage, lambda row: None)
        except (ValueError, OSError) as error:
            log.log.exception("stage %s failed", stage)
            return str(error) or type(error).__name__
    return ""


def compute(given: Given, stage: str, report: "Report") -> None:
    """Raises ValueError where the code that is here is not what the stage's key stands for.

    Digests are made once a process, so that every stage is loaded before them: what is edited later is not what this process runs.
    """
    runs = {str(name): find("vdit.pretrain.stages", name).run for name in GRAPH}
    here = {str(name): key for name, key in keys(given.recipe, given.architecture, None).items()}
    if here[stage] != given.keys[stage]:
        raise ValueError(
            f"the code of stage {stage} on {socket.gethostname()} is not what its key stands for: it was edited after the run started, "
            "or this node has another copy; the same command again goes by the code as it is"
        )
    runs[stage](given, report)


def begin(plan: Pretraining, stage: Stage, record: Record, console: "Console") -> Following:
    console.print(f"{stage}: starting", markup=False)
    record.start(entry(plan, stage))
    return Following(plan, stage, record, console)


def end(plan: Pretraining, stage: Stage, record: Record, console: "Console") -> None:
    folder = plan.place(stage).folder
    record.finish(entry(plan, stage), folder)
    result = json.loads((folder / "result.json").read_bytes())
    metrics = result["metrics"]
    figures = "".join(f", {name.removeprefix('held_out/')} {value:.3f}" for name, value in metrics.items() if name != "seconds")
    console.print(f"{stage}: done in {clock(metrics['seconds'])}{figures}", markup=False, soft_wrap=True)


def document(plan: Pretraining) -> dict[str, Any]:
    """What the recipe's own run is made of."""
    return {
        "kind": "pretrain",
        "study": f"pretrain {plan.recipe.recipe}",
        "key": plan.key,
        "stages": dict(plan.keys),
        "recipe": asdict(plan.recipe),
        "time": time.time(),
    }
