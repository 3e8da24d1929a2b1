"""Keeps an eye on the cluster while trials run: ends the round when no trial of its shape can be placed any more."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from ray import tune

from vdit.config.trial import Trial
from vdit.schedule.placement import ImpossibleError, Machine, Placement, asked, fit, room

LOOK_SECONDS = 2.0
PATIENCE_SECONDS = 10.0  # that a missing node has to come back: nodes that restart are not gone
WAIT_SECONDS = 24 * 3600.0

Nodes = Callable[[], Sequence[Machine]]


class Watch(tune.Stopper):  # type: ignore[misc]
    """Of one round of Tune, whose trials are all placed alike.

    While their shape can be placed, what runs is left alone: a node that went away costs its own trials a retry. When it cannot, none of
    them runs, and the round is over: `ended` says why. Trials go on from their checkpoints in the next one.
    """

    def __init__(self, trials: Sequence[Trial], placement: Placement, nodes: Nodes, startable: Sequence[Machine]) -> None:
        self.trials, self.placement, self.nodes, self.startable = trials, placement, nodes, startable
        self.looked = 0.0
        self.since: float | None = None
        # Machines that an autoscaler starts come one by one: before all were there, some are not too few.
        self.stood = not startable
        self.ended = ""

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its stopper to restore a Tuner; a study is never restored but planned again.
        return {}

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Never stops a single trial. One that has ended is the moment to give the next ones the workers that shrunk ones lacked."""
        if result.get("done") and not self.ended:
            self.ended = self.grown()
        return False

    def stop_all(self) -> bool:
        now = time.monotonic()
        if not self.ended and now - self.looked >= LOOK_SECONDS:
            self.looked = now
            self.look(now)
        return bool(self.ended)

    def look(self, now: float) -> None:
        trouble = self.trouble()
        if not trouble:
            self.since = None
        elif self.since is None:
            self.since = now
        elif now - self.since >= PATIENCE_SECONDS:
            self.ended = trouble

    def trouble(self) -> str:
        """Why no trial of the round can be placed as things stand; "" where one can."""
        nodes, before = self.nodes(), self.placement
        self.stood |= room(before.shape, nodes) >= before.shape.workers
        if not self.stood:
            return ""
        try:
            now = fit(self.trials, nodes, self.startable)
        except ImpossibleError as error:
            return str(error)
        if now.shape.workers < before.shape.workers:
            return f"the cluster has shrunk, {before.shape} have no place"
        apart = now.shape == before.shape and now.strategy == "PACK"
        return f"no node holds {before.shape} any more" if apart and before.strategy == "STRICT_PACK" else ""

    def grown(self) -> str:
        """Whether a trial could have more workers than those of this round: elastic ones only."""
        wanted = asked(self.trials[0].launch)
        if self.placement.shape == wanted or room(wanted, self.nodes()) < wanted.workers:
            return ""
        return "the cluster has grown, trials get their workers back"


def wait(
    find: Callable[[Sequence[Machine]], Placement], nodes: Nodes, say: Callable[[str], None], seconds: float = WAIT_SECONDS
) -> Placement:
    """Where trials can stand, as soon as they can; raises ImpossibleError where no node has come that helps after `seconds`."""
    deadline, said = time.monotonic() + seconds, False
    while True:
        try:
            return find(nodes())
        except ImpossibleError as error:
            if time.monotonic() > deadline:
                raise
            if not said:
                say(f"waiting, {seconds / 3600:g} h at most, for nodes to come back: {error}")
            said = True
        time.sleep(LOOK_SECONDS)
