"""How a study stands, again and again: a table that is drawn anew on a terminal, the changes as lines elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

DONE = "COMPLETE"
SECONDS = 2.0
SHARE = 0.1  # of the time at most is spent looking: a study of many trials is looked at less often

States = Mapping[str, str]
Look = Callable[[], States]


def follow(look: Look, names: Mapping[str, str], shown: Callable[[States], Sequence[RenderableType]], console: Console) -> None:
    """Until all trials are done. `look` reads their states by key, `names` and `shown` are what a person sees of them."""
    if console.is_terminal and not console.is_dumb_terminal:
        draw(look, shown, console)
    else:
        tell(look, names, shown, console)


def draw(look: Look, shown: Callable[[States], Sequence[RenderableType]], console: Console) -> None:
    states, seconds = timed(look)
    with Live(Group(*shown(states)), console=console, auto_refresh=False) as live:
        live.refresh()
        while not finished(states):
            time.sleep(seconds)
            states, seconds = timed(look)
            live.update(Group(*shown(states)), refresh=True)


def tell(look: Look, names: Mapping[str, str], shown: Callable[[States], Sequence[RenderableType]], console: Console) -> None:
    states, seconds = timed(look)
    console.print(*shown(states), sep="\n")
    while not finished(states):
        time.sleep(seconds)
        before, (states, seconds) = states, timed(look)
        for key, state in states.items():
            if state != before.get(key):
                console.print(Text(f"{names[key]}: {state}"), soft_wrap=True)


def timed(look: Look) -> tuple[States, float]:
    """The states, and how long to wait until the next look."""
    began = time.monotonic()
    states = look()
    return states, max(SECONDS, (time.monotonic() - began) * (1 - SHARE) / SHARE)


def finished(states: States) -> bool:
    return all(state == DONE for state in states.values())
