"""`vdit tables STUDY`: the paper's tables and figures from what MLflow has recorded."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vdit_analysis.outputs import Outputs


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="Name of a study that has been run, or its file.")],
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow server or database, or a folder of report --to. [default: sqlite:///RUNS/mlflow.db]")
    ] = "",
    published: Annotated[str, typer.Option(help="Folder of the paper's tables as CSV. [default: experiments/published]")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print every number of the tables, with intervals, as JSON.")] = False,
    trace: Annotated[str, typer.Option(help="Print where one number comes from, for instance table3:VD-IT:JF, and write nothing.")] = "",
) -> None:
    """Write a study's tables and figures, and print the tables. Exit code 3 when trials are missing."""
    from vdit.track.mlflow import default_uri
    from vdit_analysis import export, outputs
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
    if as_json:
        content = {"study": runs.study, "notice": runs.notice, "complete": made.complete, "tables": [*map(export.as_json, made.tables)]}
        print(json.dumps(content, indent=1, ensure_ascii=False))
    else:
        show(made, runs.notice, () if context.obj["quiet"] else written)
    if not made.complete:
        raise typer.Exit(3)


def show(made: "Outputs", notice: str, written: "tuple[Path, ...]") -> None:
    """For a person."""
    from rich.console import Console

    from vdit_analysis import terminal

    console = Console(highlight=False)
    if notice:
        console.print(f"{notice}\n", style="bold yellow", markup=False)
    for table in made.tables:
        terminal.show(table, console)
    for path in written:
        print(path)
