"""What a warm trial costs beside its own steps: a gang of two workers, a bare Ray Tune trial, and Ray Tune around a TorchTrainer.

Run as `python tests/benchmarks/bench_overhead.py`. All but the bare trial, which does nothing, train the same few layers under DeepSpeed
for the same eight steps, without checkpoints. A number is the wall time from the end of a trial to the end of the next, so the steps are
part of it; the first trial, which starts everything, does not count. Goal: 0.3 s for the gang, and 1/50 of Tune around TorchTrainer.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, median
from typing import Any

# Workers find this file, and nothing listens outside this machine.
os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
os.environ |= {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1", "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0"}

import ray
from ray import tune

from vdit.schedule.gang import tuner
from vdit.schedule.nodes import versions
from vdit.schedule.placement import Shape
from vdit.schedule.worker import Crew
from vdit.train.progress import Progress

WORKERS, STEPS = 2, 8
SECONDS, RATIO = 0.3, 50


class Few:
    """A job of a few layers: `open` builds model and engine, `advance` takes all steps."""

    def __init__(self, member: Any, runs: Path) -> None:
        self.rank = member.rank

    def open(self, folder: Path) -> Progress:
        import deepspeed
        import torch

        torch.manual_seed(int(folder.name))
        model = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
        config = {"train_micro_batch_size_per_gpu": 4, "zero_optimization": {"stage": 0}, "steps_per_print": 2**31}
        self.engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, model_parameters=list(model.parameters()), config=config)
        return Progress("train", 0, STEPS)

    def advance(self) -> Progress:
        import torch

        for step in range(STEPS):
            generator = torch.Generator().manual_seed(step * WORKERS + self.rank)
            loss = self.engine(torch.randn(4, 32, generator=generator)).square().mean()
            self.engine.backward(loss)
            self.engine.step()
        return Progress("done", 1, 1, ({"step": float(STEPS), "loss": loss.item()},), {"loss": loss.item()})


class Bare(tune.Trainable):
    """As many reports as a gang's trial of `Few`, and nothing else."""

    def setup(self, config: dict[str, Any]) -> None:
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.reports = 0
        return True

    def step(self) -> dict[str, Any]:
        self.reports += 1
        return {"done": self.reports == 2}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing. Tune saves every trial whose actor it hands on."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing."""


class Ends(tune.Callback):
    """When each trial ended."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.failed: list[str] = []

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any) -> None:
        if "failure" in result:
            self.failed.append(str(result["trace"]))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.times.append(time.perf_counter())

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.failed.append(str(trial))

    def gaps(self) -> list[float]:
        if self.failed:
            raise RuntimeError(self.failed[0])
        return [after - before for before, after in zip(self.times, self.times[1:], strict=False)]


def settings(name: str, storage: Path, ends: Ends) -> tune.RunConfig:
    return tune.RunConfig(name=name, storage_path=str(storage), verbose=0, callbacks=[ends])


def gang(trials: int, storage: Path) -> list[float]:
    """The machinery of a study, with `Few` for its job."""
    ends = Ends()
    places = [storage / "trials" / str(seed) for seed in range(trials)]
    for place in places:
        place.mkdir(parents=True)
    crew = Crew(Shape(WORKERS, 1, False), str(storage), "bench_overhead:Few", versions()())
    tuner([str(place) for place in places], crew, "STRICT_PACK", settings("gang", storage, ends)).fit()
    return ends.gaps()


def bare(trials: int, storage: Path) -> list[float]:
    ends = Ends()
    tune.Tuner(
        tune.with_resources(Bare, {"CPU": WORKERS}),
        param_space={"seed": tune.grid_search(list(range(trials)))},
        tune_config=tune.TuneConfig(reuse_actors=True),
        run_config=settings("bare", storage, ends),
    ).fit()
    return ends.gaps()


def on_trainer(config: dict[str, Any]) -> None:
    """A worker of TorchTrainer, which has made the process group."""
    import ray.train
    import torch.distributed as dist
    from bench_overhead import Few

    from vdit.train.group import Member, settle

    os.environ["DS_ACCELERATOR"] = "cpu"
    settle("gloo")
    job = Few(Member(dist.get_rank(), dist.get_world_size(), Any), Path())
    job.open(Path(str(config["seed"])))
    ray.train.report({"loss": job.advance().result["loss"]})


def nested(config: dict[str, Any]) -> None:
    """A trial of Tune that is a TorchTrainer."""
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer
    from ray.tune.integration.ray_train import TuneReportCallback

    TorchTrainer(
        on_trainer,
        train_loop_config=config,
        torch_config=TorchConfig(backend="gloo"),
        scaling_config=ScalingConfig(num_workers=WORKERS, resources_per_worker={"CPU": 1}),
        run_config=RunConfig(
            name=f"train-{tune.get_context().get_trial_id()}",
            storage_path=config["storage"],
            callbacks=[TuneReportCallback()],
            failure_config=FailureConfig(max_failures=0, controller_failure_limit=0),
        ),
    ).fit()


def trainer(trials: int, storage: Path) -> list[float]:
    ends = Ends()
    tune.Tuner(
        # A driver that took a core would wait for ever for its own workers.
        tune.with_resources(nested, {"slot": 1}),
        param_space={"seed": tune.grid_search(list(range(trials))), "storage": str(storage)},
        tune_config=tune.TuneConfig(max_concurrent_trials=1),
        run_config=settings("trainer", storage, ends),
    ).fit()
    return ends.gaps()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30, help="of the gang and of the bare trial")
    parser.add_argument("--nested", type=int, default=3, help="of Tune around TorchTrainer, which takes its time")
    given = parser.parse_args()
    ray.init(num_cpus=WORKERS, resources={"slot": 1}, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    measured: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        for measure, trials in ((bare, given.trials), (gang, given.trials), (trainer, given.nested)):
            storage = Path(name) / measure.__name__
            measured[measure.__name__] = measure(trials, storage)
    ray.shutdown()
    for key, gaps in measured.items():
        print(f"{key:8} {mean(gaps):7.3f} s a trial (median {median(gaps):.3f}, longest {max(gaps):.3f}, of {len(gaps)})")
    warm, around = mean(measured["gang"]), mean(measured["trainer"])
    print(f"gang: {warm:.3f} s (at most {SECONDS}), 1/{around / warm:.0f} of Tune around TorchTrainer (at most 1/{RATIO})")
    return 0 if warm <= SECONDS and warm * RATIO <= around else 1


if __name__ == "__main__":
    sys.exit(main())
