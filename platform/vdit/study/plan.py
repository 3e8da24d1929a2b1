"""The plan: a study's arms and seeds as distinct trials with their keys, what is done of them, and what the rest will take."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vdit.config.canonical import Memo, canonical
from vdit.config.code import PACKAGES, code_digest
from vdit.config.identity import data_identity, weights_identity
from vdit.config.key import folder_name, section_digests, trial_key
from vdit.config.shipped import located
from vdit.config.stage import Digests, Stored, group, stage_code
from vdit.config.trial import Trial
from vdit.study import design, feasible, points
from vdit.study.accept import Acceptances, find, last_plan, remembered
from vdit.study.preset import Cost, Estimate
from vdit.study.spec import Arm, Level, Study
from vdit.study.stages import Sharing, Stage, seconds_a_clip, stages
from vdit.study.start import UNKNOWN, Starts

# Where the folder is not given yet. Never the identity of anything, so that no result can be found under it.
ABSENT = "not given"
MEASURED = 50  # finished trials, at most, that are asked what a clip's frozen stages took


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial with its identity. `shared_with` are the other arms whose resolved configuration is the same.

    `code` is what has computed it, or will. Where a result of older code is accepted, `code` and `key` are that result's.
    """

    key: str
    trial: Trial
    levels: Mapping[str, Level]
    done: bool
    shared_with: tuple[str, ...]
    data: str
    weights: str
    code: str

    @property
    def folder(self) -> str:
        return folder_name(self.key)

    def row(self, memo: Memo) -> dict[str, Any]:
        """As plan.json has it; `memo` as for `section_digests`."""
        return {
            "key": self.key,
            "arm": self.trial.arm,
            "seed": self.trial.seed,
            "levels": {name: list(level) if isinstance(level, tuple) else level for name, level in self.levels.items()},
            "done": self.done,
            "shared_with": list(self.shared_with),
            "code": self.code,
            "digests": self.digests(memo),
        }

    def digests(self, memo: Memo) -> dict[str, str]:
        """All that the key is made of, beside seed and code."""
        return {**section_digests(self.trial, memo), "data": self.data, "weights": self.weights}


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a study will run. `arms` has the reference first; `notice` is what every output has to say beside its numbers.

    `shortened` is what the study's outputs have to say where it does not run as its file has it; `each` is what one of its trials takes.
    `accepted` are results of older code that stand for trials, of this study or another; `last` is plan.json of the study's last run.
    Of a search `pruned` says, by key, why the trial of a point was ended early, and `undrawn` is how many points are still to be drawn.
    """

    study: Study
    arms: tuple[Arm, ...]
    trials: tuple[PlannedTrial, ...]
    stages: tuple[Stage, ...]
    each: Estimate
    code: str
    accepted: Acceptances
    notice: str
    last: Mapping[str, Any] | None
    pruned: Mapping[str, str]
    undrawn: int
    shortened: str = ""

    @property
    def said(self) -> str:
        """What the study's outputs say beside its numbers."""
        return " ".join(filter(None, (self.notice, self.shortened)))

    @property
    def missing(self) -> tuple[PlannedTrial, ...]:
        return tuple(trial for trial in self.trials if not trial.done)

    @property
    def due(self) -> int:
        """How many trials the estimate is of: those that are missing and not pruned, and those of points that are not drawn yet."""
        return sum(trial.key not in self.pruned for trial in self.missing) + self.undrawn

    @property
    def estimate(self) -> Cost:
        """What all that is due will take."""
        return self.each.times(self.due)

    @property
    def older(self) -> tuple[PlannedTrial, ...]:
        """Those whose result is one of older code that is accepted."""
        return tuple(trial for trial in self.trials if trial.code != self.code)

    def document(self) -> dict[str, Any]:
        """plan.json and `vdit plan --json` (interface.md, Files)."""
        study = self.study
        memo: Memo = {}
        return {
            "study": study.study,
            "preset": study.preset,
            "design": study.design,
            "reference": self.arms[0].name,
            "measure": list(study.measure),
            "methods": list(study.methods),
            **({"search": asdict(study.search)} if study.search else {}),
            "seeds": list(study.seeds),
            "arms": [arm.name for arm in self.arms],
            "trials": [trial.row(memo) for trial in self.trials],
            "stages": [asdict(stage) | {"arms": list(stage.arms), "groups": list(stage.groups)} for stage in self.stages],
            "estimate": asdict(self.estimate),
            "code": self.code,
            "keep": study.base.launch.keep,
            "starts": sorted({trial.trial.train.start for trial in self.missing} - {""}),
            "accepted": {key: [older.key, older.code] for key, older in self.accepted.items()},
            "data": sorted({trial.data for trial in self.trials}),
            "weights": sorted({trial.weights for trial in self.trials}),
            "notice": self.said,
        }


