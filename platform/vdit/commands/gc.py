"""`vdit gc`: remove from the runs folder what no study uses."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    context: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only listed.")] = False,
) -> None:
    """List what no study under runs/studies uses, with its size, and remove it with --yes.

    These are trials of no plan, checkpoints that no study keeps, rehearsals that failed or are of no plan, and leftovers of killed runs.
    Nothing goes that a run may be writing.
    """
    from vdit.commands.plan import size
    from vdit.schedule import garbage

    runs = Path(context.obj["runs"])
    if not runs.is_dir():
        raise ValueError(f"{runs}: no such folder; name the folder of runs with --runs DIR")
    pieces = garbage.find(runs)
    if pieces and not (runs / "studies").is_dir():
        raise ValueError(f"{runs} has no studies, so that every trial would go; name the folder of runs with --runs DIR")
    for piece in pieces:
        typer.echo(f"{size(piece.bytes):>10}  {piece.path.relative_to(runs)}  ({piece.why})")
    total = size(sum(piece.bytes for piece in pieces))
    if not yes:
        typer.echo(f"{len(pieces)} can go, {total}" + ("; vdit gc --yes removes them" if pieces else ""))
        return
    for piece in pieces:
        garbage.remove(piece)
    typer.echo(f"{len(pieces)} removed, {total}")
