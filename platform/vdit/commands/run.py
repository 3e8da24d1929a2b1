"""`vdit run`: run what a study lacks, on Ray, or one arm in this process."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from vdit.schedule.cluster import Cluster
    from vdit.schedule.drivers import Claim
    from vdit.schedule.reporter import Outcome
    from vdit.schedule.work import Work
    from vdit.study.plan import Plan, PlannedTrial
    from vdit.track.spool import Spool


@dataclass(frozen=True)
class Manner:
    """How a study is run: as was `asked`, by the driver of the `claim`.

    `again` plans the study that is run once more, with what is done and drawn by then.
    """

    asked: "Asked"
    claim: "Claim"
    again: "Callable[[], Plan]"


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a study is to run, and how; `searched` also what a search draws."""

    arm: str | None
    seed: int | None
    searched: bool
    local: bool
    retry_failed: bool
    rehearsal: bool
    where: "Cluster"
    tracking_uri: str


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[str | None, typer.Option(help="Folder of the frozen networks, shipped:NAME, or '' for random ones.")] = None,
    start: Annotated[Path | None, typer.Option(help="File of trained parameters to go on from.")] = None,
    arm: Annotated[str | None, typer.Option(help="Only this arm.")] = None,
    seed: Annotated[int | None, typer.Option(help="Only this seed.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="Train so many steps; makes other trials than the study's. 0: as the study says.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="DeepSpeed workers a trial. 0: as the study says.")] = 0,
    local: Annotated[bool, typer.Option("--local", help="Train in this very process, without Ray.")] = False,
    accept: Annotated[
        str, typer.Option(help="Older code, by its digest, whose results stand: the change since does not affect them.")
    ] = "",
    store: Annotated[str, typer.Option(help="Share frozen features: on (in the runs folder), off, a folder all nodes see, or a URL.")] = "",
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database; default: mlflow.db in the runs folder.")] = "",
    address: Annotated[str, typer.Option(help="Ray cluster to join; default: RAY_ADDRESS, or one of its own on this machine.")] = "",
    autoscaling: Annotated[Path | None, typer.Option(help="File of the cluster's autoscaler: trials may wait for its machines.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try trials again whose retries are used up.")] = False,
    rehearsal: Annotated[bool, typer.Option(help="First take one tiny step of every arm end to end, once.")] = True,
) -> None:
    """Run what is missing of a study; what is done stays done."""
    from functools import partial

    from rich.console import Console

    from vdit.commands._ending import conclude
    from vdit.schedule import cluster
    from vdit.study.snapshot import Snapshot

    if local and accept:
        raise ValueError("--accept is recorded with the study, which --local leaves alone; use one of them")
    runs = Path(context.obj["runs"]).resolve()
    console = Console(quiet=bool(context.obj["quiet"]), soft_wrap=True, highlight=False)
    where = cluster.Cluster(address, cluster.startable(autoscaling))
    make = partial(make_plan, study, runs, {"data": data, "weights": weights, "start": start}, steps, workers, accept, store)
    before = Snapshot.of(study)
    plan = make()
    chosen, searched = choose(plan, arm, seed), plan.study.search is not None and arm is None
    if local and searched:
        raise ValueError("a search is run by Ray Tune; leave out --local, or name one of its arms with --arm")
    ready(console, plan, chosen, searched, runs)
    asked = Asked(arm, seed, searched, local, retry_failed, rehearsal, where, tracking_uri)
    plan, outcome = claimed(console, plan, runs, asked)
    if outcome is None:
        return
    for line in before.describe(plan, make, runs / "manifests"):
        console.print(line, markup=False)
    conclude(console, plan, choose(plan, arm, seed), outcome, searched, runs)


def claimed(console: "Console", plan: "Plan", runs: Path, asked: Asked) -> "tuple[Plan, Outcome | None]":
    """Runs what no other driver does of what is asked for; the plan as it is then. No outcome of what runs in this very process."""
    from functools import partial

    from vdit.schedule import drivers, work
    from vdit.study.plan import again

    keys = [one.key for one in due(plan, choose(plan, asked.arm, asked.seed), asked.searched)]
    with drivers.claim(runs, plan.study.study, keys, f"vdit status {plan.study.study}") as claim:
        plan = work.refreshed(plan, runs)
        mine = work.of(due(plan, choose(plan, asked.arm, asked.seed), asked.searched), runs, claim.others, asked.retry_failed)
        undrawn = plan.undrawn if asked.searched else 0
        work.check_budget(plan, mine.todo, runs, 1 if asked.local else len(mine.todo) + undrawn, undrawn)
        if asked.local:
            alone(console, plan, mine, runs, asked.rehearsal)
            return plan, None
        manner = Manner(asked, claim, partial(again, plan, runs))
        outcome = together(console, plan, mine, open_record(console, plan, runs, asked.tracking_uri), manner)
    return manner.again(), outcome


def make_plan(study: str, runs: Path, places: Mapping[str, Any], steps: int, workers: int, accept: str, store: str) -> "Plan":
    """The plan of the study as its file is now, with what the command line sets instead; 0 leaves steps and workers to the file.

    What it says of itself, which tables and figures carry, tells of other `steps` than the file's: they would look like the study's own.
    """
    from dataclasses import replace

    from vdit.schedule import sharing
    from vdit.study import plan, spec

    read = spec.read(study, **places)
    train = replace(read.base.train, max_steps=steps) if steps else read.base.train
    launch = read.base.launch
    launch = replace(launch, workers=workers or launch.workers, store=sharing.chosen(store or launch.store))
    made = plan.build(replace(read, base=replace(read.base, train=train, launch=launch)), runs, accept=accept)
    return replace(made, shortened=f"Trained at most {steps:,} steps (--steps)." if steps not in (0, read.base.train.max_steps) else "")


def choose(plan: "Plan", arm: str | None, seed: int | None) -> "list[PlannedTrial]":
    """The plan's trials of an arm and a seed; a name that is not there names the nearest."""
    from vdit.registry import nearest

    names = [known.name for known in plan.arms]
    if arm is not None and arm not in names:
        raise ValueError(f"{plan.study.path}: no arm {arm!r}; {nearest(arm, names)}")
    if seed is not None and seed not in plan.study.seeds:
        raise ValueError(f"{plan.study.path}: no seed {seed}; seeds: {', '.join(map(str, plan.study.seeds))}")
    return [
        planned
        for planned in plan.trials
        if (arm is None or arm in (planned.trial.arm, *planned.shared_with)) and (seed is None or planned.trial.seed == seed)
    ]


def ready(console: "Console", plan: "Plan", chosen: "list[PlannedTrial]", searched: bool, runs: Path) -> None:
    """Says how much is to do, and what an edit of study, data or code since the last run has done to the trials; checks disk and data."""
    from vdit.schedule import sharing
    from vdit.schedule.run import check_data, check_disk
    from vdit.study import edit

    done, todo = sum(planned.done for planned in chosen), len(due(plan, chosen, searched))
    points = f", {plan.undrawn} points to draw" if searched and plan.undrawn else ""
    console.print(f"{plan.study.study}: {len(chosen)} trials, {done} done, {todo} to run{points}")
    for line in (*edit.describe_accepted(plan), *edit.describe(edit.changes(plan.last, plan) or ())):
        console.print(line, markup=False)
    if plan.said:
        console.print(plan.said, style="yellow")
    check_disk(plan, runs)
    check_data(plan, runs)
    sharing.prepare(plan, runs)


def due(plan: "Plan", chosen: "list[PlannedTrial]", searched: bool) -> "list[PlannedTrial]":
    """What of it is not done; a search leaves alone what it has ended early."""
    return [planned for planned in chosen if not planned.done and not (searched and planned.key in plan.pruned)]


def alone(console: "Console", plan: "Plan", work: "Work", runs: Path, rehearsal: bool) -> None:
    """Every chosen trial that is not done, one after the other, here. Other workers than one make no sense in one process."""
    from vdit.schedule.local import run

    undone = {key: f"failed before: {reason}" for key, reason in work.failed.items()} | {key: end.reason for key, end in work.left.items()}
    for key, reason in undone.items():
        typer.echo(f"vdit: {key[:16]} {reason}", err=True)
    verdict = run(work.todo, plan, runs, console, rehearsal) if work.todo else None
    if verdict is not None and verdict.refused:
        for reason in verdict.refused:
            typer.echo(f"vdit: {reason}", err=True)
        raise typer.Exit(2 if verdict.bad_input else 1)
    console.print(f"results are in {runs / 'trials'}; `vdit run` with the same options but --local records them")
    if undone:
        raise typer.Exit(1)


def open_record(console: "Console", plan: "Plan", runs: Path, uri: str) -> "Spool":
    """MLflow with the study's run open, which is told of every finished trial that it lacked."""
    from vdit.schedule.run import catch_up, keep_plan
    from vdit.track.mlflow import MLflow, default_uri
    from vdit.track.spool import Spool

    keep_plan(plan, runs)
    document = plan.document()

    def opened() -> MLflow:
        record = MLflow(uri or default_uri(runs), runs)
        record.study(document)
        return record

    record = opened()
    known = record.finished()
    spool = Spool(record, opened, runs, lambda news: console.print(f"vdit: {news}", markup=False))
    caught = catch_up(plan, runs, spool, known)
    if caught:
        console.print(f"{caught} finished trials were not in the record yet; it is told of them")
    return spool


def together(console: "Console", plan: "Plan", work: "Work", record: "Spool", manner: Manner) -> "Outcome":
    """The study on Ray."""
    from vdit.commands import _ending
    from vdit.schedule import cluster, sharing
    from vdit.schedule.reporter import Outcome
    from vdit.schedule.work import at_once, check_budget, settle

    where, searched = manner.asked.where, manner.asked.searched
    todo, undrawn = work.todo, plan.undrawn if searched else 0
    outcome, status = Outcome(), "KILLED"
    try:
        if todo or undrawn:
            first = (*todo, *plan.trials)[0].trial
            dashboard = cluster.attach(where)
            if dashboard:
                console.print(f"Ray dashboard: {dashboard}", markup=False)
                record.note("vdit.ray.dashboard", dashboard)
            for line in cluster.check(where, [planned.trial for planned in todo] or [first], record.runs):
                console.print(line, markup=False)
            check_budget(plan, todo, record.runs, at_once(first.launch, where.startable), undrawn)
            sharing.check_nodes(first, record.runs)
            outcome = rehearsed(console, plan, work, record.runs, manner) or perform(console, plan, work, record, manner)
        settle(work, plan, record.runs, outcome)
        status = _ending.status(manner.again(), outcome, searched)
    finally:
        cluster.leave()
        outcome.unrecorded = record.close(status)
    return outcome


def rehearsed(console: "Console", plan: "Plan", work: "Work", runs: Path, manner: Manner) -> "Outcome | None":
    """How the study ends where its rehearsal refuses it, or was interrupted; None where the trials may start."""
    import time

    from vdit.schedule import rehearsal
    from vdit.schedule.view import view

    if not manner.asked.rehearsal:
        return None
    stage, started = rehearsal.stage(plan, work.todo, runs, manner.asked.searched), time.monotonic()
    arms = len(stage.due())
    verdict = rehearsal.on_ray(stage, lambda names: view(names, console), manner.asked.where.startable)
    if verdict.refused or verdict.unfinished:
        return rehearsal.refusal(verdict, plan, work.todo, runs)
    if arms:
        console.print(f"rehearsal: {arms} arms, a step of each end to end, in {time.monotonic() - started:.1f} s", markup=False)
    return None


def perform(console: "Console", plan: "Plan", work: "Work", record: "Spool", manner: Manner) -> "Outcome":
    """The trials themselves."""
    from vdit.schedule import search
    from vdit.schedule.reporter import Reporter
    from vdit.schedule.run import run
    from vdit.schedule.view import view

    names = {planned.key: f"{planned.trial.arm}, seed {planned.trial.seed}" for planned in work.todo}
    with view(names, console) as shown:
        startable = manner.asked.where.startable
        if not manner.asked.searched:
            return run(work.todo, Reporter(plan, work.todo, record.runs, record, shown), startable)
        found = search.Search(plan, work, record.runs, manner.again, manner.claim)
        return search.run(found, search.SearchReporter(found, record, shown), startable)
