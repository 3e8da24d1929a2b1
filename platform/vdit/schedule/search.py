"""A search on Ray Tune: TPE draws points, gangs train them, ASHA ends the worse ones early; each point is a trial like any other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ray.tune.search import Searcher

from vdit.schedule.draws import Draw, Draws
from vdit.schedule.drivers import Claim
from vdit.schedule.halving import Halving
from vdit.schedule.placement import ImpossibleError, Machine
from vdit.schedule.reporter import Outcome, Reporter, folder_of
from vdit.schedule.run import JOB, begin, keep_plan, tune
from vdit.schedule.standing import Ended
from vdit.schedule.stops import keep
from vdit.schedule.view import View
from vdit.schedule.work import Work, left_to
from vdit.study import points
from vdit.study.plan import Plan, PlannedTrial
from vdit.study.points import Point, Space, Stop
from vdit.study.search import objective
from vdit.track.entry import Record


@dataclass(frozen=True, slots=True)
class Turn:
    """A written arm or a point, in the order in which they came, and the key of its trial. `draw` is None for an arm that is no point."""

    key: str
    draw: Draw | None


class Search:
    """The state of a search while it runs: its points on disk, what draws new ones, and what ends trials early.

    `make` plans the study anew, with the points it has by then. What of the plan is `work` runs before any new point; `claim` is the
    driver's.
    """

    def __init__(self, plan: Plan, work: Work, runs: Path, make: Callable[[], Plan], claim: Claim) -> None:
        assert plan.study.search is not None
        self.study, self.runs, self.make, self.claim, self.rules = plan.study, runs, make, claim, plan.study.search
        self.plan, self.space = plan, Space(plan.study)
        self.points = points.drawn(self.study, runs)
        self.draws = Draws(self.space, self.rules)
        self.written = {arm.name: self.space.of(arm) for arm in self.study.arms}
        own = [self.of(name) for name in self.written]
        # An arm that was written down since its point was ended early is to be trained to its end.
        kept = {planned.key for planned in own}
        self.points = [replace(point, stop=None) if point.stop and point.stop.key in kept else point for point in self.points]
        self.halving = Halving(self.rules, [str(folder_of(planned, runs)) for planned in own])
        self.turns: list[Turn] = []
        self.told = 0
        # Keys of trials that have ended, and whose they are where another driver runs them.
        self.over = {planned.key for planned in plan.trials if planned.done} | plan.pruned.keys() | work.failed.keys() | work.left.keys()
        self.left: dict[str, Ended] = {}
        self.remember()
        self.queue = list(work.todo)

    def of(self, arm: str) -> PlannedTrial:
        return next(planned for planned in self.plan.trials if arm in (planned.trial.arm, *planned.shared_with))

    def remember(self) -> None:
        """What earlier runs of the search did, in its order: as if it had been in this one."""
        known = [*self.written.items(), *((self.space.arm(point.values).name, point.values) for point in self.points)]
        for name, values in known:
            planned = self.of(name)
            self.halving.remember(folder_of(planned, self.runs), ended=planned.key in self.over)
            self.turns.append(Turn(planned.key, None if values is None else Draw("", values)))

    def more(self) -> bool:
        return bool(self.queue) or len(self.points) < self.rules.trials

    def next(self) -> PlannedTrial | None:
        """What to run now; None where nothing is, until a trial has ended or for good. A point that has a result already is not run."""
        if self.queue:
            return self.queue.pop(0)
        while self.more() and self.tell():
            draw = self.draws.draw(self.names())
            assert draw is not None, "the space was checked: it has as many points as are asked for"
            planned = self.add(draw)
            if planned is not None:
                return planned
        return None

    def names(self) -> set[str]:
        """Of the arms that are no new points: written ones, under their names and as points, and what was drawn."""
        drawn = [values for values in self.written.values() if values is not None] + [point.values for point in self.points]
        return self.written.keys() | {self.space.arm(values).name for values in drawn}

    def add(self, draw: Draw) -> PlannedTrial | None:
        """Keeps a new point; returns its trial where that has to be run here."""
        self.points.append(Point(draw.values))
        self.keep()
        self.plan = self.make()
        planned = self.of(self.space.arm(draw.values).name)
        known = any(turn.key == planned.key for turn in self.turns)
        self.turns.append(Turn(planned.key, draw))
        if known:
            return None
        owner = self.claim.add(planned.key)
        # What another driver has finished since the plan was made was finished before it was claimed.
        done = self.result(planned.key) is not None
        if done:
            self.halving.remember(folder_of(planned, self.runs), ended=True)
        elif owner is not None:
            self.left[planned.key] = left_to(owner)
        if done or owner is not None:
            self.over.add(planned.key)
            return None
        return planned

    def tell(self) -> bool:
        """Hands on to the sampler how the trials ended, in the order of their turns and no further than the next draw may know.

        False where one of them has not ended yet.
        """
        while self.told < len(self.turns) + 1 - self.rules.parallel:
            turn = self.turns[self.told]
            if turn.key not in self.over:
                return False
            self.told += 1
            if turn.draw is not None:
                self.end(turn.draw, turn.key)
        return True

    def end(self, draw: Draw, key: str) -> None:
        value = self.result(key)
        stop = self.stop_of(key)
        if value is not None:
            self.draws.complete(draw, value)
        elif stop is not None:
            self.draws.stopped(draw, self.halving.level(stop.step), stop.loss)
        else:
            self.draws.failed(draw)

    def result(self, key: str) -> float | None:
        """What the search improves, off the trial's folder; None where it has no result."""
        planned = next(planned for planned in self.plan.trials if planned.key == key)
        file = folder_of(planned, self.runs) / "result.json"
        return objective(self.rules, file) if file.exists() else None

    def stop_of(self, key: str) -> Stop | None:
        return next((point.stop for point in self.points if point.stop and point.stop.key == key), None)

    def stopped(self, stop: Stop) -> None:
        """Keeps where ASHA ended a trial, with every point that it is the trial of."""
        mine = {name for planned in self.plan.trials if planned.key == stop.key for name in (planned.trial.arm, *planned.shared_with)}
        self.points = [Point(point.values, stop) if self.space.arm(point.values).name in mine else point for point in self.points]
        self.keep()

    def keep(self) -> None:
        """A point is on disk before it runs."""
        keep(self.study, self.runs, self.points)


