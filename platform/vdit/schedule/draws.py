"""Where the points of a search come from: Optuna's TPE through Ray Tune's OptunaSearch, seeded, no point twice."""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import Any

from optuna import logging
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from ray.tune.search.optuna import OptunaSearch

from vdit.study.points import Parameter, Space, Values
from vdit.study.search import Search

TRIES = 5  # draws that may be points known already, before the nearest point that is not known is taken


@dataclass(frozen=True, slots=True)
class Draw:
    """A point to try. `name` is what Optuna knows it by; "" where it is not as Optuna drew it."""

    name: str
    values: Values


class Seeded(BaseSampler):
    """TPE whose draw depends on the seed, the turn, the parameter, and what is known: not on how often it was asked in this process."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.turn = ""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {}

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        return {}

    def sample_independent(self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution) -> Any:
        seed = int.from_bytes(sha256(f"{self.search.seed}/{self.turn}/{param_name}".encode()).digest()[:4], "big")
        inner = TPESampler(seed=seed, n_startup_trials=self.search.startup)
        return inner.sample_independent(study, trial, param_name, param_distribution)


class Draws:
    """Points of a space that are in none of the arms known; told what became of each."""

    def __init__(self, space: Space, search: Search) -> None:
        self.space, self.search, self.sampler, self.names = space, search, Seeded(search), count()
        # It would announce its study on the screen.
        logging.set_verbosity(logging.WARNING)
        kinds = {parameter.name: distribution(parameter) for parameter in space.parameters}
        self.optuna = OptunaSearch(kinds, metric=search.metric, mode=search.mode, sampler=self.sampler)

    def draw(self, known: Collection[str]) -> Draw | None:
        """The next point, whose arm has none of the `known` names; None where every point is known."""
        for attempt in range(TRIES):
            self.sampler.turn = f"{len(known)}.{attempt}"
            name = f"draw-{next(self.names)}"
            values = self.optuna.suggest(name)
            if self.space.arm(values).name not in known:
                return Draw(name, values)
            self.optuna.on_trial_complete(name, error=True)
        left = (other for other in self.space.every() if self.space.arm(other).name not in known)
        nearest = min(left, key=lambda other: self.distance(values, other), default=None)
        return None if nearest is None else Draw("", nearest)

    def distance(self, one: Values, other: Values) -> float:
        """Parts of a range, and one for each level that differs."""
        apart = 0.0
        for parameter in self.space.parameters:
            mine, its = one[parameter.name], other[parameter.name]
            if parameter.ordered:
                places = list(parameter.choices)
                apart += abs(places.index(mine) - places.index(its)) / len(places)
            else:
                apart += mine != its
        return apart

    def complete(self, draw: Draw, value: float) -> None:
        if draw.name:
            self.optuna.on_trial_complete(draw.name, {self.search.metric: value})
        else:
            self.optuna.add_evaluated_point(dict(draw.values), value)

    def stopped(self, draw: Draw, level: int, loss: float) -> None:
        """Ended by ASHA: worse than any that was not, and the worse the fewer rungs it passed."""
        signed = loss if self.search.mode == "min" else -loss
        if not draw.name:
            self.optuna.add_evaluated_point(dict(draw.values), signed, pruned=True, intermediate_values=[signed] * level)
            return
        for rung in range(level):
            self.optuna.on_trial_result(draw.name, {self.search.metric: signed, "training_iteration": rung})
        self.optuna.on_trial_complete(draw.name, {})

    def failed(self, draw: Draw) -> None:
        """It says nothing of the space."""
        if draw.name:
            self.optuna.on_trial_complete(draw.name, error=True)


def distribution(parameter: Parameter) -> BaseDistribution:
    choices = list(parameter.choices)
    if parameter.ordered:
        first, second, last = int(choices[0]), int(choices[1]), int(choices[-1])
        return IntDistribution(first, last, step=second - first)
    return CategoricalDistribution(choices)
