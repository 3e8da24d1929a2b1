"""`vdit status`: how each trial of a study stands, read off the runs folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, RenderableType

    from vdit.schedule.standing import Standing
    from vdit.study.plan import Plan

SHOWN = 200


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[str | None, typer.Option(help="Folder of the frozen networks, shipped:NAME, or '' for random ones.")] = None,
    start: Annotated[Path | None, typer.Option(help="File of trained parameters to go on from.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print every trial as JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it until every trial has ended and nobody runs the study.")] = False,
) -> None:
    """Show which trials are complete, failed, skipped, preempted, running or only planned, and why."""
    import json

    from rich.console import Console

    from vdit.schedule import standing
    from vdit.study import plan as planning
    from vdit.study import spec

    runs = Path(context.obj["runs"])
    plan = planning.build(spec.read(study, data=data, weights=weights, start=start), runs)
    console = Console(highlight=False)
    if watch:
        go_on(plan, runs, console)
        return
    found = list(standing.of(plan, runs))
    if as_json:
        typer.echo(json.dumps(document(plan, found, runs), indent=1, ensure_ascii=False))
        return
    for part in shown(plan, found, runs):
        console.print(part, markup=False, soft_wrap=isinstance(part, str))


def go_on(plan: "Plan", runs: Path, console: "Console") -> None:
    """Until the study is over; Ctrl-C ends it without a word, since it interrupts nothing."""
    from vdit.schedule import standing
    from vdit.schedule.following import Seen, follow
    from vdit.study import plan as planning

    found: list[Standing] = []

    def look() -> Seen:
        latest[0] = planning.again(plan, runs)
        found[:] = standing.of(latest[0], runs)
        names.update({one.trial.key: f"{one.trial.trial.arm}, seed {one.trial.trial.seed}" for one in found})
        states = {one.trial.key: f"{one.state}: {one.reason}" if one.reason else one.state for one in found}
        return Seen(states, bool(driver_of(latest[0], runs)), latest[0].undrawn)

    names: dict[str, str] = {}
    latest = [plan]
    try:
        follow(look, names, lambda _: shown(latest[0], found, runs), console)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def document(plan: "Plan", found: "Sequence[Standing]", runs: Path) -> dict[str, object]:
    """The study's counts and drivers, then a row per trial."""
    driver = driver_of(plan, runs)
    return {
        "study": plan.study.study,
        "complete": sum(one.state == "COMPLETE" for one in found),
        "planned": len(found),
        "counts": counts(found),
        "driver": driver,
        "undrawn": plan.undrawn,
        "trials": [one.row() for one in found],
    }


def shown(plan: "Plan", found: "Sequence[Standing]", runs: Path) -> "list[RenderableType]":
    """Trials that were touched, the first of them, then n/N."""
    from rich.markup import escape
    from rich.table import Table

    table = Table("trial", "state", "lost", box=None, pad_edge=False)
    table.add_column("folder", no_wrap=True)
    table.add_column("why", overflow="fold")
    told = [one for one in found if one.state != "PLANNED"]
    # What needs a look comes first.
    told.sort(key=lambda one: one.state == "COMPLETE")
    for one in told[:SHOWN]:
        names = escape(" = ".join([one.trial.trial.arm, *one.trial.shared_with]))
        tries = str(one.lost + one.errors) if one.lost + one.errors else ""
        table.add_row(f"{names}, seed {one.trial.trial.seed}", one.state, tries, f"trials/{one.trial.folder}", escape(one.reason))
    parts: list[RenderableType] = [table] if told else []
    if len(told) > SHOWN:
        parts.append(f"... and {len(told) - SHOWN} more (--json lists all)")
    driver = driver_of(plan, runs)
    if driver:
        parts.append(f"running: {driver}")
    complete = sum(one.state == "COMPLETE" for one in found)
    rest = ", ".join(f"{count} {state}" for state, count in counts(found).items() if state != "COMPLETE")
    points = f"; {plan.undrawn} points are not drawn yet" if plan.undrawn else ""
    return [*parts, f"{plan.study.study}: {complete}/{len(found)} COMPLETE{', ' if rest else ''}{rest}{points}"]


def counts(found: "Sequence[Standing]") -> dict[str, int]:
    """How many trials are in each state, in the order of the states."""
    from collections import Counter
    from typing import get_args

    from vdit.schedule.standing import State

    known = Counter(one.state for one in found)
    return {state: known[state] for state in get_args(State) if known[state]}


def driver_of(plan: "Plan", runs: Path) -> str:
    """Who runs the study now; "" where nobody does."""
    from vdit.schedule import drivers

    return next((str(driver) for driver in drivers.alive(runs / drivers.FOLDER) if driver.study == plan.study.study), "")
