"""`vdit weights`: weights that others published, in the files of this project."""

from pathlib import Path
from typing import Annotated

import typer

SHOWN = 10  # failures of a case that are repeated below its rows
group = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Convert published weights; verify that they compute what was recorded."
)


@group.command()
def convert(
    context: typer.Context,
    checkpoint: Annotated[Path, typer.Argument(help="File of the released VD-IT or SgMg, or folder of text-to-video-ms-1.7b.")],
    to: Annotated[Path, typer.Option(help="Folder to write, new or written by this command before.")],
    image_tower: Annotated[Path | None, typer.Option(help="For a folder: CLIP ViT-H/14. [default: CHECKPOINT/image_tower]")] = None,
    roberta: Annotated[Path | None, typer.Option(help="roberta-base. [default: CHECKPOINT/roberta] For a file: to compare with.")] = None,
) -> None:
    """Write published weights as safetensors with a manifest, and refuse what does not fit (docs/weights.md)."""
    from vdit.weights.convert import convert as write

    quiet = bool(context.obj["quiet"])
    write(checkpoint, to, image_tower, roberta, (lambda _: None) if quiet else typer.echo)
    typer.echo(str(to))


@group.command()
def verify(
    cases: Annotated[list[Path], typer.Argument(help="Recorded runs, as .safetensors.")],
    config: Annotated[Path, typer.Option(help="Configuration of the recorded model, as JSON.")],
    weights: Annotated[Path, typer.Option(help="Its state dict under the released names.")],
) -> None:
    """Compare every recorded value, loss and gradient of a released model with ours; exit code 1 where one differs by too much."""
    from vdit.weights.verify import failures
    from vdit.weights.verify import verify as compare

    wrong = 0
    for path, rows in compare(config, weights, cases):
        width = max(len(row.name) for row in rows)
        typer.echo(f"{path}\n{'':{width}}   max abs  relative")
        for row in rows:
            typer.echo(
                f"{row.name:{width}}  {row.absolute:8.1e}  {row.relative:8.1e}  {row.remark or ('' if row.met else 'differs')}".rstrip()
            )
        found = failures(rows)
        wrong += len(found)
        typer.echo(f"{path.name}: {len(rows)} recorded values, {len(found)} that differ")
        for line in found[:SHOWN]:
            typer.echo(f"vdit: {path.name}: {line}", err=True)
        if len(found) > SHOWN:
            typer.echo(f"vdit: {path.name}: and {len(found) - SHOWN} more", err=True)
    if wrong:
        raise typer.Exit(1)
