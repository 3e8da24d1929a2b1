"""`vdit score`: masks of any method, scored as the public evaluators do."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from vdit.score.result import Options, Result

SHOWN = 10  # problems that a person is shown; --json has all
Protocol = Literal["davis-unsupervised", "davis-semisupervised", "identity", "per-expression"]
Missing = Literal["refuse", "empty"]

Truth = Annotated[Path, typer.Option(help="Folder of the true masks.")]
Predictions = Annotated[Path, typer.Option(help="Folder of the predicted masks.")]
Gaps = Annotated[Missing, typer.Option("--missing", help="A missing mask: refuse, or score it as empty and leave out what truth has not.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print every number at full precision.")]
Out = Annotated[Path | None, typer.Option(help="Parquet file to write, a row per object and frame.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Frames read at a time. [default: one per processor]")]

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Score anyone's predictions by the public evaluators' rules.")


@group.command()
def masks(
    truth: Truth,
    predictions: Predictions,
    protocol: Annotated[Protocol, typer.Option(help="Which frames, objects and matching count.")],
    missing: Gaps = "refuse",
    out: Out = None,
    as_json: AsJson = False,
    threads: Threads = None,
) -> None:
    """Score label maps <video>/<frame>.png, or masks <video>/<expression>/<frame>.png under `per-expression`."""
    from vdit.registry import find

    report(find("score", protocol).score(truth, predictions, options(missing, threads)), out, as_json)


@group.command()
def ref_davis17(
    truth: Truth, predictions: Predictions, missing: Gaps = "refuse", out: Out = None, as_json: AsJson = False, threads: Threads = None
) -> None:
    """Score Ref-DAVIS17: <video>/<frame>.png of label maps under anno_0 ... anno_3 of the predictions."""
    from vdit.score import ref_davis17

    report(ref_davis17.score(truth, predictions, options(missing, threads)), out, as_json)


@group.command()
def ref_youtube_vos(
    data: Annotated[Path, typer.Option(help="Folder of the data set, with Annotations in the split.")],
    predictions: Predictions,
    split: Annotated[str, typer.Option(help="A split whose masks are public.")] = "valid",
    missing: Gaps = "refuse",
    out: Out = None,
    as_json: AsJson = False,
    threads: Threads = None,
) -> None:
    """Score Ref-YouTube-VOS predictions <video>/<expression>/<frame>.png where the masks are public."""
    from vdit.score import ref_youtube_vos

    report(ref_youtube_vos.score(data, predictions, options(missing, threads), split), out, as_json)


def options(missing: Missing, threads: int | None) -> "Options":
    from vdit.score.result import Options

    return Options(missing=missing, threads=threads or os.cpu_count() or 1)


def report(result: "Result", out: Path | None, as_json: bool) -> None:
    """What every way of scoring ends with: the file, then the numbers for a program or a person."""
    import json

    if out is not None:
        from vdit.record import scores

        scores.write(out, result.rows)
    if as_json:
        problems = [problem._asdict() for problem in result.problems]
        typer.echo(json.dumps({**result.numbers, "predictions": [result.found, result.wanted], "problems": problems}, indent=1))
        return
    typer.echo(f"{result.protocol}\n{result.found}/{result.wanted} predictions found")
    typer.echo(result.summary.to_string(float_format="{:.2f}".format, na_rep=""))
    for problem in result.problems[:SHOWN]:
        typer.echo(f"{problem.kind}: {problem}", err=True)
    if len(result.problems) > SHOWN:
        typer.echo(f"and {len(result.problems) - SHOWN} more (--json lists all)", err=True)
