"""A Tune trial that is a gang of DeepSpeed workers inside its own placement group, handed on to the next trial (runtime.md, section 8)."""

import errno
import traceback
from collections.abc import Mapping
from typing import Any

import ray
from ray import tune
from ray.exceptions import RayActorError, RayTaskError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from vdit.schedule.worker import Worker, handles


class Gang(tune.Trainable):  # type: ignore[misc]
    """Its config is {"folder": the trial's folder, "gang": {workers, threads, gpus, runs}}.

    A worker that dies (killed, out of memory, lost node) raises: infrastructure. An error in our code or in the data is a result that says
    so. Either way the scheduler decides whether the trial runs again, from its checkpoint.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self.shape: dict[str, Any] = {}
        self.workers: list[Any] = []
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Tune calls this instead of `setup` when it hands the actor, workers and all, the next trial."""
        self.wanted, self.folder, self.opened = new_config["gang"], new_config["folder"], False
        return True

    def start(self, shape: dict[str, Any]) -> None:
        world, gpu = int(shape["workers"]), bool(shape["gpus"])
        group = ray.util.get_current_placement_group()
        self.workers = [
            Worker.options(  # type: ignore[attr-defined]
                num_cpus=shape["threads"],
                num_gpus=1 if gpu else 0,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, rank),
            ).remote(rank, world, shape["threads"], gpu, shape["runs"])
            for rank in range(world)
        ]
        rendezvous = ray.get(self.workers[0].rendezvous.remote()) if world > 1 else ""
        handles(self.workers, "join", rendezvous)
        self.shape = shape

    def step(self) -> dict[str, Any]:
        method, arguments = ("advance", ()) if self.opened else ("open", (self.folder,))
        try:
            # Here and not in `reset_config`: Tune retries what fails in a step, and nothing that fails while an actor is handed on.
            if self.wanted != self.shape:
                self.cleanup()
                self.start(self.wanted)
            progress = handles(self.workers, method, *arguments)[0]
        except RayTaskError as error:
            if lost(self.workers):
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
        self.opened = True
        return {"done": progress.finished, "phase": progress.phase, "position": progress.done, "of": progress.total, "rows": progress.rows}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing: the workers keep their own checkpoint in the trial's folder."""

    def load_checkpoint(self, checkpoint: Mapping[str, Any] | str | None) -> None:
        """Nothing: the workers find their own checkpoint when the trial is opened."""

    def cleanup(self) -> None:
        for worker in self.workers:
            ray.kill(worker)
        self.workers, self.shape = [], {}


def lost(workers: list[Any], seconds: float = 10.0) -> bool:
    """Whether a worker's process is gone: its peer may be the first to raise, when the connection breaks. A busy worker is not lost."""
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
