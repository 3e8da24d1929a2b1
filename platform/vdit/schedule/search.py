"""A search on Ray Tune: TPE draws points, gangs train them, ASHA ends the worse ones early; each point is a trial like any other."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from vdit.schedule.draws import Draw, Draws
from vdit.schedule.halving import Halving
from vdit.schedule.run import Outcome, Reporter, fit, folder_of, keep_plan, prepare
from vdit.schedule.view import View
from vdit.study import points
from vdit.study.plan import Plan, PlannedTrial
from vdit.study.points import Point, Space, Stop
from vdit.track.entry import Record


class Search:
    """The state of a search while it runs: its points on disk, what draws new ones, and what ends trials early."""

    def __init__(self, plan: Plan, runs: Path, make: Callable[[], Plan]) -> None:
        assert plan.study.search is not None
        self.study, self.runs, self.make, self.rules = plan.study, runs, make, plan.study.search
        self.plan, self.space = plan, Space(plan.study)
        self.points = points.drawn(self.study, runs)
        self.draws = Draws(self.space, self.rules)
        written = [str(folder_of(self.of(arm.name), runs)) for arm in self.study.arms]
        self.halving = Halving(self.rules, written)
        self.waiting: dict[str, list[Draw]] = {}
        self.queue = self.known()

    def of(self, arm: str) -> PlannedTrial:
        return next(planned for planned in self.plan.trials if arm in (planned.trial.arm, *planned.shared_with))

    def known(self) -> list[PlannedTrial]:
        """Tells the sampler and ASHA what is known; returns what is to be run before any new point: written arms, and what was cut off."""
        listed = [(arm.name, Point(values) if (values := self.space.of(arm)) else None) for arm in self.study.arms]
        listed += [(self.space.arm(point.values).name, point) for point in self.points]
        queue: dict[str, PlannedTrial] = {}
        for name, point in listed:
            planned = self.of(name)
            self.halving.remember(folder_of(planned, self.runs))
            ended = point is not None and point.stop is not None and point.stop.key == planned.key
            if not planned.done and not ended:
                queue[planned.key] = planned
            if point is not None:
                self.waiting.setdefault(planned.key, []).append(Draw("", point.values))
            if planned.key not in queue:
                self.told(planned)
        return list(queue.values())

    def next(self) -> PlannedTrial | None:
        """What to run now; None where all points are drawn. A point that has a result already is told, not run."""
        if self.queue:
            return self.queue.pop(0)
        while len(self.points) < self.rules.trials:
            names = {arm.name for arm in (*self.study.arms, *points.arms(self.study, self.runs))}
            draw = self.draws.draw(names)
            if draw is None:
                return None
            self.points.append(Point(draw.values))
            points.keep(self.study, self.runs, self.points)
            self.plan = self.make()
            planned = self.of(self.space.arm(draw.values).name)
            runs_already = planned.key in self.waiting
            self.waiting.setdefault(planned.key, []).append(draw)
            if planned.done:
                self.told(planned)
            elif not runs_already:
                return planned
        return None

    def told(self, planned: PlannedTrial) -> None:
        """Hands on how a trial ended, read off its folder, to all points that it is the trial of."""
        file = folder_of(planned, self.runs) / "result.json"
        stop = next((point.stop for point in self.points if point.stop and point.stop.key == planned.key), None)
        for draw in self.waiting.pop(planned.key, []):
            if file.exists():
                self.draws.complete(draw, float(json.loads(file.read_bytes())["metrics"][self.rules.metric]))
            elif stop is not None:
                self.draws.stopped(draw, self.halving.level(stop.step), stop.loss)
            else:
                self.draws.failed(draw)

    def stopped(self, stop: Stop) -> None:
        """Keeps where ASHA ended a trial, with every point that it is the trial of."""
        mine = {name for planned in self.plan.trials if planned.key == stop.key for name in (planned.trial.arm, *planned.shared_with)}
        self.points = [Point(point.values, stop) if self.space.arm(point.values).name in mine else point for point in self.points]
        points.keep(self.study, self.runs, self.points)


class SearchReporter(Reporter):
    """A reporter whose trials come one by one, and may be ended by ASHA."""

    def __init__(self, search: Search, record: Record, view: View) -> None:
        super().__init__(search.plan, (), search.runs, record, view)
        self.search = search

    def add(self, planned: PlannedTrial) -> str:
        """The folder of a trial that is to start."""
        self.plan = self.search.plan
        folder = str(prepare(planned, self.plan, self.runs))
        self.todo[folder] = planned
        self.view.add(planned.key, f"{planned.trial.arm}, seed {planned.trial.seed}")
        keep_plan(self.plan, self.runs)
        self.tell(lambda: self.record.study(self.plan.document()))
        return folder

    def ends(self, folder: str, result: dict[str, Any]) -> bool:
        """Whether ASHA ends the trial with this result."""
        if result.get("phase") != "train":
            return False
        planned, step, of = self.todo[folder], int(result["position"]), int(result["of"])
        loss = self.search.halving.ends(Path(folder), step, of)
        if loss is not None:
            self.search.stopped(Stop(planned.key, step, of, loss))
        return loss is not None

    def progressed(self, folder: str, result: Any) -> None:
        super().progressed(folder, result)
        planned = self.todo[folder]
        stop = next((point.stop for point in self.search.points if point.stop and point.stop.key == planned.key), None)
        if stop is not None and result["done"] and result.get("phase") == "train":
            self.skip(planned, stop.reason)


class Points(Searcher):  # type: ignore[misc]
    """What Ray Tune asks for the next trial's configuration."""

    def __init__(self, search: Search, reporter: SearchReporter) -> None:
        super().__init__()
        self.search, self.reporter = search, reporter
        self.running: dict[str, PlannedTrial] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str:
        planned = self.search.next()
        if planned is None:
            return str(Searcher.FINISHED)
        self.running[trial_id] = planned
        return {"folder": self.reporter.add(planned)}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        self.search.told(self.running.pop(trial_id))

    def __getstate__(self) -> dict[str, Any]:
        # As for the scheduler below; a search goes on from its own file.
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see `Search.known`."""


class Asha(FIFOScheduler):  # type: ignore[misc]
    """First come, first served; ends the trials that the reporter ends."""

    def __init__(self, reporter: SearchReporter) -> None:
        super().__init__()
        self.reporter = reporter

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its scheduler to restore a Tuner; a study is never restored but planned again.
        return {}

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        ended = self.reporter.ends(trial.config["folder"], result)
        return str(TrialScheduler.STOP if ended else TrialScheduler.CONTINUE)


def run(plan: Plan, runs: Path, record: Record, view: View, make: Callable[[], Plan]) -> Outcome:
    """Runs a search to its last point on the Ray cluster of this process; `make` plans the study anew, with the points it has by then."""
    search = Search(plan, runs, make)
    reporter = SearchReporter(search, record, view)
    how = tune.TuneConfig(reuse_actors=True, search_alg=Points(search, reporter), scheduler=Asha(reporter), num_samples=-1)
    fit(reporter, {}, how)
    return reporter.outcome
