"""`vdit weights`: weights that others published, in the files of this project."""

from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Convert published weights.")


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
