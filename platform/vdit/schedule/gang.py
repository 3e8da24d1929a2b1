"""A Tune trial that is a gang of DeepSpeed workers inside its own placement group, handed on to the next trial (runtime.md, section 8)."""

import errno
import traceback
from collections.abc import Mapping
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayActorError, RayTaskError
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from vdit.schedule.placement import Strategy
from vdit.schedule.worker import Crew, Worker, handles
from vdit.train.progress import Progress

# How long the workers of a gang may take together. The placement group is there before; on a cold file system the imports take a minute.
PREPARE_SECONDS = 600.0
JOIN_SECONDS = 300.0  # more than the workers wait for each other, so that they say whom for
WORK_SECONDS = 2 * 3600.0  # of one piece of a trial: loading the weights, some steps, or a video


class Gang(tune.Trainable):  # type: ignore[misc]
    """Its config is {"folder": the trial's folder, "crew": a Crew}.

    A worker that dies (killed, out of memory, lost node) raises: infrastructure. An error in our code or in the data is a result that says
    so. Either way the scheduler decides whether the trial runs again, from its checkpoint.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self.crew: Crew | None = None
        self.workers: list[Any] = []
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Tune calls this instead of `setup` when it hands the actor, workers and all, the next trial."""
        self.folder, self.wanted, self.opened = new_config["folder"], new_config["crew"], False
        return True

    def step(self) -> dict[str, Any]:
        try:
            progress = self.advance()
        except RayTaskError as error:
            if type(error.cause).__name__ in PASSING or lost(self.workers):
                raise
            # Its peers may wait in a collective for the worker that raised: the next trial gets new ones.
            self.cleanup()
            # Not done: whether it is tried again, the scheduler says.
            return {
                "done": False,
                "failure": reason(error),
                "trace": str(error),
                "bad_input": isinstance(error.cause, ValueError | OSError),
            }
        return {"done": progress.finished, "phase": progress.phase, "position": progress.done, "of": progress.total, "rows": progress.rows}

    def advance(self) -> Progress:
        """The next piece of the trial; its first one on the workers of the trial before, if they are what it needs."""
        if self.opened:
            return self.ask("advance")
        if self.crew != self.wanted:
            self.cleanup()
            self.start(self.wanted)
        progress = self.ask("open", self.folder)
        self.opened = True
        return progress

    def ask(self, method: str, *arguments: object) -> Progress:
        progress: Progress = handles(self.workers, WORK_SECONDS, method, *arguments)[0]
        return progress

    def start(self, crew: Crew) -> None:
        group = ray.util.get_current_placement_group()
        needs = crew.shape.worker()
        self.workers = [
            Worker.options(  # type: ignore[attr-defined]
                num_cpus=needs["CPU"],
                num_gpus=needs.get("GPU", 0),
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, rank),
            ).remote(rank, crew)
            for rank in range(crew.shape.workers)
        ]
        address = handles(self.workers, PREPARE_SECONDS, "prepare")[0]
        handles(self.workers, JOIN_SECONDS, "join", *address)
        self.crew = crew

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the workers keep their own checkpoint in the trial's folder."""

    def load_checkpoint(self, checkpoint: Mapping[str, Any] | str | None) -> None:
        """Nothing: the workers find their own checkpoint when the trial is opened."""

    def cleanup(self) -> None:
        for worker in self.workers:
            ray.kill(worker)
        self.workers, self.crew = [], None


def tuner(
    trials: list[str] | Searcher, crew: Crew, strategy: Strategy, run: tune.RunConfig, scheduler: TrialScheduler | None = None
) -> tune.Tuner:
    """Tune over the trials of these folders, or of those that come one by one, each in a gang placed as said, which the next takes over."""
    # The trial's own actor needs nothing of its own beside worker 0.
    bundles = tune.PlacementGroupFactory([{}] + [crew.shape.worker()] * crew.shape.workers, strategy=strategy)
    listed = isinstance(trials, list)
    return tune.Tuner(
        tune.with_resources(Gang, bundles),
        param_space={"crew": crew} | ({"folder": tune.grid_search(trials)} if listed else {}),
        tune_config=tune.TuneConfig(
            reuse_actors=True, scheduler=scheduler, search_alg=None if listed else trials, num_samples=1 if listed else -1
        ),
        run_config=run,
    )


# Errors of `train.group` that the network or a node is to blame for: a trial may do better elsewhere. By name, to need no torch here.
PASSING = ("NotTogetherError", "PeerLostError")


def lost(workers: list[Any], seconds: float = 10.0) -> bool:
    """Whether a worker's process is gone: its peer may be the first to raise. A busy worker is not lost."""
    answers, _ = ray.wait([worker.process.remote() for worker in workers], num_returns=len(workers), timeout=seconds)
    for answer in answers:
        try:
            ray.get(answer)
        except RayActorError:
            return True
    return False


def reason(error: RayTaskError) -> str:
    """The innermost error in one line."""
    cause = error.cause
    if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
        return f"{cause}; free some space, then the same command goes on from here"
    return traceback.format_exception_only(type(cause), cause)[-1].strip()
