"""`vdit pretrain RECIPE`: make a miniature text-to-video model, and the Video Swin beside it, from a recipe."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from vdit.commands import _pretrain_gate

if TYPE_CHECKING:
    from rich.console import Console

    from vdit.pretrain.recipe import Pretraining
    from vdit.track.spool import Spool

SHIPPED_BYTES = 20_000_000  # the most that a checkpoint in the package may have (issue E)


class RecipeFirst(TyperGroup):
    """`vdit pretrain miniature` is `vdit pretrain recipe miniature`; what is no other command is a recipe, or an option of one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] != "--help":
            args = ["recipe", *args]
        parsed: list[str] = super().parse_args(ctx, args)
        return parsed


group = typer.Typer(
    cls=RecipeFirst,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Pretrain a miniature backbone: vdit pretrain RECIPE, a file or the name of one in experiments/pretrain/ (docs/pretraining.md).",
)


group.command("gate")(_pretrain_gate.command)


@group.command("recipe")
def command(
    context: typer.Context,
    recipe: Annotated[str, typer.Argument(help="A recipe's file, or the name of one in experiments/pretrain/.")],
    stage: Annotated[str, typer.Option(help="Only this stage; what it needs has to be done.")] = "",
    to: Annotated[Path | None, typer.Option(help="Copy the checkpoint to this folder too.")] = None,
    local: Annotated[bool, typer.Option("--local", help="Train stage after stage in this very process, without Ray.")] = False,
    tracking_uri: Annotated[str, typer.Option(help="MLflow server or database; default: mlflow.db in the runs folder.")] = "",
    address: Annotated[str, typer.Option(help="Ray cluster to join; default: RAY_ADDRESS, or one of its own on this machine.")] = "",
) -> None:
    """Train what is missing of a recipe and write its checkpoint; what is done stays done, what was interrupted goes on."""
    from rich.console import Console

    from vdit.pretrain import export
    from vdit.pretrain.graph import GRAPH
    from vdit.pretrain.recipe import read
    from vdit.registry import nearest
    from vdit.schedule import drivers, pretraining

    runs = Path(context.obj["runs"]).resolve()
    console = Console(quiet=bool(context.obj["quiet"]), soft_wrap=True, highlight=False)
    only = next((name for name in GRAPH if name == stage), None)
    if stage and only is None:
        raise ValueError(f"no stage {stage!r}; {nearest(stage, GRAPH)}")
    plan = read(recipe, runs)
    if to is not None:
        export.replaceable(to)
    plan.folder.mkdir(parents=True, exist_ok=True)
    name = str(pretraining.document(plan)["study"])
    with drivers.claim(runs, name, [plan.keys[stage] for stage in pretraining.missing(plan)]) as claim:
        if claim.others:
            raise ValueError(f"{next(iter(claim.others.values()))} trains stages of this recipe too; wait for it, or end it")
        pretraining.adopt(plan)
        stages = pretraining.todo(plan, only)
        console.print(f"{plan.recipe.recipe}: {len(GRAPH) - len(pretraining.missing(plan))} of {len(GRAPH)} stages are done", markup=False)
        with recorded(plan, tracking_uri, console) as record:
            pretraining.tell(plan, record)
            if stages:
                train(plan, stages, address, local, record, console)
        if missing := pretraining.missing(plan):
            console.print(f"no checkpoint yet: {', '.join(missing)} to be trained", markup=False)
        else:
            deliver(plan, to, console)


@contextmanager
def recorded(plan: "Pretraining", uri: str, console: "Console") -> "Iterator[Spool]":
    """The record with the recipe's run open, which ends as the block does."""
    record, status = open_record(plan, uri, console), "FAILED"
    try:
        yield record
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        unrecorded = record.close(status)
        if unrecorded:
            typer.echo(f"vdit: {unrecorded}", err=True)


def train(plan: "Pretraining", stages: list[Any], address: str, local: bool, record: "Spool", console: "Console") -> None:
    """Every stage that is missing, on Ray or here."""
    from vdit.schedule import cluster, nodes, pretraining
    from vdit.schedule.placement import Shape

    if local:
        pretraining.in_order(plan, stages, record, console)
        return
    where = cluster.Cluster(address)
    try:
        cluster.attach(where)
        if not where.own:
            nodes.check(Shape(workers=1, threads=1, gpu=False), plan.runs)
        pretraining.on_ray(plan, stages, record, console)
    except pretraining.StageError as error:
        typer.echo(f"vdit: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        cluster.leave()


def open_record(plan: "Pretraining", uri: str, console: "Console") -> "Spool":
    """MLflow with the recipe's run open."""
    from vdit.schedule.pretraining import document
    from vdit.track.mlflow import MLflow, default_uri
    from vdit.track.spool import Spool

    about = document(plan)

    def opened() -> MLflow:
        record = MLflow(uri or default_uri(plan.runs), plan.runs)
        record.study(about)
        return record

    def say(news: str) -> None:
        console.print(f"vdit: {news}", markup=False)

    folders = plan.given().folders
    return Spool(opened(), opened, plan.runs, say, lambda entry: folders[entry.arm])


def deliver(plan: "Pretraining", to: Path | None, console: "Console") -> None:
    """The checkpoint folder, its size and digest."""
    from vdit.pretrain import export

    folder = export.export(plan)
    if to is not None:
        export.copy(folder, to)
    total = export.size(folder)
    room = "" if total <= SHIPPED_BYTES else f", more than the {SHIPPED_BYTES / 1e6:.0f} MB that can be shipped"
    console.print(f"{to or folder}: {total / 1e6:.1f} MB{room}; weights {export.weights_digest(folder)[:16]}", markup=False, soft_wrap=True)
