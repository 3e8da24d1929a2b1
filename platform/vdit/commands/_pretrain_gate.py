"""`vdit pretrain gate`: what a text-to-video backbone knows, before a study asks it anything."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vdit.config.trial import Trial
    from vdit.pretrain.gate.table import Gate

# Unlike that of any recipe here.
WORLD_SEED = 9001


def command(
    context: typer.Context,
    weights: Annotated[str, typer.Option(help="Checkpoint folder, or shipped:NAME. [default: random weights, as a study draws them]")] = "",
    preset: Annotated[str, typer.Option(help="Preset with the model that reads it.")] = "miniature",
    seeds: Annotated[str, typer.Option(help="Of noise, of the thing that is meant, and of the probes.")] = "0,1,2",
    clips: Annotated[int, typer.Option(min=8, help="Clips that are denoised; all other numbers grow and shrink with it.")] = 192,
    timestep: Annotated[int | None, typer.Option(min=0, max=999, help="Of the features of c, d and e. [default: the preset's]")] = None,
    world_seed: Annotated[int, typer.Option(min=0, help="Of the world whose clips it looks at.")] = WORLD_SEED,
    out: Annotated[
        Path | None, typer.Option(help="Folder for gate.json and gate.md. [default: RUNS/gate/NAME of the weights' folder]")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the table as JSON.")] = False,
) -> None:
    """Measure what a backbone knows, row by row, and write the table. Exit code 1 where a row fails."""
    from dataclasses import replace

    import torch

    from vdit.config.identity import weights_identity
    from vdit.config.shipped import located
    from vdit.pretrain.gate import table
    from vdit.pretrain.gate.run import Progress, Sizes, run
    from vdit.study.preset import base_trial

    # Two threads that wait for each other are slower than one at this size.
    torch.set_num_threads(1)
    runs, quiet = Path(context.obj["runs"]), bool(context.obj["quiet"])
    trial, _ = base_trial(Path("--preset"), preset, {})
    at = trial.model.diffusion.timestep if timestep is None else timestep
    model = replace(trial.model, diffusion=replace(trial.model.diffusion, timestep=at))
    place = located(weights) if weights else random_weights(trial, runs)
    read = replace(trial, launch=replace(trial.launch, weights=str(place)))
    world, own = replace(trial.data.world, seed=world_seed, frames=trial.data.frames), numbers(seeds)
    if out:
        # A place that cannot be written is told before a quarter of an hour goes by.
        out.mkdir(parents=True, exist_ok=True)
    progress: Progress = (lambda _: None) if quiet else lambda line: typer.echo(line, err=True)
    identity = weights_identity(read, runs / "manifests")
    made = run(place, model, world, own, progress, identity=identity, sizes=Sizes.scaled(clips))
    written = table.write(made, out or runs / "gate" / name_of(place))
    tell(made, as_json, () if quiet else written)
    if not all(made.verdicts.values()):
        raise typer.Exit(1)


def tell(made: "Gate", as_json: bool, written: Iterable[Path]) -> None:
    """The table on the terminal, and where it was written unless that is asked for as JSON."""
    from vdit.pretrain.gate import table

    if as_json:
        typer.echo(table.as_json(made), nl=False)
        return
    show(made)
    for path in written:
        typer.echo(str(path))


def name_of(weights: Path) -> str:
    """Of their folder; every pretraining's is called the same, so of that the folder of the pretraining."""
    from vdit.pretrain.export import FOLDER

    weights = weights.resolve()
    return weights.parent.name if weights.name == FOLDER else weights.name


def numbers(given: str) -> tuple[int, ...]:
    """ "0,1,2" """
    words = [word.strip() for word in given.split(",")]
    if not all(word.isdecimal() for word in words):
        raise ValueError(f"--seeds is {given!r}; give whole numbers with commas between, such as 0,1,2")
    return tuple(int(word) for word in words)


def random_weights(trial: "Trial", runs: Path) -> Path:
    """The folder that a study without a checkpoint draws its weights in."""
    from dataclasses import replace

    from vdit.backbones import miniature
    from vdit.config.identity import weights_identity
    from vdit.train.folder import weights_folder

    trial = replace(trial, launch=replace(trial.launch, weights=""))
    place = weights_folder(trial, weights_identity(trial, runs / "manifests"), runs)
    miniature.provide(trial.model, place, miniature.build)
    return place


def show(gate: "Gate") -> None:
    """For a person."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vdit.pretrain.gate import table

    console = Console(highlight=False)
    grid = Table("", "measured", "figure", "95 % interval", "asked", "", box=None, pad_edge=False)
    for letter, met, rows in table.parts(gate):
        grid.add_row(letter, Text(table.QUESTIONS[letter], style="bold"), "", "", "", Text(met, style="bold"))
        for row in rows:
            grid.add_row("", *(Text(text) for text in table.texts(row)))
    console.print(grid)
    for said in gate.unsupported:
        console.print(f"not supported: {said}", markup=False)
