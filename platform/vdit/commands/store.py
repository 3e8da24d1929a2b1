"""`vdit store`: the frozen features that trials share: how much there is, whether it is whole, what nobody needs, filling it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vdit.features.store import Store
    from vdit.schedule.cluster import Cluster
    from vdit.study.plan import PlannedTrial

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The store of frozen features (docs/store.md).")
Where = Annotated[str, typer.Option("--store", help="Folder of the store; on, or a URL: that of the runs folder.")]


@group.command()
def du(context: typer.Context, store: Where = "on") -> None:
    """Show what is in the store, and which studies use it."""
    from rich.console import Console
    from rich.table import Table

    from vdit.commands.plan import size
    from vdit.features import keeping

    runs, opened = opening(context, store)
    found, used = keeping.groups(opened), keeping.used(runs)
    table = Table("stage, weights, data", "entries", "size", "studies")
    for each in found:
        table.add_row(each.name, str(each.entries), size(each.bytes), ", ".join(used.get(each.name, ())))
    console = Console(highlight=False)
    console.print(table)
    total = sum(each.bytes for each in found)
    console.print(f"{opened.root}: {sum(each.entries for each in found)} entries, {size(total)}", soft_wrap=True, markup=False)


@group.command()
def verify(context: typer.Context, store: Where = "on") -> None:
    """Read every entry; exit code 1 where one is damaged. A trial that reads a damaged entry computes it again."""
    from vdit.features import keeping

    _, opened = opening(context, store)
    found = keeping.groups(opened)
    wrong = [name for each in found for name in keeping.damaged(opened, each)]
    for name in wrong:
        typer.echo(f"vdit: {opened.path(name)} is damaged; the next trial that needs it computes it again", err=True)
    typer.echo(f"{sum(each.entries for each in found)} entries read, {len(wrong)} damaged")
    if wrong:
        raise typer.Exit(1)


@group.command()
def gc(
    context: typer.Context,
    store: Where = "on",
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this, only say what would go.")] = False,
) -> None:
    """Remove what no plan under the runs folder's studies uses, and what killed writers left."""
    from vdit.commands.plan import size
    from vdit.features import keeping

    runs, opened = opening(context, store)
    used = keeping.used(runs)
    unused = [each for each in keeping.groups(opened) if each.name not in used]
    left = list(keeping.drafts(opened))
    for each in unused:
        typer.echo(f"{each.name}: {each.entries} entries, {size(each.bytes)}")
        if yes:
            keeping.drop(opened, each)
    for path in left if yes else ():
        path.unlink(missing_ok=True)
    studies = len({study for names in used.values() for study in names})
    said = "removed" if yes else "would be removed; --yes removes"
    typer.echo(f"{len(unused)} groups that none of {studies} studies in {runs / 'studies'} uses, and {len(left)} drafts, {said}")


@group.command()
def fill(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[str | None, typer.Option(help="Folder of the frozen networks, shipped:NAME, or '' for random ones.")] = None,
    store: Annotated[
        str, typer.Option(help="on (in the runs folder), a folder all nodes see, or a URL. [default: the study's, or on]")
    ] = "",
    workers: Annotated[int, typer.Option(min=0, help="Workers that encode. 0: as many as the cluster has room for.")] = 0,
    address: Annotated[str, typer.Option(help="Ray cluster to join; default: RAY_ADDRESS, or one of its own on this machine.")] = "",
    autoscaling: Annotated[Path | None, typer.Option(help="File of the cluster's autoscaler: workers may wait for its machines.")] = None,
) -> None:
    """Encode all clips of a study's missing trials now, so that each of them only reads."""
    from dataclasses import replace

    from vdit.schedule import cluster, drivers, sharing
    from vdit.schedule.run import check_data, keep_plan, prepare
    from vdit.study import plan as planning
    from vdit.study import spec

    runs = Path(context.obj["runs"]).resolve()
    read = spec.read(study, data=data, weights=weights)
    setting = store or ("on" if read.base.launch.store == "off" else read.base.launch.store)
    read = replace(read, base=replace(read.base, launch=replace(read.base.launch, store=sharing.chosen(setting))))
    plan = planning.build(read, runs)
    check_data(plan, runs)
    sharing.prepare(plan, runs)
    examples = sharing.representatives(plan, runs)
    if not examples:
        typer.echo(f"{plan.study.study}: no missing trial has a stage that the store keeps")
        return
    # Another driver's trials are its own: nobody writes into their folders beside it.
    with drivers.claim(runs, plan.study.study, [planned.key for planned in examples], f"vdit status {study}") as claim:
        if claim.others:
            other = next(iter(claim.others.values()))
            raise ValueError(f"{other} runs trials of {plan.study.study}, and encodes for them; wait for it, or end it")
        keep_plan(plan, runs)
        places = [prepare(planned, plan, runs) for planned in examples]
        counts = encoded(examples, places, runs, workers, cluster.Cluster(address, cluster.startable(autoscaling)))
    for stage, count in counts.items():
        typer.echo(f"{stage}: {count['encoded']:.0f} encoded in {count['seconds']:.0f} s, {count['read']:.0f} were there")


def encoded(
    examples: "Sequence[PlannedTrial]", places: "Sequence[Path]", runs: Path, workers: int, where: "Cluster"
) -> "dict[str, dict[str, float]]":
    """What all workers did for the trials `examples`, whose folders are `places`."""
    from dataclasses import replace

    from vdit.schedule import cluster, sharing
    from vdit.train.shelf import added

    # Workers encode each for itself: a cluster that has room for one of them will do.
    alone = [replace(planned.trial, launch=replace(planned.trial.launch, workers=1)) for planned in examples]
    try:
        cluster.attach(where)
        for line in cluster.check(where, alone, runs):
            typer.echo(line)
        sharing.check_nodes(examples[0].trial, runs)
        from vdit.schedule import fill

        shape = fill.crew(examples[0].trial.launch, workers, where.startable)
        return added(fill.fill(places, shape, runs, fill.bound(shape), typer.echo))
    finally:
        cluster.leave()


def opening(context: typer.Context, store: str) -> "tuple[Path, Store]":
    """The runs folder, and the store that is meant: of a URL the copy that is here, and says so."""
    from vdit.features.remote import remote_of
    from vdit.features.store import folder_of, open_store

    runs = Path(context.obj["runs"])
    root = folder_of(store, runs)
    if root is None:
        raise ValueError("--store off names no store; give its folder, or on for that of the runs folder")
    if not root.exists() and root == runs / "store":
        typer.echo(f"{runs} has no store yet; `vdit run STUDY --store on` makes one")
        raise typer.Exit(0)
    if remote_of(store) is not None:
        typer.echo(f"of {store} the copy in {root}; what lies at the URL itself is not looked at and stays")
    return runs, open_store(root)
