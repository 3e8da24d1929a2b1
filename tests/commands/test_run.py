"""What `vdit run` says before it starts. Oracle: the plan."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from vdit.commands.run import choose, make_plan, ready
from vdit.study import plan as planning
from vdit.study import spec

AXES = "design: search\nsearch: {trials: 3}\naxes: {timestep: {low: 0, high: 200, step: 100}, noise: [gaussian, predicted]}\n"


@pytest.mark.parametrize(
    ("arm", "told"),
    [(None, "tiny: 2 trials, 0 done, 2 to run, 3 points to draw\n"), ("VD-T", "tiny: 1 trials, 0 done, 1 to run\n")],
)
def test_points_to_draw_are_counted_where_they_are_asked_for(tiny: Path, tmp_path: Path, arm: str | None, told: str) -> None:
    tiny.write_text(tiny.read_text().replace("design: listed\n", AXES))
    plan, out = planning.build(spec.read(str(tiny)), tmp_path / "runs"), io.StringIO()
    ready(Console(file=out, width=300, highlight=False), plan, choose(plan, arm, None), arm is None, tmp_path / "runs")
    assert out.getvalue().startswith(told)


def test_tables_will_tell_of_steps_that_are_not_the_studys(tiny: Path, tmp_path: Path) -> None:
    def made(steps: int) -> planning.Plan:
        return make_plan(str(tiny), tmp_path, {}, steps, 0, "", "")

    assert "--steps" not in made(0).document()["notice"]
    assert made(1).document()["notice"].endswith("Trained at most 1 steps (--steps).")
    assert "(--steps)" in planning.again(made(1), tmp_path).document()["notice"]
    assert "--steps" not in made(1).notice, "another study may have the very trials as its own"
    own = spec.read(str(tiny)).base.train.max_steps
    assert own and made(own).document()["notice"] == made(0).document()["notice"]
    assert {one.key for one in made(1).trials}.isdisjoint(one.key for one in made(0).trials)
