"""`vdit run`: run what a study lacks, on Ray, or one arm in this process."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.schedule.cluster import Cluster
    from vdit.schedule.reporter import Outcome
    from vdit.schedule.work import Work
    from vdit.study.plan import Plan, PlannedTrial
    from vdit.track.spool import Spool

SHOWN = 6


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the frozen networks' checkpoint.")] = None,
    start: Annotated[Path | None, typer.Option(help="File of trained parameters to go on from.")] = None,
    arm: Annotated[str | None, typer.Option(help="Only this arm.")] = None,
    seed: Annotated[int | None, typer.Option(help="Only this seed.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="Train so many steps; makes other trials than the study's. 0: as the study says.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="DeepSpeed workers a trial. 0: as the study says.")] = 0,
    local: Annotated[bool, typer.Option("--local", help="Train in this very process, without Ray.")] = False,
    accept: Annotated[
        str, typer.Option(help="Older code, by its digest, whose results stand: the change since does not affect them.")
    ] = "",
    store: Annotated[str, typer.Option(help="Share frozen features: on (in the runs folder), off, or a folder all nodes see.")] = "",
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database; default: mlflow.db in the runs folder.")] = "",
    address: Annotated[str, typer.Option(help="Ray cluster to join; default: RAY_ADDRESS, or one of its own on this machine.")] = "",
    autoscaling: Annotated[Path | None, typer.Option(help="File of the cluster's autoscaler: trials may wait for its machines.")] = None,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Try trials again whose retries are used up.")] = False,
) -> None:
    """Run what is missing of a study; what is done stays done."""
    from functools import partial

    from rich.console import Console

    from vdit.schedule import cluster, drivers, work
    from vdit.study.snapshot import Snapshot

    if local and accept:
        raise ValueError("--accept is recorded with the study, which --local leaves alone; use one of them")
    runs = Path(context.obj["runs"]).resolve()
    console = Console(quiet=bool(context.obj["quiet"]), soft_wrap=True, highlight=False)
    where = cluster.Cluster(address, cluster.startable(autoscaling))
    make = partial(make_plan, study, runs, {"data": data, "weights": weights, "start": start}, steps, workers, accept, store)
    before = Snapshot.of(study)
    plan = make()
    chosen = choose(plan, arm, seed)
    ready(console, plan, chosen, runs)
    with drivers.claim(runs, plan.study.study, [one.key for one in chosen if not one.done]) as claim:
        plan = work.refreshed(plan, runs)
        chosen = choose(plan, arm, seed)
        mine = work.of(chosen, runs, claim.others, retry_failed)
        work.check_budget(plan, mine.todo, runs, 1 if local else len(mine.todo))
        if local:
            alone(console, plan, mine, runs)
            return
        outcome = together(console, plan, mine, open_record(console, plan, runs, tracking_uri), where)
    for line in before.describe(plan, make, runs / "manifests"):
        console.print(line, markup=False)
    conclude(console, plan, chosen, outcome, runs)


def make_plan(study: str, runs: Path, places: Mapping[str, Path | None], steps: int, workers: int, accept: str, store: str) -> "Plan":
    """The plan of the study as its file is now, with what the command line sets instead; 0 leaves steps and workers to the file."""
    from dataclasses import replace

    from vdit.schedule import sharing
    from vdit.study import plan, spec

    read = spec.read(study, **places)
    train = replace(read.base.train, max_steps=steps) if steps else read.base.train
    launch = read.base.launch
    launch = replace(launch, workers=workers or launch.workers, store=sharing.chosen(store or launch.store))
    return plan.build(replace(read, base=replace(read.base, train=train, launch=launch)), runs, accept=accept)


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


def ready(console: "Console", plan: "Plan", chosen: "list[PlannedTrial]", runs: Path) -> None:
    """Says how much is to do, and what an edit of study, data or code since the last run has done to the trials; checks disk and data."""
    from vdit.schedule import sharing
    from vdit.schedule.run import check_data, check_disk
    from vdit.study import edit

    todo = sum(not planned.done for planned in chosen)
    console.print(f"{plan.study.study}: {len(chosen)} trials, {len(chosen) - todo} done, {todo} to run")
    for line in (*edit.describe_accepted(plan), *edit.describe(edit.changes(plan.last, plan) or ())):
        console.print(line, markup=False)
    if plan.notice:
        console.print(plan.notice, style="yellow")
    check_disk(plan, runs)
    check_data(plan, runs)
    sharing.prepare(plan, runs)


def alone(console: "Console", plan: "Plan", work: "Work", runs: Path) -> None:
    """Every chosen trial that is not done, one after the other, here. Other workers than one make no sense in one process."""
    from vdit.schedule.local import run

    for key, reason in work.failed.items():
        typer.echo(f"vdit: {key[:16]} failed before: {reason}", err=True)
    if work.todo:
        run(work.todo, plan, runs, console)
    console.print(f"results are in {runs / 'trials'}; the next `vdit run` without --local records them")


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


def together(console: "Console", plan: "Plan", work: "Work", record: "Spool", where: "Cluster") -> "Outcome":
    """The study on Ray."""
    from vdit.schedule import cluster, sharing
    from vdit.schedule.reporter import Outcome, Reporter
    from vdit.schedule.run import run
    from vdit.schedule.view import view
    from vdit.schedule.work import at_once, check_budget, settle

    todo = work.todo
    outcome, status = Outcome(), "KILLED"
    try:
        if todo:
            dashboard = cluster.attach(where)
            if dashboard:
                console.print(f"Ray dashboard: {dashboard}", markup=False)
                record.note("vdit.ray.dashboard", dashboard)
            for line in cluster.check(where, [planned.trial for planned in todo], record.runs):
                console.print(line, markup=False)
            check_budget(plan, todo, record.runs, at_once(todo[0].trial.launch, where.startable))
            sharing.check_nodes(todo[0].trial, record.runs)
            names = {planned.key: f"{planned.trial.arm}, seed {planned.trial.seed}" for planned in todo}
            with view(names, console) as shown:
                outcome = run(todo, Reporter(plan, todo, record.runs, record, shown), where.startable)
        status = "FAILED" if outcome.failed or outcome.stopped else "KILLED" if outcome.ended else "FINISHED"
        settle(work, plan, record.runs, outcome)
    finally:
        cluster.leave()
        outcome.unrecorded = record.close(status)
    return outcome


def conclude(console: "Console", plan: "Plan", chosen: "list[PlannedTrial]", outcome: "Outcome", runs: Path) -> None:
    """The last lines and the exit code; trials that ended the same way share a line."""
    from vdit.schedule.standing import INTERRUPTED

    ends = {key: f"failed: {reason}" for key, reason in outcome.failed.items()}
    ends |= {key: f"{'skipped' if end.state == 'SKIPPED' else 'preempted'}: {end.reason}" for key, end in outcome.ended.items()}
    grouped: dict[str, list[PlannedTrial]] = {}
    for planned in chosen:
        if planned.key in ends:
            grouped.setdefault(ends[planned.key], []).append(planned)
    interrupted = not outcome.stopped and any(end.reason == INTERRUPTED for end in outcome.ended.values())
    for end, those in grouped.items():
        if not (interrupted and end.endswith(INTERRUPTED)):
            names = ", ".join(f"{planned.trial.arm} (seed {planned.trial.seed})" for planned in those[:SHOWN])
            more = f" and {len(those) - SHOWN} more" if len(those) > SHOWN else ""
            typer.echo(f"vdit: {names}{more} {end}", err=True)
            if end.startswith("failed: "):
                typer.echo(f"vdit: the whole story is in {logs(those, runs)}", err=True)
    if outcome.unrecorded:
        typer.echo(f"vdit: {outcome.unrecorded}", err=True)
    complete = sum(planned.done or planned.key in outcome.finished for planned in chosen)
    if interrupted:
        raise typer.Abort
    if complete < len(chosen):
        typer.echo(f"vdit: {plan.study.study}: {complete}/{len(chosen)} trials are complete", err=True)
        raise typer.Exit(2 if outcome.bad_input else 1)
    console.print(f"{plan.study.study}: all {len(chosen)} trials are done; vdit tables {plan.study.study} makes the tables")


def logs(failed: "list[PlannedTrial]", runs: Path) -> str:
    """Where the logs of trials are that failed alike; of many the first."""
    paths = [str(runs / "trials" / planned.folder / "log.txt") for planned in failed]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
