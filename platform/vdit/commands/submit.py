"""`vdit submit`: a benchmark's server: the archive it takes, and the scores it gives back."""

from pathlib import Path
from typing import Annotated

import typer

SHOWN = 10  # problems that are printed; the rest are counted
group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Pack predictions for a benchmark's server; read its score log.")


@group.command("zip")
def zip_(
    predictions: Annotated[Path, typer.Argument(help="Folder that vdit predict wrote.")],
    data: Annotated[Path, typer.Option(help="Folder of the benchmark.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    benchmark: Annotated[str, typer.Option(help="ref_youtube_vos or mevis.")] = "ref_youtube_vos",
    split: Annotated[str, typer.Option(help="The split that was predicted.")] = "valid",
) -> None:
    """Check that every listed mask is there and right, and zip them; exit code 1, and no file, where one is not."""
    from vdit.submit.formats import packer as find

    packer = find(benchmark)
    listing = packer.listing(data, split)
    problems = packer.pack(predictions, listing, out)
    for problem in problems[:SHOWN]:
        typer.echo(f"vdit: {problem}", err=True)
    if problems:
        more = f", {len(problems) - SHOWN} more than shown" if len(problems) > SHOWN else ""
        typer.echo(f"vdit: {len(problems)} problems{more}; {out} is not written", err=True)
        raise typer.Exit(1)
    expressions = sum(len(video.expressions) for video in listing.videos)
    masks = sum(len(video.expressions) * len(video.frames) for video in listing.videos)
    typer.echo(f"{out}: {len(listing.videos)} videos, {expressions} expressions, {masks} masks, {out.stat().st_size / 1e6:.1f} MB")


@group.command("import-log")
def import_log(
    file: Annotated[Path, typer.Argument(help="The server's score log, stdout.txt.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
) -> None:
    """Turn a server's score log into a table of video, expression, frame, j, f, and print its means."""
    from vdit.metrics.components import measure
    from vdit.submit import score_log

    table = score_log.read(file)
    score_log.write(out, table)
    means = measure(table)
    expressions = len(table.groupby(["video", "expression"]))
    typer.echo(f"{out}: {table['video'].nunique()} videos, {expressions} expressions, {len(table)} frames")
    typer.echo(f"J&F {means.jf:.2f}  J {means.j:.2f}  F {means.f:.2f} (means over frames, then expressions)")
