"""`vdit data`: data sets as they are distributed, made ready and checked."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make data sets ready for training and evaluation.")
prepare = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Convert a data set to the files that are read.")
group.add_typer(prepare, name="prepare")


@prepare.command()
def davis(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder with DAVIS (davis_semantics.json in it) and davis_text_annotations.")],
    to: Annotated[Path, typer.Argument(help="Folder to write Ref-DAVIS17 to.")],
    copy: Annotated[bool, typer.Option("--copy", help="Copy frames and masks. [default: hard links, which need no space]")] = False,
) -> None:
    """Ref-DAVIS17 in the layout of Ref-YouTube-VOS, from DAVIS 2017 and the text files of its expressions."""
    from vdit.prepare import davis as conversion

    report(context, conversion.prepare(source, to, copy))


@prepare.command()
def refcoco(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder with refcoco, refcoco+ or refcocog: refs(unc|umd).p and instances.json.")],
    to: Annotated[Path | None, typer.Option(help="Folder to write to. [default: SOURCE]")] = None,
) -> None:
    """The JSONs of RefCOCO, RefCOCO+ and RefCOCOg, a sentence an image, from their pickles; no code in a pickle is run."""
    from vdit.prepare import refcoco as conversion

    report(context, conversion.prepare(source, to or source))


@prepare.command(name="held-out")
def held_out(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder of Ref-YouTube-VOS.")],
) -> None:
    """The splits held_out (200 videos of train) and train_without_held_out of Ref-YouTube-VOS."""
    from vdit.prepare import held_out as conversion

    report(context, conversion.prepare(folder))


@prepare.command(name="side-by-side")
def side_by_side(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder in the layout of Ref-YouTube-VOS whose sentences name one object a video.")],
    to: Annotated[Path, typer.Argument(help="Folder to write to, in the same layout.")],
    height: Annotated[int, typer.Option(min=0, help="Resize frames and masks to this height. 0: as they are.")] = 0,
) -> None:
    """Two videos of a split side by side, with the sentences of both, so that a sentence has to choose."""
    from vdit.prepare import side_by_side as conversion

    report(context, conversion.prepare(source, to, height))


def report(context: typer.Context, lines: Iterable[str]) -> None:
    """A conversion runs as its lines are taken."""
    for line in lines:
        if not context.obj["quiet"]:
            typer.echo(line)


@group.command()
def check(
    context: typer.Context,
    benchmark: Annotated[str, typer.Argument(help="A file of vdit/benchmarks: ref_youtube_vos, refcoco ...")],
    folder: Annotated[Path, typer.Argument(help="The folder that `vdit run --data` takes.")],
    split: Annotated[list[str] | None, typer.Option(help="Split to read, repeatable. [default: all that have masks]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print counts, problems and digest as JSON.")] = False,
) -> None:
    """Read everything of a data set once; list every problem, with exit code 1, and keep its digest for `vdit plan` and `vdit run`."""
    import json
    from dataclasses import asdict

    from rich.console import Console
    from rich.progress import Progress

    from vdit.prepare.check import check as read

    with Progress(console=Console(stderr=True), disable=bool(context.obj["quiet"]) or as_json, transient=True) as shown:
        task = shown.add_task("")
        report = read(
            benchmark,
            folder,
            tuple(split or ()),
            Path(context.obj["runs"]) / "manifests",
            lambda name, done, known: shown.update(task, description=name, completed=done, total=known),
        )
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=1, ensure_ascii=False))
    else:
        for problem in report.problems:
            typer.echo(f"{problem.split}: {problem.message}" if problem.split else problem.message)
        for name, read_of in report.splits.items():
            counted = f"{read_of.videos} videos, {read_of.expressions} expressions, {read_of.frames} frames, {read_of.masks} masks"
            typer.echo(f"{name}: {counted} read")
        typer.echo(f"{len(report.problems)} problems" + (f", digest {report.digest[:16]}" if report.digest else ""))
    if report.problems:
        raise typer.Exit(1)
