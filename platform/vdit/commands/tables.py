"""`vdit tables STUDY`: the paper's tables and figures from what MLflow has recorded."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="Name of a study that has been run, or its file.")],
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database. [default: sqlite:///RUNS/mlflow.db]")] = "",
    published: Annotated[str, typer.Option(help="Folder of the paper's tables as CSV. [default: experiments/published]")] = "",
    trace: Annotated[str, typer.Option(help="Print where one number comes from, for instance table3:VD-IT:JF, and write nothing.")] = "",
) -> None:
    """Write a study's tables and figures, and print the tables. Exit code 3 when trials are missing."""
    from rich.console import Console

    from vdit.track.mlflow import default_uri
    from vdit_analysis import outputs, terminal
    from vdit_analysis import trace as tracing
    from vdit_analysis.published import folder
    from vdit_analysis.runs import load, study_name

    runs_folder = Path(context.obj["runs"])
    runs = load(study_name(study), tracking_uri or default_uri(runs_folder))
    if trace:
        print(tracing.trace(runs, outputs.tables(runs, folder(published)), trace))
        return
    made = outputs.build(runs, folder(published))
    written = outputs.write(made, runs_folder / "studies" / runs.study)
    console = Console(highlight=False)
    if runs.notice:
        console.print(f"{runs.notice}\n", style="bold yellow", markup=False)
    for table in made.tables:
        terminal.show(table, console)
    if not context.obj["quiet"]:
        for path in written:
            print(path)
    if not made.complete:
        raise typer.Exit(3)
