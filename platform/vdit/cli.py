"""The `vdit` command: gathers vdit/commands, one file each, and turns errors into one line and an exit code (interface.md, Commands).

Exit codes: 0 done; 1 a check or a trial failed; 2 bad input; 3 tables incomplete; 130 interrupted.
"""

import errno
import sys
import traceback
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from vdit import __version__, registry


class Interruptible(TyperGroup):
    """Typer makes of Ctrl-C an exit code without a word; here it is an Abort, which `main` has words for."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            raise typer.Abort from interrupt


app = typer.Typer(cls=Interruptible, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback(
    help="Ablation studies of frozen text-to-video diffusion features for referring video object segmentation (VD-IT, ECCV 2024)."
)
def options(
    context: typer.Context,
    runs: Annotated[Path, typer.Option("--runs", help="Folder of trials, tables and the MLflow record; also after the command.")] = Path(
        "runs"
    ),
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error; also after the command.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results and errors only; also after the command.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    context.obj = {"runs": runs, "quiet": quiet}
    if version:
        print(__version__)
        raise typer.Exit


for name in registry.members("commands"):
    module = registry.find("commands", name)
    if hasattr(module, "group"):
        app.add_typer(module.group, name=name)
    else:
        app.command(name)(module.command)


def globals_first(arguments: list[str]) -> list[str]:
    """The global options may stand anywhere; typer wants them before the command."""
    front, rest = [], []
    words = iter(arguments)
    for word in words:
        if word in ("--debug", "--quiet") or word.startswith("--runs="):
            front.append(word)
        elif word == "--runs":
            front += [word, *([value] if (value := next(words, None)) is not None else [])]
        elif word == "--":
            rest += [word, *words]
        else:
            rest.append(word)
    return front + rest


def main(arguments: list[str] | None = None) -> int:
    """Runs a command line, by default this process's; the only place that turns an exception into an exit code."""
    arguments = globals_first(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(arguments, standalone_mode=False)
    except typer.Abort:
        print("vdit: interrupted; what was finished stays finished, and the same command goes on from here", file=sys.stderr)
        return 130
    except TyperException as error:
        error.show()  # type: ignore[attr-defined]
        return 2
    except (ValueError, OSError) as error:
        if "--debug" in arguments:
            traceback.print_exc()
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        remedy = "; free some space, then the same command goes on from here" if full else ""
        print(f"vdit: {error}{remedy}", file=sys.stderr)
        return 2
    return code if isinstance(code, int) else 0
