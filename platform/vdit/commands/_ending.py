"""The last lines of `vdit run`, and its exit code."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.schedule.reporter import Outcome
    from vdit.study.plan import Plan, PlannedTrial

SHOWN = 6


def conclude(console: "Console", plan: "Plan", chosen: "Sequence[PlannedTrial]", outcome: "Outcome", searched: bool, runs: Path) -> None:
    """Trials that ended the same way share a line. Of what was `searched` points may have been ended early; none may be undrawn."""
    from vdit.schedule.standing import INTERRUPTED

    pruned, undrawn = plan.pruned if searched else {}, plan.undrawn if searched else 0
    cut = any(end.reason == INTERRUPTED for end in outcome.ended.values()) or bool(undrawn)
    interrupted = cut and not outcome.stopped and not outcome.refused
    for reason in outcome.refused:
        typer.echo(f"vdit: {reason}", err=True)
    for end, those in grouped([planned for planned in chosen if planned.key not in pruned], outcome).items():
        if not (interrupted and end.endswith(INTERRUPTED)):
            typer.echo(f"vdit: {names(those)} {end}", err=True)
            if end.startswith("failed: "):
                typer.echo(f"vdit: the whole story is in {logs(those, runs)}", err=True)
    if outcome.unrecorded:
        typer.echo(f"vdit: {outcome.unrecorded}", err=True)
    if interrupted:
        raise typer.Abort
    complete = sum(planned.done or planned.key in outcome.finished for planned in chosen)
    early = sum(planned.key in pruned and not planned.done for planned in chosen)
    if complete + early < len(chosen) or outcome.stopped or outcome.refused:
        points = f", {undrawn} points are not drawn yet" if undrawn else ""
        why = f" ({outcome.stopped})" if outcome.stopped else ""
        typer.echo(f"vdit: {plan.study.study}: {complete}/{len(chosen)} trials are complete{points}{why}", err=True)
        raise typer.Exit(2 if outcome.bad_input else 1)
    told = f"; {early} of them were ended early" if early else ""
    console.print(f"{plan.study.study}: all {len(chosen)} trials are done{told}; vdit tables {plan.study.study} makes the tables")
    for line in (*best(plan, runs), *outside(chosen, runs)):
        console.print(line, markup=False)


def status(plan: "Plan", outcome: "Outcome", searched: bool) -> str:
    """How the study's run in MLflow ends."""
    if outcome.failed or outcome.stopped or outcome.refused:
        return "FAILED"
    pruned, undrawn = plan.pruned if searched else {}, plan.undrawn if searched else 0
    return "KILLED" if undrawn or outcome.ended.keys() - pruned.keys() else "FINISHED"


def grouped(chosen: "Sequence[PlannedTrial]", outcome: "Outcome") -> "dict[str, list[PlannedTrial]]":
    """Trials without a result, by what became of them. Where the rehearsal refused all of them that has been said."""
    ends = {key: f"failed: {reason}" for key, reason in outcome.failed.items()}
    if not outcome.refused:
        ends |= {key: f"{'skipped' if end.state == 'SKIPPED' else 'preempted'}: {end.reason}" for key, end in outcome.ended.items()}
    found: dict[str, list[PlannedTrial]] = {}
    for planned in chosen:
        if planned.key in ends:
            found.setdefault(ends[planned.key], []).append(planned)
    return found


def names(trials: "Sequence[PlannedTrial]") -> str:
    """Of many the first."""
    shown = ", ".join(f"{planned.trial.arm} (seed {planned.trial.seed})" for planned in trials[:SHOWN])
    return shown + (f" and {len(trials) - SHOWN} more" if len(trials) > SHOWN else "")


def logs(failed: "Sequence[PlannedTrial]", runs: Path) -> str:
    """Where the logs of trials are that failed alike; of many the first."""
    paths = [str(runs / "trials" / planned.folder / "log.txt") for planned in failed]
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def best(plan: "Plan", runs: Path) -> list[str]:
    """The best points of a search; nothing where it is none."""
    from vdit.study.search import objective

    search = plan.study.search
    if search is None:
        return []
    files = {planned.trial.arm: runs / "trials" / planned.folder / "result.json" for planned in plan.trials if planned.done}
    values = {arm: objective(search, file) for arm, file in files.items()}
    order = sorted(values, key=lambda arm: values[arm], reverse=search.mode == "max")
    return [f"  {search.metric} {values[arm]:.4g}: {arm}" for arm in order[:SHOWN]]


def outside(chosen: "Sequence[PlannedTrial]", runs: Path) -> list[str]:
    """Which share of the trials' time was not the model's; nothing where their results do not say."""
    import json

    files = (runs / "trials" / planned.folder / "result.json" for planned in chosen)
    results = [json.loads(file.read_bytes()) for file in files if file.is_file()]
    told = [(result["seconds"], result["model_seconds"]) for result in results if "model_seconds" in result]
    if not told:
        return []
    seconds, model = map(sum, zip(*told, strict=True))
    return [f"  {1 - model / seconds:.0%} of the trials' time was outside the model: loading, scoring, logging, checkpoints"]
