"""`vdit status`: how each trial of a study stands, read off the runs folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console, RenderableType

    from vdit.study.plan import Plan, PlannedTrial

SHOWN_TRIALS = 200


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the frozen networks' checkpoint.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it until all are done, or Ctrl-C.")] = False,
) -> None:
    """Show which trials are done, failed, begun or missing."""
    from rich.console import Console

    from vdit.study import plan as planning
    from vdit.study import spec

    runs = Path(context.obj["runs"])
    plan = planning.build(spec.read(study, data=data, weights=weights), runs)
    console = Console(highlight=False)
    if watch:
        go_on(plan, runs, console)
        return
    console.print(*shown(plan, {planned.key: state(planned, runs) for planned in plan.trials}), sep="\n")


def go_on(plan: "Plan", runs: Path, console: "Console") -> None:
    """Until all are done; Ctrl-C ends it without a word, since it interrupts nothing."""
    from vdit.schedule.following import follow
    from vdit.study import plan as planning

    def look() -> dict[str, str]:
        return {planned.key: state(planned, runs) for planned in planning.again(plan, runs).trials}

    names = {planned.key: f"{planned.trial.arm}, seed {planned.trial.seed}" for planned in plan.trials}
    try:
        follow(look, names, lambda states: shown(plan, states), console)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def shown(plan: "Plan", states: "Mapping[str, str]") -> "list[RenderableType]":
    """A table of the trials that are not missing, of many the first, and the numbers of all."""
    from collections import Counter

    from rich.table import Table

    table = Table("trial", "state", "folder")
    there = [planned for planned in plan.trials if states[planned.key] != "missing"][:SHOWN_TRIALS]
    for planned in there:
        names = " = ".join([planned.trial.arm, *planned.shared_with])
        table.add_row(f"{names}, seed {planned.trial.seed}", states[planned.key], f"trials/{planned.folder}")
    counts = Counter(word.split(":")[0] for word in states.values())
    numbers = f"{plan.study.study}: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) + f", of {len(plan.trials)}"
    return [table, numbers] if there else [numbers]


def state(planned: "PlannedTrial", runs: Path) -> str:
    """done, failed (with its reason), begun, or missing."""
    import json

    folder = runs / "trials" / planned.folder
    if planned.done:
        return "done"
    if (folder / "failure.json").exists():
        return f"failed: {json.loads((folder / 'failure.json').read_text())['reason']}"
    return "begun" if (folder / "checkpoint").exists() else "missing"
