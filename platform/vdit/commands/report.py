"""`vdit report STUDY`: one self-contained HTML page."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="Name of a study that has been run, or its file.")],
    tracking_uri: Annotated[
        str, typer.Option(help="MLflow server or database, or a folder of report --to. [default: sqlite:///RUNS/mlflow.db]")
    ] = "",
    published: Annotated[str, typer.Option(help="Folder of the paper's tables as CSV. [default: experiments/published]")] = "",
    to: Annotated[str, typer.Option(help="Write to this folder, and with it the rows behind the numbers as Parquet files.")] = "",
) -> None:
    """Write a study's page, with its tables and figures, and print its path. Exit code 3 when trials are missing."""
    from vdit.track.mlflow import default_uri
    from vdit_analysis import archive, outputs, report
    from vdit_analysis.published import folder
    from vdit_analysis.runs import load, study_name

    runs_folder = Path(context.obj["runs"])
    runs = load(study_name(study), tracking_uri or default_uri(runs_folder))
    made = outputs.build(runs, folder(published))
    target = Path(to) if to else runs_folder / "studies" / runs.study
    outputs.write(made, target)
    if to:
        archive.write(runs, target)
    print(report.write(runs, made, target))
    if not made.complete:
        raise typer.Exit(3)
