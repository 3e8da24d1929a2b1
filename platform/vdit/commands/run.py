"""`vdit run`: run what a study lacks, on Ray, or one arm in this process."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from vdit.schedule.cluster import Cluster
    from vdit.schedule.run import Outcome
    from vdit.study.plan import Plan, PlannedTrial
    from vdit.study.spec import Study
    from vdit.track.mlflow import MLflow

SHOWN = 5  # of the points of a search


@dataclass(frozen=True)
class Manner:
    """How a study is run. `plan_again` is there for a search alone: it plans the study with the points drawn by then."""

    rehearsal: bool
    plan_again: "Callable[[], Plan] | None"

    def after(self, plan: "Plan", chosen: "list[PlannedTrial]") -> "tuple[Plan, list[PlannedTrial]]":
        """What was run of a study; of a search all the points that it has now."""
        if self.plan_again is None:
            return plan, chosen
        plan = self.plan_again()
        return plan, list(plan.trials)


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
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database; default: mlflow.db in the runs folder.")] = "",
    address: Annotated[str, typer.Option(help="Ray cluster to join; default: RAY_ADDRESS, or one of its own on this machine.")] = "",
    autoscaling: Annotated[Path | None, typer.Option(help="File of the cluster's autoscaler: trials may wait for its machines.")] = None,
    rehearsal: Annotated[bool, typer.Option(help="First take one tiny step of every arm end to end, once.")] = True,
) -> None:
    """Run what is missing of a study; what is done stays done."""
    from rich.console import Console

    from vdit.schedule import cluster
    from vdit.schedule.run import check_data, check_disk
    from vdit.study import plan as planning
    from vdit.study import spec

    if local and accept:
        raise ValueError("--accept is recorded with the study, which --local leaves alone; use one of them")
    runs = Path(context.obj["runs"]).resolve()
    console = Console(quiet=bool(context.obj["quiet"]), soft_wrap=True, highlight=False)
    read = shaped(spec.read(study, data=data, weights=weights, start=start), steps, workers)
    plan = planning.build(read, runs, accept=accept)
    chosen = choose(plan, arm, seed)
    searched = read.search is not None and arm is None
    if searched and local:
        raise ValueError("a search is run by Ray Tune; leave out --local, or name one of its arms with --arm")
    announce(console, plan, chosen)
    check_disk(plan, runs)
    check_data(plan, runs)
    if local:
        alone(console, plan, chosen, runs, rehearsal)
        return
    where = cluster.Cluster(address, cluster.limits(autoscaling))
    record = open_record(console, plan, runs, tracking_uri)
    manner = Manner(rehearsal, (lambda: planning.build(read, runs)) if searched else None)
    outcome = together(console, plan, chosen, record, where, manner)
    plan, chosen = manner.after(plan, chosen)
    conclude(console, plan, chosen, outcome, runs)


def shaped(study: "Study", steps: int, workers: int) -> "Study":
    """With so many steps and workers; 0 leaves what the study says."""
    base = study.base
    train = replace(base.train, max_steps=steps) if steps else base.train
    launch = replace(base.launch, workers=workers) if workers else base.launch
    return replace(study, base=replace(base, train=train, launch=launch))


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


def announce(console: "Console", plan: "Plan", chosen: "list[PlannedTrial]") -> None:
    """How much is to do, and what an edit of study, data or code since the last run has done to the trials."""
    from vdit.study import edit

    todo = sum(not planned.done for planned in chosen)
    console.print(f"{plan.study.study}: {len(chosen)} trials, {len(chosen) - todo} done, {todo} to run")
    for line in (*edit.describe_accepted(plan), *edit.describe(edit.changes(plan.last, plan) or ())):
        console.print(line, markup=False)
    if plan.notice:
        console.print(plan.notice, style="yellow")


def alone(console: "Console", plan: "Plan", chosen: "list[PlannedTrial]", runs: Path, rehearsal: bool) -> None:
    """Every chosen trial that is not done, one after the other, here. Other workers than one make no sense in one process."""
    from vdit.schedule.local import run

    todo = [planned for planned in chosen if not planned.done]
    verdict = run(todo, plan, runs, console, rehearsal) if todo else None
    if verdict is not None and verdict.refused:
        refuse(verdict.refused, verdict.bad_input)
    console.print(f"results are in {runs / 'trials'}; the next `vdit run` without --local records them")


def open_record(console: "Console", plan: "Plan", runs: Path, uri: str) -> "MLflow":
    """MLflow with the study's run open, and with every finished trial that it lacked."""
    from vdit.schedule.run import catch_up, keep_plan
    from vdit.track.mlflow import MLflow, default_uri

    keep_plan(plan, runs)
    record = MLflow(uri or default_uri(runs), runs)
    record.study(plan.document())
    caught = catch_up(plan, runs, record, record.finished())
    if caught:
        console.print(f"{caught} finished trials were not in the record yet; they are now")
    return record


