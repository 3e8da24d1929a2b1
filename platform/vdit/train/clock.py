"""How much of a trial's time is the model's: the rest is loading, scoring, logging and checkpoints."""

import time
from types import TracebackType


class Clock:
    """Adds up the seconds of the blocks that are entered with it: steps, masks, and the features of Figure 4.

    The maps of Figures 1 and 3 count as outside, their features too. On CUDA a block has to end with numbers on the host.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def __enter__(self) -> None:
        self.since = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.seconds += time.perf_counter() - self.since
