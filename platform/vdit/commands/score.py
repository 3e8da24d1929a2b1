"""`vdit score`: anyone's predictions, scored by the rules of the public evaluators (docs/scoring.md)."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from vdit.score.log import Scored
    from vdit.score.result import Result

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Score anyone's predictions by the rules of the public evaluators.")

Missing = Annotated[Literal["refuse", "empty"], typer.Option(help="What becomes of a prediction that is not there.")]
Out = Annotated[Path | None, typer.Option(help="Write the rows behind the numbers, as Parquet.")]
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as JSON, in full precision.")]
Log = Annotated[str, typer.Option(help="Record the numbers in MLflow under this method's name, for the tables of studies that list it.")]
Seed = Annotated[int, typer.Option(min=0, help="With --log: which replicate of the method this is.")]
Uri = Annotated[str, typer.Option(help="With --log: MLflow server or database. [default: sqlite:///RUNS/mlflow.db]")]


@group.command()
def detections(
    context: typer.Context,
    truth: Annotated[Path, typer.Option(help="Ground truth as COCO JSON, one annotation an image.")],
    predictions: Annotated[Path, typer.Option(help="Results as COCO JSON: image_id, score and segmentation of every query.")],
    missing: Missing = "refuse",
    out: Out = None,
    as_json: Json = False,
    log: Log = "",
    seed: Seed = 0,
    tracking_uri: Uri = "",
) -> None:
    """A2D-Sentences, JHMDB-Sentences, RefCOCO: precision, overall and mean IoU of the best query, mAP of all."""
    from vdit.record import scores
    from vdit.score.detections import score
    from vdit.score.log import Scored
    from vdit.score.result import Options

    result = score(truth, predictions, Options(missing=missing))
    if out is not None:
        scores.write(out, result.rows)
    show(result, as_json)
    if log:
        record(context, Scored("detections", truth, predictions, "instances", result), log, seed, tracking_uri)


def show(result: "Result", as_json: bool) -> None:
    """The numbers as one JSON object, or for people in %, with the protocol and how many predictions were there."""
    import json

    for problem in result.problems:
        typer.echo(f"vdit: {problem}", err=True)
    if as_json:
        typer.echo(json.dumps(result.numbers, indent=1))
        return
    typer.echo(f"{result.protocol}\n{result.found}/{result.wanted} predicted, numbers in %")
    typer.echo(result.summary.T.to_string(float_format="{:.2f}".format))


def record(context: typer.Context, scored: "Scored", method: str, seed: int, tracking_uri: str) -> None:
    """Into MLflow, where `vdit tables` finds it."""
    from vdit.score.log import log
    from vdit.track.mlflow import MLflow, default_uri

    runs = Path(context.obj["runs"])
    measurement = log(scored, method, seed, runs, MLflow(tracking_uri or default_uri(runs), runs))
    typer.echo(f"recorded {method}, seed {seed} ({measurement.key[:16]}); studies with `methods: [{method}]` show it", err=True)
