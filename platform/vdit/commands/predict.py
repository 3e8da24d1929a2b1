"""`vdit predict`: what a finished trial sees, in anybody's video or in a whole benchmark."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from vdit.config.evaluate import Evaluate
    from vdit.predict.footage import Footage
    from vdit.train.trained import Trained
    from vdit.video import Expression

Thing = TypeVar("Thing")


def command(
    context: typer.Context,
    run: Annotated[str, typer.Option(help="The trial: the beginning of its key, or its folder.")],
    out: Annotated[Path, typer.Option(help="Folder to write: new, or one this command began before.")],
    video: Annotated[Path | None, typer.Option(help="A video file, or a folder of frames.")] = None,
    expression: Annotated[list[str] | None, typer.Option(help="What to segment in the video; may be given more than once.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of a benchmark to predict. [default: the trial's]")] = None,
    benchmark: Annotated[str, typer.Option(help="Its name. [default: the trial's]")] = "",
    split: Annotated[str, typer.Option(help="Its split. [default: the one the trial was measured on]")] = "",
    window: Annotated[int, typer.Option(min=0, help="Frames seen at a time. [default: the trial's; of a --video, 36 if that is all]")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ... [default: cuda where there is one]")] = "",
) -> None:
    """Predict masks with a finished trial: of a video with --video and --expression, else of a benchmark in its official format."""
    if video is None and expression:
        raise ValueError("--expression needs --video FILE; a benchmark has its own expressions")
    if video is not None and (data or benchmark or split):
        raise ValueError("--video excludes --data, --benchmark and --split; predict the one or the other")
    runs, quiet = Path(context.obj["runs"]).resolve(), bool(context.obj["quiet"])
    if video is not None:
        from vdit.predict.anybody import expressions
        from vdit.predict.footage import footage

        said, source = expressions(expression or []), footage(video)
        trained = load(run, runs, device)
        one_video(trained, source, said, Writing(runs, out, window, quiet))
    else:
        trained = load(run, runs, device)
        chosen = benchmark or trained.ticket.trial.data.benchmark
        root = folder_of(trained, chosen, data, runs)
        one_split(trained, (chosen, root, split or trained.ticket.trial.data.eval_split), Writing(runs, out, window, quiet))


@dataclass(frozen=True, slots=True)
class Writing:
    """Where and how; `window` 0 is the trial's."""

    runs: Path
    out: Path
    window: int
    quiet: bool

    def evaluate(self, trained: "Trained") -> "Evaluate":
        own = trained.ticket.trial.evaluate
        return replace(own, window=self.window) if self.window else own

    def track(self, things: Iterable[Thing], total: int) -> Iterable[Thing]:
        """A bar on a terminal, nothing elsewhere."""
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        return track(things, "predicting", total=total, console=console, disable=self.quiet or not console.is_terminal)


def load(run: str, runs: Path, device: str) -> "Trained":
    """The finished trial on its device. Raises ValueError for a device that is not there."""
    from vdit.predict.callable import chosen
    from vdit.train import trained

    place = trained.find(runs, run)
    try:
        where = chosen(device)
    except ValueError as error:
        raise ValueError(f"--{error}") from error
    return trained.load(place, runs, where)


def folder_of(trained: "Trained", benchmark: str, data: Path | None, runs: Path) -> Path:
    """The benchmark's folder: the one given, or that of the trial."""
    from vdit import registry
    from vdit.train.folder import data_folder

    trial, own = trained.ticket.trial, trained.ticket.trial.data
    if data is None and benchmark != own.benchmark:
        raise ValueError(f"the trial was trained on {own.benchmark!r}; give the folder of {benchmark!r} with --data DIR")
    folder = data if data is not None else data_folder(trial, trained.ticket.data, runs)
    found: Path = registry.find("benchmarks", benchmark).locate(replace(own, benchmark=benchmark), folder)
    return found


def one_split(trained: "Trained", what: tuple[str, Path, str], how: Writing) -> None:
    """A benchmark's split, as (name, folder, split)."""
    from vdit.submit.formats import has_form

    (masks if has_form(what[0]) else detections)(trained, what, how)


def masks(trained: "Trained", what: tuple[str, Path, str], how: Writing) -> None:
    """A split that is scored frame by frame, in the folder format of its benchmark."""
    from vdit.predict.benchmark import Job, claim, finish
    from vdit.submit.formats import form

    benchmark, root, split = what
    written = form(benchmark)
    job = Job(trained, written, written.listing(root, split), how.evaluate(trained), how.out)
    claim(job, how.runs, benchmark, split)
    missing, total = len(job.missing()), len(job.split.videos)
    done = sum(1 for _ in how.track(finish(job), missing))
    typer.echo(f"{how.out}: {done} videos predicted, {total - missing} of {total} were done before")


def detections(trained: "Trained", what: tuple[str, Path, str], how: Writing) -> None:
    """A split that is scored by detections, as COCO's results with their truth. Raises ValueError for --window, which it has no use for."""
    from vdit import registry
    from vdit.predict.benchmark import claim
    from vdit.predict.detections import Job, finish

    benchmark, root, split = what
    if how.window:
        raise ValueError(f"--window {how.window}: {benchmark} is predicted in one clip around the annotated frame; leave --window out")
    frames = trained.ticket.trial.data.frames
    job = Job(trained, registry.find("benchmarks", benchmark).read(root, split, frames), how.out)
    claim(job, how.runs, benchmark, split)
    missing, total = len(job.missing()), len(job.split.videos)
    done = sum(1 for _ in how.track(finish(job), missing))
    typer.echo(f"{how.out}: {done} annotated frames predicted, {total - missing} of {total} were done before")


def one_video(trained: "Trained", source: "Footage", said: "tuple[Expression, ...]", how: Writing) -> None:
    """Anybody's video."""
    from vdit.predict.anybody import Question, answer, claim, in_windows

    question = Question(trained, source, said, in_windows(how.evaluate(trained)), how.out)
    claim(question, how.runs)
    missing = len(question.missing())
    frames = sum(how.track(answer(question), source.frames()))
    if frames < source.frames() and missing:
        typer.echo(f"vdit: {source.path} says it has {source.frames()} frames, {frames} can be decoded; it may have been cut", err=True)
    typer.echo(f"{how.out}: {missing} expressions predicted in {frames} frames, {len(said) - missing} were done before")
