"""A study's store before it runs: made where it is missing, large enough, and the same folder on every node."""

import shutil
from pathlib import Path

from vdit.config.stage import Digests, group, stage_code, stored
from vdit.config.trial import Trial
from vdit.features.remote import remote_of
from vdit.features.store import MARK, create, folder_of, identity
from vdit.schedule import nodes
from vdit.schedule.placement import asked
from vdit.study.plan import Plan, PlannedTrial
from vdit.train.folder import stats

PATIENCE = 60.0  # seconds for a node to say which store it sees


def chosen(setting: str) -> str:
    """`launch.store` as workers need it, which start in folders of their own."""
    return setting if setting in ("off", "on") or ":/" in setting else str(Path(setting).resolve())


def prepare(plan: Plan, runs: Path) -> None:
    """Makes the store of the missing trials, if they have one. Raises ValueError where it cannot be written or is too small for them."""
    settings = {planned.trial.launch.store for planned in (plan.trials if plan.due else plan.missing)}
    for setting in sorted(settings):
        root = folder_of(setting, runs)
        if root is None:
            continue
        create(root, remote_of(setting))
        there = sum(about.st_size for name in {name for stage in plan.stages for name in stage.groups} for about in stats(root / name))
        needed = sum(stage.disk_bytes or 0 for stage in plan.stages if stage.stored) - there
        free = shutil.disk_usage(root).free
        if needed > free:
            raise ValueError(
                f"store {root} has {free / 1e9:.1f} GB free, the study's training clips need up to {needed / 1e9:.1f} GB more; "
                "free some (vdit store gc), give another folder with --store, or `off`"
            )


def check_nodes(trial: Trial, runs: Path) -> None:
    """Asks every node that holds a worker of the trial for the store. Raises ValueError naming those that see another folder, or none.

    And those that do not reach the URL behind it.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    setting = trial.launch.store
    root = folder_of(setting, runs)
    if root is None:
        return
    ask = ray.remote(num_cpus=0)(_seen)
    answers = {
        machine.name: ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(key, soft=False)).remote(str(root), setting)
        for key, machine in nodes.by_id().items()
        if machine.room(asked(trial.launch))
    }
    # Where an autoscaler has started none yet, there is nobody to ask.
    ready = ray.wait(list(answers.values()), num_returns=len(answers), timeout=PATIENCE)[0] if answers else []
    here, late = identity(root), f"no answer in {PATIENCE:.0f} s"

    def other(store: str) -> str:
        return "" if store == here else store

    said = {name: nodes.told(answer, other) if answer in ready else late for name, answer in answers.items()}
    wrong = [f"{name}: {trouble}" for name, trouble in said.items() if trouble]
    if wrong:
        behind = f", or {setting} is not at hand there" if remote_of(setting) else ""
        raise ValueError(
            f"store {root} is not the same folder on every node{behind} ({'; '.join(wrong)}); "
            "give launch.store, or --store, a folder that all nodes share, a URL that all nodes reach, or `off`"
        )


def _seen(root: str, setting: str) -> str:
    """Which store a node sees and can write, or what is wrong with it."""
    try:
        return create(Path(root), remote_of(setting)) if (Path(root) / MARK).exists() else identity(Path(root))
    except ValueError as error:
        return str(error)


def representatives(plan: Plan, runs: Path) -> list[PlannedTrial]:
    """Missing trials that together encode all that the missing trials encode: of several with the same clips, the one with most stages."""
    code = stage_code(runs / "manifests")
    found: list[tuple[PlannedTrial, frozenset[str], object]] = []
    for planned in sorted(plan.missing, key=lambda planned: -len(stored(planned.trial))):
        digests = Digests(planned.data, planned.weights, code)
        own, clips = frozenset(group(stage, planned.trial, digests) for stage in stored(planned.trial)), _clips(planned.trial)
        if own and not any(own <= other and clips == seen for _, other, seen in found):
            found.append((planned, own, clips))
    return [planned for planned, _, _ in found]


def _clips(trial: Trial) -> object:
    """What decides which clips a trial encodes, and how they are padded."""
    train, launch = trial.train, trial.launch
    steps = (train.batch, train.epochs, train.max_steps, launch.workers, launch.micro_batch)
    return trial.data, steps, train.deepspeed.torch_autocast, trial.evaluate
