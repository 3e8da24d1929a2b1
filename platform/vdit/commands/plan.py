"""`vdit plan`: what a study will run, before anything runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from vdit.study.plan import Plan, PlannedTrial

SHOWN_ARMS = 40


def command(
    context: typer.Context,
    study: Annotated[str, typer.Argument(help="A study's file, or the name of one in experiments/.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the benchmark.")] = None,
    weights: Annotated[str | None, typer.Option(help="Folder of the frozen networks, shipped:NAME, or '' for random ones.")] = None,
    start: Annotated[Path | None, typer.Option(help="File of trained parameters to go on from.")] = None,
    accept: Annotated[str, typer.Option(help="Show it as `vdit run --accept` would have it: older code whose results stand.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Show a study's trials: which are distinct, which are done, what the others will take."""
    import json

    from vdit.cycles import unsearched
    from vdit.study import edit, plan, spec

    runs = Path(context.obj["runs"])
    # While a plan grows the search would go through it again and again: a fifth of the time.
    with unsearched():
        made = plan.build(spec.read(study, data=data, weights=weights, start=start), runs, provisional=True, accept=accept)
        changes = edit.changes(made.last, made)
    if as_json:
        more = {"changes": edit.document(changes), "budget": budget(made, runs)}
        typer.echo(json.dumps(made.document() | more, indent=1, ensure_ascii=False))
        return
    show(made, runs)
    for line in (*edit.describe_accepted(made), *edit.describe(changes or ())):
        typer.echo(line)


def show(plan: "Plan", runs: Path) -> None:
    """The plan as a person reads it."""
    from rich.console import Console

    console = Console(highlight=False)
    study = plan.study
    console.print(f"[bold]{study.study}[/bold]: {study.design}, preset {study.preset}, reference {plan.arms[0].name}", soft_wrap=True)
    if plan.notice:
        console.print(plan.notice, style="yellow")
    console.print(arms_table(plan))
    points, left = len(plan.arms) * len(study.seeds), len(plan.missing)
    early = f", {len(plan.pruned)} of them ended early" if plan.pruned else ""
    undrawn = f"; {plan.undrawn} points are not drawn yet" if plan.undrawn else ""
    shared = points - len(plan.trials)
    saved = f" ({shared} shared: {duration(shared * plan.each.seconds_per_trial)} less)" if shared else ""
    console.print(
        f"{points} points, {len(plan.trials)} distinct trials{saved}, {len(plan.trials) - left} done, {left} missing{early}{undrawn}"
    )
    for trial in [trial for trial in plan.trials if trial.shared_with][:SHOWN_ARMS]:
        console.print(f"  {trial.trial.arm}, seed {trial.trial.seed} is also {', '.join(trial.shared_with)}", soft_wrap=True, markup=False)
    console.print(stages_table(plan))
    for line in reasons(plan):
        console.print(line, markup=False)
    cost, parts = plan.estimate, budget(plan, runs)
    gpus = f", {parts['gpu_hours']['needed']:.3g} GPU hours" if parts["gpu_hours"]["needed"] else ""
    took = f"{duration(cost.seconds)} one after the other{gpus}, {size(cost.disk_bytes)} on disk"
    console.print(f"Estimate: {took} ({cost.source})", markup=False)
    limited = [
        f"{part['needed']:.3g} of {part['limit']:g} {name} ({part['spent']:.3g} spent)"
        for name, part in parts.items()
        if part["limit"] is not None
    ]
    if limited:
        console.print(f"Budget: {'; '.join(limited)}", markup=False)


def budget(plan: "Plan", runs: Path) -> "dict[str, dict[str, float | None]]":
    """For each limit that a study may have: what its trials need, one after the other, what was spent, and the limit, if it has one."""
    from dataclasses import asdict
    from math import isfinite

    from vdit.schedule.work import needed, spent

    limits, used = asdict(plan.study.budget), asdict(spent(plan, runs))
    return {
        name: {"needed": amount, "spent": used[name], "limit": limits[name] if isfinite(limits[name]) else None}
        for name, amount in asdict(needed(plan, plan.due, 1)).items()
    }


def arms_table(plan: "Plan") -> "Table":
    """Arms x seeds; of many arms the first."""
    from rich.markup import escape
    from rich.table import Table

    seeds = plan.study.seeds
    table = Table("arm", "levels", *(f"seed {seed}" for seed in seeds[:8]))
    shown = plan.arms[:SHOWN_ARMS]
    names = {arm.name for arm in shown}
    state = {
        (name, planned.trial.seed): _state(plan, planned)
        for planned in plan.trials
        for name in names.intersection((planned.trial.arm, *planned.shared_with))
    }
    for arm in shown:
        levels = ", ".join(f"{name}: {'+'.join(level) if isinstance(level, tuple) else level}" for name, level in arm.levels.items())
        table.add_row(escape(arm.name), escape(levels), *(state[arm.name, seed] for seed in seeds[:8]))
    if len(plan.arms) > SHOWN_ARMS:
        table.add_row(f"... and {len(plan.arms) - SHOWN_ARMS} more (--json lists all)")
    return table


def _state(plan: "Plan", planned: "PlannedTrial") -> str:
    if planned.done and planned.code != plan.code:
        return f"done by {planned.code[:12]}, accepted"
    return "done" if planned.done else "ended early" if planned.key in plan.pruned else "missing"


def stages_table(plan: "Plan") -> "Table":
    """What the trials can share, which of it a store keeps, and what that takes and saves."""
    from rich.table import Table

    from vdit.features.remote import remote_of

    setting = plan.trials[0].trial.launch.store
    caption = "Disk and time: of training clips, disk at most."
    if setting == "off":
        caption = "The store is off: every trial computes its own (docs/store.md)."
    elif remote_of(setting) is not None:
        caption += f" So much in the runs folder, and again at {setting}."
    table = Table("frozen stage", "arms", "shareable", "per clip", "stored", "disk", "saves", caption=caption)
    for stage in plan.stages:
        disk = "?" if stage.disk_bytes is None else size(stage.disk_bytes)
        saved = "?" if stage.saves_seconds is None else duration(stage.saves_seconds)
        kept = ("yes", disk, saved) if stage.stored else ("no", "", "")
        table.add_row(stage.stage, str(len(stage.arms)), "yes" if stage.shareable else "no", size(stage.bytes), *kept)
    return table


def reasons(plan: "Plan") -> list[str]:
    """Why each stage of the table may be shared, or not; once a reason."""
    found: dict[tuple[bool, str], list[str]] = {}
    for stage in plan.stages:
        found.setdefault((stage.shareable, stage.why), []).append(f"{stage.stage} ({len(stage.arms)} arm{'s' * (len(stage.arms) > 1)})")
    return [f"{'Shareable' if shareable else 'Not shareable'}: {', '.join(names)}: {why}." for (shareable, why), names in found.items()]


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


def size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