def build(
    study: Study,
    runs: Path,
    *,
    provisional: bool = False,
    accept: str = "",
    packages: tuple[str, ...] = PACKAGES,
    more: Sequence[Arm] = (),
) -> Plan:
    """The plan of a study against what `runs` holds. Writes manifests there and nothing else. `more` are points of a search to plan too.

    `accept` is the digest of older code, or its beginning, whose results stand beside those that the study's last run accepted.

    Raises ValueError where a folder of data is needed and not given; with `provisional` only the notice says so, and nothing is done.
    """
    drawn = {arm.name: arm for arm in (*points.arms(study, runs), *more)}
    arms = design.arms(study, list(drawn.values()))
    resolved = design.resolve(study.base, arms)
    feasible.check(study.path, arms, resolved)
    space = points.Space(study) if study.search else None
    if space is not None:
        space.check()
    design.check_noops(study, arms if space is None else [*study.arms, *space.corners()])
    code = code_digest(packages, runs / "manifests")
    memo: Memo = {}
    pairs = _pairs(study.seeds, list(zip(arms, resolved, strict=True)), Starts(study, runs, provisional))
    last = last_plan(runs, study.study)
    accepted = {**remembered(last, code), **(find(runs, accept, code) if accept else {})}
    identities = _Identities(runs / "manifests", provisional, memo)
    trials = _trials(pairs, identities, code, _Results(_finished(runs), accepted))
    reasons, undrawn = points.stopped(study, runs), points.undrawn(study, runs)
    written = {arm.name for arm in study.arms}
    early = (trial for trial in trials if trial.key in reasons and not trial.done and trial.trial.arm not in written)
    pruned = {trial.key: reasons[trial.key] for trial in early}
    each = _each(study.estimate.of(study.base.train), trials, runs)
    shared = stages(resolved, memo, _sharing(study, identities, trials, runs))
    return Plan(study, tuple(arms), trials, shared, each, code, accepted, _notice(trials), last, pruned, undrawn)


def again(plan: Plan, runs: Path) -> Plan:
    """The same plan with what is done by now, and with the points that a search has by now; the rest is as it was when it was made."""
    if plan.study.search is not None:
        return replace(build(plan.study, runs), shortened=plan.shortened)
    finished = _finished(runs)
    trials = (replace(trial, done=trial.folder in finished and trial.data != ABSENT) for trial in plan.trials)
    return replace(plan, trials=tuple(trials))


class _Identities:
    """Keys of trials. Digests of data and weights are computed once for what they depend on: a folder is not walked once a trial."""

    def __init__(self, manifests: Path, provisional: bool, memo: Memo) -> None:
        self.manifests, self.provisional, self.memo = manifests, provisional, memo
        self.seen: dict[tuple[str, ...], str] = {}

    def data(self, trial: Trial) -> str:
        absent = self.provisional and not trial.launch.data and trial.data.benchmark != "miniature"
        # Texts instead of what they are of, because a text remembers its hash.
        place = ("data", trial.launch.data, trial.data.benchmark, canonical(trial.data.world, self.memo))
        if place not in self.seen:
            self.seen[place] = ABSENT if absent else data_identity(trial, self.manifests)
        return self.seen[place]

    def weights(self, trial: Trial) -> str:
        backbone, architecture = canonical(trial.model.backbone, self.memo), canonical(trial.model.architecture, self.memo)
        place = ("weights", trial.launch.weights, backbone, architecture)
        if place not in self.seen:
            self.seen[place] = weights_identity(trial, self.manifests)
        return self.seen[place]