def together(
    console: "Console", plan: "Plan", chosen: "list[PlannedTrial]", record: "MLflow", where: "Cluster", manner: Manner
) -> "Outcome":
    """The study on Ray."""
    from vdit.schedule import cluster
    from vdit.schedule.run import Outcome, run
    from vdit.schedule.view import view

    todo = [planned for planned in chosen if not planned.done]
    outcome, status = Outcome(), "KILLED"
    try:
        if todo or manner.plan_again:
            cluster.attach(where.address)
            cluster.check(plan.trials[0].trial.launch, where.grows)
            outcome = rehearsed(console, plan, todo, record.runs, manner)
        if not outcome.refused and not outcome.interrupted:
            names = {planned.key: f"{planned.trial.arm}, seed {planned.trial.seed}" for planned in todo}
            with view(names, console) as shown:
                if manner.plan_again:
                    from vdit.schedule import search

                    outcome = search.run(plan, record.runs, record, shown, manner.plan_again)
                elif todo:
                    outcome = run(plan, todo, record.runs, record, shown)
        status = "FAILED" if outcome.failed or outcome.refused else "FINISHED"
    finally:
        cluster.leave()
        if not outcome.unrecorded:
            record.close(status)
    return outcome


def rehearsed(console: "Console", plan: "Plan", todo: "list[PlannedTrial]", runs: Path, manner: Manner) -> "Outcome":
    """Every arm's rehearsal; of a search each level's, since its points are not known yet."""
    from vdit.schedule.rehearsal import rehearse
    from vdit.schedule.run import Outcome, run
    from vdit.schedule.view import view
    from vdit.study import plan as planning
    from vdit.study.points import Space
    from vdit.study.rehearsal import Stage
    from vdit.track.memory import Memory

    if not manner.rehearsal:
        return Outcome()
    if manner.plan_again:
        corners = Space(plan.study).corners()
        plan = planning.build(plan.study, runs, more=corners)
        names = {arm.name for arm in (*plan.study.arms, *corners)}
        todo = [planned for planned in plan.trials if not planned.done and names & {planned.trial.arm, *planned.shared_with}]

    def perform(plan: "Plan", short: "Sequence[PlannedTrial]", place: Path) -> Outcome:
        with view({planned.key: f"rehearsal of {planned.trial.arm}" for planned in short}, console) as shown:
            return run(plan, short, place, Memory(), shown)

    verdict = rehearse(Stage(plan, todo, runs, plan.trials[0].trial.launch.workers), perform)
    return Outcome(refused=verdict.refused, bad_input=verdict.bad_input, interrupted=verdict.unfinished)


def refuse(reasons: "Sequence[str]", bad_input: bool) -> None:
    """Nothing was started."""
    for reason in reasons:
        typer.echo(f"vdit: {reason}", err=True)
    raise typer.Exit(2 if bad_input else 1)


def conclude(console: "Console", plan: "Plan", chosen: "list[PlannedTrial]", outcome: "Outcome", runs: Path) -> None:
    """The last lines and the exit code; trials that failed of the same share a line."""
    from vdit.study.points import stopped

    reasons: dict[str, list[str]] = {}
    for planned in chosen:
        if planned.key in outcome.failed:
            reasons.setdefault(outcome.failed[planned.key], []).append(f"{planned.trial.arm} (seed {planned.trial.seed})")
    for reason, names in reasons.items():
        typer.echo(f"vdit: {', '.join(names)} failed: {reason}", err=True)
    if outcome.unrecorded:
        typer.echo(f"vdit: {outcome.unrecorded}", err=True)
    if outcome.refused:
        refuse(outcome.refused, outcome.bad_input)
    if outcome.failed:
        raise typer.Exit(2 if outcome.bad_input else 1)
    skipped = {planned.key for planned in chosen if planned.key in stopped(plan.study, runs)}
    if outcome.interrupted or any(not (planned.done or planned.key in outcome.finished | skipped) for planned in chosen):
        raise typer.Abort
    ended = f"; {len(skipped)} were ended early by ASHA" if skipped else ""
    console.print(f"{plan.study.study}: all {len(chosen)} trials are done{ended}; vdit tables {plan.study.study} makes the tables")
    for line in best(plan, runs):
        console.print(line, markup=False)


def best(plan: "Plan", runs: Path) -> list[str]:
    """The best points of a search; nothing where it is none."""
    import json

    search = plan.study.search
    if search is None:
        return []
    done = [planned for planned in plan.trials if planned.done]
    files = {planned.trial.arm: runs / "trials" / planned.folder / "result.json" for planned in done}
    values = {arm: float(json.loads(file.read_bytes())["metrics"][search.metric]) for arm, file in files.items()}
    order = sorted(values, key=lambda arm: values[arm], reverse=search.mode == "max")
    return [f"  {search.metric} {values[arm]:.4g}: {arm}" for arm in order[:SHOWN]]
