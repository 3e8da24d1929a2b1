"""bfloat16 through DeepSpeed's own autocast. Oracle: the same steps in single precision."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from vdit.schedule.run import prepare
from vdit.study import plan as planning
from vdit.study import spec
from vdit.train import checkpoint
from vdit.train.group import Member
from vdit.train.session import Session

ALONE = Member(0, 1, torch.device("cpu"))
pytestmark = pytest.mark.usefixtures("process_group")


NOISE = "features.noise.conv.weight"


@dataclass(frozen=True)
class Run:
    """The losses of three steps, the optimizer's copy of the parameters, how far the noise predictor moved, the features' precision."""

    losses: list[float]
    parameters: dict[str, torch.Tensor]
    moved: float
    features: torch.dtype


def run(study: Path, runs: Path, deepspeed: str) -> Run:
    text = study.read_text()
    study.write_text(text.replace("train: {max_steps: 6}", f"train: {{max_steps: 3, deepspeed: {{{deepspeed}}}}}"))
    plan = planning.build(spec.read(str(study)), runs)
    study.write_text(text)
    place = prepare(plan.trials[0], plan, runs)
    session = Session(ALONE, runs)
    session.open(place)
    before = session.model().trainable()[NOISE].detach()
    seen: list[torch.dtype] = []
    hook = session.loop.model.features.pyramid.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]["up2"].dtype))
    found = [session.advance().rows[0]["loss"] for _ in range(3)]
    hook.remove()
    parameters = checkpoint.parameters(session.loop.gather())
    (precision,) = set(seen)
    return Run(found, parameters, float((parameters[NOISE] - before).abs().max()), precision)


@pytest.mark.parametrize("stage", [0, *(pytest.param(stage, marks=pytest.mark.slow) for stage in (1, 2, 3))])
def test_bfloat16_trains_near_single_precision(tiny: Path, tmp_path: Path, stage: int) -> None:
    zero = f"zero_optimization: {{stage: {stage}}}"
    exact = run(tiny, tmp_path / "single", zero)
    near = run(tiny, tmp_path / "half", f"{zero}, torch_autocast: {{enabled: true, dtype: bfloat16}}")
    assert (exact.features, near.features) == (torch.float32, torch.bfloat16)
    assert near.losses == pytest.approx(exact.losses, rel=0.02) and near.losses != exact.losses
    assert all(tensor.dtype == torch.float32 for tensor in near.parameters.values())
    assert near.moved > exact.moved / 2 > 0, "in bfloat16 the noise is not rounded away, so its predictor learns"
