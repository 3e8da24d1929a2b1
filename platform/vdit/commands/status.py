"""`vdit status`: how each trial of a study stands, read off the runs folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vdit.study.plan import PlannedTrial


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Folder of the frozen networks' checkpoint.")] = None,
) -> None:
    """Show which trials are done, failed, begun or missing."""
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from vdit.study import plan as planning
    from vdit.study import spec
    from vdit.study.points import stopped

    runs = Path(context.obj["runs"])
    plan = planning.build(spec.read(study, data=data, weights=weights), runs)
    skipped = stopped(plan.study, runs)
    states = {planned.key: state(planned, runs, skipped) for planned in plan.trials}
    table = Table("trial", "state", "folder")
    shown = [planned for planned in plan.trials if states[planned.key] != "missing"][:200]
    for planned in shown:
        names = " = ".join([planned.trial.arm, *planned.shared_with])
        table.add_row(f"{names}, seed {planned.trial.seed}", states[planned.key], f"trials/{planned.folder}")
    console = Console(highlight=False)
    if shown:
        console.print(table)
    counts = Counter(word.split(":")[0] for word in states.values())
    console.print(
        f"{plan.study.study}: " + ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) + f", of {len(plan.trials)}"
    )


def state(planned: "PlannedTrial", runs: Path, skipped: "Mapping[str, str]") -> str:
    """done, failed or skipped (with the reason), begun, or missing."""
    import json

    folder = runs / "trials" / planned.folder
    if planned.done:
        return "done"
    if planned.key in skipped:
        return f"skipped: {skipped[planned.key]}"
    if (folder / "failure.json").exists():
        return f"failed: {json.loads((folder / 'failure.json').read_text())['reason']}"
    return "begun" if (folder / "checkpoint").exists() else "missing"
