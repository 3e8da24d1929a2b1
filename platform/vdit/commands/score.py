"""`vdit score`: masks of any method, scored as the public evaluators do."""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from vdit.score.log import Scored
    from vdit.score.result import Options, Result

SHOWN = 10  # problems that a person is shown; --json has all
# Which of the paper's tables have a row for what was scored (docs/scoring.md).
TABLES = {
    "per-expression": "Tables 1, 3, 5 and 6",
    "ref-youtube-vos": "Tables 1, 3, 5 and 6",
    "ref-davis17": "Table 1",
    "detections": "Tables 2 and 4",
}
BY_OBJECT = "the paper's tables are of expressions, and show nothing that was scored object by object"
Protocol = Literal["davis-unsupervised", "davis-semisupervised", "identity", "per-expression"]
Missing = Literal["refuse", "empty"]

Truth = Annotated[Path, typer.Option(help="Folder of the true masks.")]
Predictions = Annotated[Path, typer.Option(help="Folder of the predicted masks.")]
Gaps = Annotated[Missing, typer.Option("--missing", help="A missing mask: refuse, or score it as empty and leave out what truth has not.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print every number at full precision.")]
Out = Annotated[Path | None, typer.Option(help="Parquet file to write, a row per object and frame.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Frames read at a time. [default: one per processor]")]

Log = Annotated[str, typer.Option(help="Record the numbers in MLflow as this method's, for the tables of studies that list it.")]
Seed = Annotated[int, typer.Option(min=0, help="With --log: which replicate of the method this is.")]
Uri = Annotated[str, typer.Option(help="With --log: MLflow server or database. [default: sqlite:///RUNS/mlflow.db]")]

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Score anyone's predictions by the public evaluators' rules.")


@group.command()
def masks(
    context: typer.Context,
    truth: Truth,
    predictions: Predictions,
    protocol: Annotated[Protocol, typer.Option(help="Which frames, objects and matching count.")],
    missing: Gaps = "refuse",
    out: Out = None,
    as_json: AsJson = False,
    threads: Threads = None,
    log: Log = "",
    seed: Seed = 0,
    tracking_uri: Uri = "",
) -> None:
    """Score label maps <video>/<frame>.png, or masks <video>/<expression>/<frame>.png under `per-expression`."""
    from vdit.registry import find
    from vdit.score.log import Scored

    admit(out, "scores")
    result = find("score", protocol).score(truth, predictions, options(missing, threads))
    report(result, out, as_json)
    if log:
        record(context, Scored(protocol, truth, predictions, "scores", result), log, seed, tracking_uri)


@group.command()
def ref_davis17(
    context: typer.Context,
    truth: Truth,
    predictions: Predictions,
    missing: Gaps = "refuse",
    out: Out = None,
    as_json: AsJson = False,
    threads: Threads = None,
    log: Log = "",
    seed: Seed = 0,
    tracking_uri: Uri = "",
) -> None:
    """Score Ref-DAVIS17: <video>/<frame>.png of label maps under anno_0 ... anno_3 of the predictions."""
    from vdit.score import ref_davis17
    from vdit.score.log import Scored

    admit(out, "scores")
    result = ref_davis17.score(truth, predictions, options(missing, threads))
    report(result, out, as_json)
    if log:
        record(context, Scored("ref-davis17", truth, predictions, "scores", result), log, seed, tracking_uri)


@group.command()
def ref_youtube_vos(
    context: typer.Context,
    data: Annotated[Path, typer.Option(help="Folder of the data set, with Annotations in the split.")],
    predictions: Predictions,
    split: Annotated[str, typer.Option(help="A split whose masks are public.")] = "valid",
    missing: Gaps = "refuse",
    out: Out = None,
    as_json: AsJson = False,
    threads: Threads = None,
    log: Log = "",
    seed: Seed = 0,
    tracking_uri: Uri = "",
) -> None:
    """Score Ref-YouTube-VOS predictions <video>/<expression>/<frame>.png where the masks are public."""
    from vdit.score import ref_youtube_vos
    from vdit.score.log import Scored

    admit(out, "scores")
    result = ref_youtube_vos.score(data, predictions, options(missing, threads), split)
    report(result, out, as_json)
    if log:
        record(context, Scored(f"ref-youtube-vos {split}", data, predictions, "scores", result), log, seed, tracking_uri)


@group.command()
def detections(
    context: typer.Context,
    truth: Annotated[Path, typer.Option(help="Ground truth as COCO JSON, one annotation an image.")],
    predictions: Annotated[Path, typer.Option(help="Results as COCO JSON: image_id, score and segmentation of every query.")],
    missing: Gaps = "refuse",
    out: Out = None,
    as_json: AsJson = False,
    log: Log = "",
    seed: Seed = 0,
    tracking_uri: Uri = "",
) -> None:
    """Score A2D-Sentences, JHMDB-Sentences, RefCOCO: precision, overall and mean IoU of the best query, mAP of all."""
    from vdit.score import detections
    from vdit.score.log import Scored

    admit(out, "instances")
    result = detections.score(truth, predictions, options(missing, 1))
    report(result, out, as_json)
    if log:
        record(context, Scored("detections", truth, predictions, "instances", result), log, seed, tracking_uri)


def admit(out: Path | None, kind: Literal["scores", "instances"]) -> None:
    """Raises ValueError for a name that means other rows than these: before anything is scored."""
    if out is not None:
        from vdit.record.scores import admits

        admits(out, kind)


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
        shown = {"found": [result.found, result.wanted], "problems": problems}
        assert not shown.keys() & result.numbers.keys()
        typer.echo(json.dumps(shown | {name: defined(value) for name, value in result.numbers.items()}, indent=1, allow_nan=False))
        return
    typer.echo(f"{result.protocol}\n{result.found}/{result.wanted} predictions found, numbers in %")
    typer.echo(result.summary.to_string(float_format="{:.2f}".format, na_rep=""))
    for problem in result.problems[:SHOWN]:
        typer.echo(f"{problem.kind}: {problem}", err=True)
    if len(result.problems) > SHOWN:
        typer.echo(f"and {len(result.problems) - SHOWN} more (--json lists all)", err=True)


def defined(value: object) -> object:
    """A number, or a tree of them, as JSON has it, which has no NaN: null where one is not defined."""
    if isinstance(value, dict):
        return {name: defined(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [defined(inner) for inner in value]
    # NumPy's numbers are no Python ones, but know how to become one.
    plain = value.item() if hasattr(value, "item") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def record(context: typer.Context, scored: "Scored", method: str, seed: int, tracking_uri: str) -> None:
    """Into MLflow, where `vdit tables` finds it."""
    from vdit.score.log import log
    from vdit.track.mlflow import MLflow, default_uri

    runs = Path(context.obj["runs"])
    measurement = log(scored, method, seed, runs, MLflow(tracking_uri or default_uri(runs), runs))
    rows = next((where for protocol, where in TABLES.items() if scored.protocol.startswith(protocol)), "")
    shown = f"studies of this truth with `methods: [{method}]` give it a row in {rows}" if rows else BY_OBJECT
    typer.echo(f"recorded {method}, seed {seed} ({measurement.key[:16]}); {shown}", err=True)