class SearchReporter(Reporter):
    """A reporter whose trials come one by one, and may be ended by ASHA."""

    def __init__(self, search: Search, record: Record, view: View) -> None:
        super().__init__(search.plan, search.queue, search.runs, record, view)
        self.search = search

    def add(self, planned: PlannedTrial) -> str:
        """The folder of a trial that is to start."""
        self.plan = self.search.plan
        folder = str(begin(planned, self.plan, self.runs))
        if folder not in self.todo:
            self.todo[folder] = planned
            self.spending.watch([Path(folder)])
            self.view.add(planned.key, f"{planned.trial.arm}, seed {planned.trial.seed}")
        keep_plan(self.plan, self.runs)
        self.record.study(self.plan.document())
        return folder

    def stops_at(self, folder: str, result: Mapping[str, Any]) -> bool:
        """Or whether ASHA ends the trial with this result."""
        if super().stops_at(folder, result):
            return True
        planned, step, of = self.todo[folder], int(result["position"]), int(result["of"])
        loss = self.search.halving.ends(Path(folder), step, of) if result["phase"] == "train" else None
        if loss is not None:
            self.search.stopped(Stop(planned.key, step, of, loss))
        return loss is not None

    def progressed(self, folder: str, result: Mapping[str, Any]) -> None:
        super().progressed(folder, result)
        planned = self.todo[folder]
        stop = self.search.stop_of(planned.key)
        if stop is not None and planned.key not in self.settled():
            self.skip(planned, Ended("SKIPPED", stop.reason))
            self.view.show(planned.key, f"skipped: {stop.reason}")


class Points(Searcher):  # type: ignore[misc]
    """What Ray Tune asks for the next trial's configuration, in one of its passes."""

    def __init__(self, search: Search, reporter: SearchReporter) -> None:
        super().__init__()
        self.search, self.reporter = search, reporter
        self.running: dict[str, PlannedTrial] = {}

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        planned = None if self.reporter.outcome.stopped else self.search.next()
        if planned is not None:
            self.running[trial_id] = planned
            return {"folder": self.reporter.add(planned)}
        # A trial that Tune gave up, though it is to run again, does so in the next pass.
        wait = self.running and not self.reporter.outcome.stopped
        return None if wait else str(Searcher.FINISHED)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        planned = self.running.pop(trial_id, None)
        if planned is not None and planned.key in self.reporter.settled():
            self.search.over.add(planned.key)

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its searcher to restore a Tuner; a search goes on from its own file.
        return {}

    def save(self, checkpoint_path: str) -> None:
        """Nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see `Search.remember`."""


def run(search: Search, reporter: SearchReporter, startable: Sequence[Machine] = (), job: str = JOB) -> Outcome:
    """Runs a search to its last point on the Ray cluster of this process, in rounds as other studies."""
    try:
        again = search.more()
        while again:
            left = once(search, reporter, startable, job)
            search.queue = [reporter.todo[folder] for folder in left or ()]
            again = left is not None and search.more()
    finally:
        reporter.outcome.left |= search.left
        reporter.close()
    return reporter.outcome


def once(search: Search, reporter: SearchReporter, startable: Sequence[Machine], job: str) -> list[str] | None:
    """A round. Folders of trials that are left for the next one; None where there is none, because the search is through or was stopped."""
    try:
        moved = tune(Points(search, reporter), [search.plan.trials[0].trial], reporter, startable, job)
    except ImpossibleError as error:
        reporter.stop(str(error))
        reporter.outcome.bad_input = True
        return None
    if moved:
        return None if reporter.outcome.stopped else reporter.preempted()
    return reporter.abandoned() or None