def _pairs(seeds: Sequence[int], arms: Sequence[tuple[Arm, Trial]], starts: Starts) -> Iterator[tuple[Arm, Trial]]:
    """Every arm with every seed. Seeds are outermost: a study that is interrupted has whole replicates."""
    return ((arm, starts.of(trial if trial.seed == seed else replace(trial, seed=seed))) for seed in seeds for arm, trial in arms)


@dataclass(frozen=True, slots=True)
class _Results:
    """Folder names of finished trials, and which of them stand for a trial of the code of today."""

    finished: frozenset[str]
    accepted: Acceptances

    def place(self, key: str, code: str) -> tuple[str, str, bool]:
        """Of a trial's key: that of its result with the code that computed it, and whether it is there."""
        older = self.accepted.get(key)
        if folder_name(key) not in self.finished and older and folder_name(older.key) in self.finished:
            return older.key, older.code, True
        return key, code, folder_name(key) in self.finished


def _trials(pairs: Iterable[tuple[Arm, Trial]], identities: _Identities, code: str, results: _Results) -> tuple[PlannedTrial, ...]:
    """One trial a key, under the first arm that has it."""
    found: dict[str, PlannedTrial] = {}
    sharing: dict[str, list[str]] = {}
    for arm, trial in pairs:
        data, weights = identities.data(trial), identities.weights(trial)
        key = trial_key(trial, data, weights, code, identities.memo)
        if key in found:
            sharing.setdefault(key, []).append(arm.name)
            continue
        place, author, done = results.place(key, code)
        found[key] = PlannedTrial(place, trial, arm.levels, done and data != ABSENT, (), data, weights, author)
    found |= {key: replace(found[key], shared_with=tuple(names)) for key, names in sharing.items()}
    return tuple(found.values())


def _finished(runs: Path) -> frozenset[str]:
    """Names of the trial folders that hold a result."""
    folder = runs / "trials"
    if not folder.is_dir():
        return frozenset()
    with os.scandir(folder) as entries:
        return frozenset(entry.name for entry in entries if (folder / entry.name / "result.json").exists())


def _each(expected: Estimate, trials: Sequence[PlannedTrial], runs: Path) -> Estimate:
    """From this study's finished trials where there are any: they have its sizes and ran on its machine."""
    measured = [seconds for trial in trials if trial.done for seconds in _seconds(runs / "trials" / trial.folder / "result.json")]
    if not measured:
        return expected
    source = f"mean of {len(measured)} finished trials of this study"
    return replace(expected, seconds_per_trial=sum(measured) / len(measured), source=source)


def _sharing(study: Study, identities: _Identities, trials: Sequence[PlannedTrial], runs: Path) -> Sharing:
    """Where the store has the stages of this study, and what a clip took where one has been filled."""
    code = stage_code(runs / "manifests")
    done = [runs / "trials" / trial.folder / "result.json" for trial in trials if trial.done][:MEASURED]

    def place(stage: Stored, trial: Trial) -> str:
        return group(stage, trial, Digests(identities.data(trial), identities.weights(trial), code), identities.memo)

    return Sharing(place, len(study.seeds), seconds_a_clip(done))


def _seconds(result: Path) -> list[float]:
    value = json.loads(result.read_bytes()).get("seconds")
    return [float(value)] if isinstance(value, int | float) else []


def _notice(trials: Sequence[PlannedTrial]) -> str:
    first = trials[0].trial
    notices = []
    if any(trial.data == ABSENT for trial in trials):
        notices.append(f"No folder of {first.data.benchmark} is given (--data DIR): keys are provisional, and what is done is not known.")
    if any(trial.trial.train.start == UNKNOWN for trial in trials):
        notices.append("The study to start from has not been run here: keys are provisional, and what is done is not known.")
    if not first.launch.weights or untrained(located(first.launch.weights)):
        notices.append(
            "No pretrained checkpoint is given (--weights DIR): the frozen networks have random weights, "
            "and no number here reproduces the paper."
        )
    elif first.data.benchmark == "miniature":
        notices.append("The miniature world is not the paper's data: no number here reproduces the paper.")
    return " ".join(notices)


def untrained(weights: Path) -> bool:
    """Whether the folder says of itself that its weights were drawn, not trained (backbones/miniature.py)."""
    return (card := weights / "vdit.json").exists() and not json.loads(card.read_text())["trained"]
