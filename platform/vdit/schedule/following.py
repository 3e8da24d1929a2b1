"""How a study stands, again and again: a table that is drawn anew on a terminal, the changes as lines elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

DONE = "COMPLETE"
ENDS = {DONE, "FAILED", "SKIPPED"}  # what changes no more unless somebody runs the study
SECONDS = 2.0
SHARE = 0.1  # of the time at most is spent looking: a study of many trials is looked at less often

States = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """By key each trial's state, after a colon its reason; whether a driver runs the study; points that are not drawn yet."""

    states: States
    driven: bool
    undrawn: int


Look = Callable[[], Seen]


def follow(look: Look, names: Mapping[str, str], shown: Callable[[States], Sequence[RenderableType]], console: Console) -> None:
    """Until the study is over. `look` reads how it stands, `names` and `shown` are what a person sees of it."""
    if console.is_terminal and not console.is_dumb_terminal:
        draw(look, shown, console)
    else:
        tell(look, names, shown, console)


def draw(look: Look, shown: Callable[[States], Sequence[RenderableType]], console: Console) -> None:
    seen, seconds = timed(look)
    with Live(Group(*shown(seen.states)), console=console, auto_refresh=False) as live:
        live.refresh()
        while not over(seen):
            time.sleep(seconds)
            seen, seconds = timed(look)
            live.update(Group(*shown(seen.states)), refresh=True)


def tell(look: Look, names: Mapping[str, str], shown: Callable[[States], Sequence[RenderableType]], console: Console) -> None:
    seen, seconds = timed(look)
    console.print(*shown(seen.states), sep="\n")
    while not over(seen):
        time.sleep(seconds)
        before, (seen, seconds) = seen.states, timed(look)
        for key, state in seen.states.items():
            if state != before.get(key):
                console.print(Text(f"{names[key]}: {state}"), soft_wrap=True)


def timed(look: Look) -> tuple[Seen, float]:
    """How the study stands, and how long to wait until the next look."""
    began = time.monotonic()
    seen = look()
    return seen, max(SECONDS, (time.monotonic() - began) * (1 - SHARE) / SHARE)


def over(seen: Seen) -> bool:
    """Nothing will change by itself, and nothing is left for whoever runs the study next but what has failed or was skipped.

    A trial that was preempted or not tried, or a point that is not drawn, is waited for even while nobody runs the study.
    """
    states = {state.partition(":")[0] for state in seen.states.values()}
    return not seen.undrawn and (states <= {DONE} or (states <= ENDS and not seen.driven))
