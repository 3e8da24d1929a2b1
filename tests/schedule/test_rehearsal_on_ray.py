"""Rehearsals in real gangs, of a job that fails for one arm and is the same for two: what is said, and that nothing else has begun."""

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vdit.schedule.rehearsal import Verdict, on_ray, refusal, stage
from vdit.schedule.view import view
from vdit.study import plan as planning
from vdit.study import spec

pytestmark = pytest.mark.slow


def rehearse(study: Path, runs: Path) -> tuple[Verdict, str]:
    plan, out = planning.build(spec.read(str(study)), runs), io.StringIO()
    found = stage(plan, plan.missing, runs, searched=False)
    return on_ray(found, lambda names: view(names, Console(file=out, width=300)), job="toy:Rehearsed"), out.getvalue()


def test_an_arm_that_fails_is_named_at_once_and_one_that_is_the_same_once_all_can_run(cluster: Any, tiny: Path, tmp_path: Path) -> None:
    cluster.add_node(num_cpus=1)
    text, runs = tiny.read_text(), tmp_path / "runs"
    later = "  later: {prompt: image+text, noise: predicted, timestep: 50}\n"
    tiny.write_text(text.replace("  VD-T:", f"{later}  VD-T:"))
    verdict, said = rehearse(tiny, runs)
    (reason,) = verdict.refused
    assert reason.startswith("arm 'VD-T' cannot run: RuntimeError: 80 GB are not enough (in its rehearsal")
    assert "again in" not in said, "an error is told, not tried again"
    assert [file.read_text().count("\n") for file in runs.glob("rehearsals/tiny/trials/*/who.jsonl")] == [1, 1, 1]
    assert len(list(runs.glob("rehearsals/*.json"))) == 2 and not (runs / "trials").exists()

    plan = planning.build(spec.read(str(tiny)), runs)
    outcome = refusal(verdict, plan, plan.missing, runs)
    assert {end.state for end in outcome.ended.values()} == {"SKIPPED"} and len(outcome.ended) == 3

    tiny.write_text(text.replace("  VD-T: {prompt: text, noise: gaussian}\n", later))
    verdict, said = rehearse(tiny, runs)
    (reason,) = verdict.refused
    assert reason.startswith(
        "arm 'later' is a no-op: with timestep 50 for the preset's level the losses and gradients of the first step are"
    )
    assert said == "", "both have been rehearsed before"
    assert {path.suffix for path in (runs / "rehearsals").iterdir()} == {".json"}
