"""`vdit forget`: remove a trial's folder and its run, so that it runs again."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    arm: Annotated[str, typer.Option(help="Name of the arm.")],
    seed: Annotated[int, typer.Option(help="Its seed.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[str | None, typer.Option(help="Folder of the frozen networks, shipped:NAME, or '' for random ones.")] = None,
    start: Annotated[Path | None, typer.Option(help="File of trained parameters to go on from.")] = None,
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database; default: mlflow.db in the runs folder.")] = "",
) -> None:
    """Forget one trial: its folder, its run in MLflow, for every study that shares it."""
    import shutil

    from vdit.commands.run import choose
    from vdit.schedule import drivers
    from vdit.schedule.stops import resume
    from vdit.study import plan as planning
    from vdit.study import spec
    from vdit.track.mlflow import MLflow, default_database, default_uri

    runs = Path(context.obj["runs"]).resolve()
    plan = planning.build(spec.read(study, data=data, weights=weights, start=start), runs)
    (planned,) = choose(plan, arm, seed)
    for driver in drivers.alive(runs / drivers.FOLDER):
        if planned.folder in driver.trials:
            raise ValueError(f"{driver} runs {arm}, seed {seed}; end it first, or wait for it")
    folder = runs / "trials" / planned.folder
    known = folder.exists()
    # Opened, a database that is not there would be made.
    if tracking_uri or default_database(runs).exists():
        MLflow(tracking_uri or default_uri(runs), runs).forget(planned.key)
    # The result goes first: from here on the trial is not done, whatever happens to the rest.
    (folder / "result.json").unlink(missing_ok=True)
    if known:
        shutil.rmtree(folder)
    # Its point may have been ended early and trained to its end by another study: then it is done, and would be left out from now on.
    if plan.study.search is not None:
        resume(plan.study, runs, planned.key)
    typer.echo(f"forgot {arm}, seed {seed} (trials/{planned.folder})" if known else f"{arm}, seed {seed} had no results; nothing to forget")
