"""A search with the real Ray Tune, Optuna and gangs, of a job whose loss is a formula. A search that nothing disturbs is the oracle."""

import io
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from stage import until
from toy import BEST, VALLEY_STEPS, height

from vdit.schedule import drivers, standing, work
from vdit.schedule.reporter import Outcome
from vdit.schedule.search import Search, SearchReporter, run
from vdit.schedule.view import view
from vdit.study import plan as planning
from vdit.study import points, spec
from vdit.study.points import Point
from vdit.track.memory import Memory

pytestmark = pytest.mark.slow

SEARCHED = """design: search
search: {trials: 6, startup: 3, grace_steps: 2, reduction: 2, seed: 3}
axes: {timestep: {low: 0, high: 600, step: 100}, noise: [gaussian, predicted]}
"""


@pytest.fixture
def searched(tiny: Path) -> Path:
    tiny.write_text(tiny.read_text().replace("design: listed\n", SEARCHED).replace("  VD-T: {prompt: text, noise: gaussian}\n", ""))
    return tiny


def search(study: Path, runs: Path) -> tuple[Outcome, Memory, str]:
    """To its end; also what the record knows then, and what was shown."""
    read, record, out = spec.read(str(study)), Memory(), io.StringIO()
    plan = planning.build(read, runs)
    due = [planned for planned in plan.missing if planned.key not in plan.pruned]
    with (
        drivers.claim(runs, read.study, [planned.key for planned in due]) as claim,
        view({planned.key: planned.trial.arm for planned in due}, Console(file=out, width=300)) as shown,
    ):
        found = Search(plan, work.of(due, runs, claim.others, retry_failed=False), runs, lambda: planning.build(read, runs), claim)
        return run(found, SearchReporter(found, record, shown), job="toy:Valley"), record, out.getvalue()


def drawn(study: Path, runs: Path) -> list[Point]:
    return points.drawn(spec.read(str(study)), runs)


def who(runs: Path) -> list[dict[str, Any]]:
    files = sorted(runs.glob("trials/*/who.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def in_thread(target: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    return thread


def test_a_search_of_six_points_is_the_same_whether_or_not_a_worker_is_killed(cluster: Any, searched: Path, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    runs = tmp_path / "quiet"
    outcome, record, said = search(searched, runs)
    found = drawn(searched, runs)
    assert len(found) == len({json.dumps(point.values) for point in found}) == 6, said
    plan = planning.build(spec.read(str(searched)), runs)
    pruned = {point.stop.key for point in found if point.stop}
    assert 1 <= len(pruned) <= 5, "ASHA has ended some and not all"
    assert outcome.finished == {planned.key for planned in plan.trials} - pruned
    assert outcome.ended == {key: standing.Ended("SKIPPED", reason) for key, reason in plan.pruned.items()}
    assert record.skipped == {key: f"SKIPPED: {reason}" for key, reason in plan.pruned.items()}
    assert set(record.finished) == outcome.finished and len(record.plans[-1]["trials"]) == 7
    states = {one.trial.key: one.state for one in standing.of(plan, runs)}
    assert states == {planned.key: "SKIPPED" if planned.key in pruned else "COMPLETE" for planned in plan.trials}
    assert len({one["pid"] for one in who(runs)}) == 1, "one warm gang runs all"
    check_stops(found)

    loud = tmp_path / "loud"
    thread = in_thread(lambda: search(searched, loud))
    until(lambda: len(list(loud.glob("trials/*/who.jsonl"))) == 4, "the third point")
    until(lambda: any(one.read_text() != "0" for one in loud.glob("trials/*/state.json")), "its first step")
    os.kill(who(loud)[-1]["pid"], signal.SIGKILL)
    thread.join(300)
    assert drawn(searched, loud) == found
    assert len({one["pid"] for one in who(loud)}) == 2


def check_stops(found: list[Point]) -> None:
    """By the rule of ASHA, by hand: the means over the second halves of a rung's steps, of all that came to it before."""
    seen: dict[int, list[float]] = {rung: [mean(0, "predicted", rung)] for rung in (2, 4)}
    for point in found:
        timestep, noise = int(point.values["timestep"]), str(point.values["noise"])
        ended = 0
        for rung in (2, 4):
            others, mine = seen[rung], mean(timestep, noise, rung)
            median = middle(others)
            seen[rung] = [*others, mine]
            if mine > median:
                ended = rung
                break
        assert (point.stop.step if point.stop else 0) == ended, point
        assert point.stop is None or point.stop.loss == pytest.approx(mean(timestep, noise, ended))
    assert BEST % 100 == 0 and VALLEY_STEPS == 8, "8 is the end, no rung"


def mean(timestep: int, noise: str, rung: int) -> float:
    steps = range(rung // 2, rung)
    return sum(height(timestep, noise, step) for step in steps) / len(steps)


def middle(values: list[float]) -> float:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
