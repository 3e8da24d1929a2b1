"""Oracles: the tensors that were saved; a single uninterrupted worker."""

import os
import subprocess
import sys
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
GANG = """
import sys, torch
from pathlib import Path
from torch.distributed import FileStore
from vdit.train.group import Member, join
from vdit.train.session import Session
rank, world, rendezvous, place, stop = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), int(sys.argv[5])
torch.set_num_threads(1)
member = Member(rank, world, torch.device("cpu"))
join(member, FileStore(rendezvous, world))
session = Session(member, place.parents[1])
session.open(place)
while session.step < stop:
    session.advance()
"""


def trial_folder(study: Path, runs: Path) -> Path:
    plan = planning.build(spec.read(str(study)), runs)
    return prepare(plan.trials[0], plan, runs)


def together(place: Path, workers: int, stop: int) -> None:
    """Trains with so many worker processes up to a step."""
    rendezvous = place / f"meeting-{workers}-{stop}"
    commands = [[sys.executable, "-c", GANG, *map(str, (rank, workers, rendezvous, place, stop))] for rank in range(workers)]
    processes = [subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.PIPE) for command in commands]
    for process in processes:
        _, said = process.communicate(timeout=300)
        assert process.returncode == 0, said.decode()[-2000:]


def trained(place: Path) -> dict[str, torch.Tensor]:
    saved = checkpoint.read(place / "checkpoint" / checkpoint.NAME)
    assert saved is not None
    return saved[0]


def without_dropout(study: Path, stage: int, launch: str = "") -> None:
    """Dropout draws differ by worker and part."""
    text = study.read_text().replace(
        "train: {max_steps: 6}", f"train: {{max_steps: 4, deepspeed: {{zero_optimization: {{stage: {stage}}}}}}}"
    )
    text = text.replace("launch: {", f"launch: {{{launch}") + "model: {head: {dropout: 0.0}}\n"
    study.write_text(text)


def close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    """Summation order differs, and AdamW makes whole steps of gradients that are mere rounding: in one weight of a thousand."""
    assert found.keys() == expected.keys()
    names = list(checkpoint.parameters(expected))
    ours, theirs = (torch.cat([tensors[f"parameter/{name}"].flatten() for name in names]) for tensors in (found, expected))
    apart = (ours - theirs).abs()
    assert (apart > 1e-4 + 1e-3 * theirs.abs()).float().mean() < 1e-3
    assert apart.max() < 4 * 1e-3, "four steps at the learning rate"


SLOW = [(stage, *workers) for stage in range(4) for workers in ((2, 1), (1, 2))]


@pytest.mark.parametrize(("stage", "before", "after"), [SLOW.pop(-2), *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)])
def test_a_trial_saved_by_some_workers_goes_on_with_another_number(tiny: Path, tmp_path: Path, stage: int, before: int, after: int) -> None:
    without_dropout(tiny, stage)
    moved, alone = trial_folder(tiny, tmp_path / "moved"), trial_folder(tiny, tmp_path / "alone")
    together(moved, before, 2)
    halfway = trained(moved)
    together(moved, after, 4)
    together(alone, 1, 4)
    close(trained(moved), trained(alone))
    assert any(not torch.equal(halfway[name], value) for name, value in trained(moved).items()), "it went on"


@pytest.mark.usefixtures("process_group")
def test_parts_of_a_batch_add_up_to_the_batch(tiny: Path, tmp_path: Path) -> None:
    places = []
    for name, launch in (("whole", ""), ("parts", "micro_batch: 1, ")):
        original = tiny.read_text()
        without_dropout(tiny, 0, launch)
        place = trial_folder(tiny, tmp_path / name)
        tiny.write_text(original)
        session = Session(ALONE, tmp_path / name)
        session.open(place)
        for _ in range(4):
            session.advance()
        places.append(place)
    assert places[0].name == places[1].name, "the size of the parts is no part of the key"
    close(trained(places[1]), trained(places[0]))


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize(("class_head", "kept"), [("keep", True), ("re-initialise", False)])
def test_fine_tuning_begins_with_what_was_trained_but_for_the_class_heads(tiny: Path, tmp_path: Path, class_head: str, kept: bool) -> None:
    place = trial_folder(tiny, tmp_path / "coarse")
    session = Session(ALONE, tmp_path / "coarse")
    session.open(place)
    session.advance()
    session.advance()
    before = checkpoint.parameters(trained(place))
    drawn = session.model().trainable()
    tiny.write_text(tiny.read_text().replace("max_steps: 6", f"max_steps: 6, class_head: {class_head}"))
    plan = planning.build(spec.read(str(tiny), start=place / "checkpoint" / checkpoint.NAME), tmp_path / "fine")
    fine = Session(ALONE, tmp_path / "fine")
    assert fine.open(prepare(plan.trials[0], plan, tmp_path / "fine")).done == 0
    for name, parameter in fine.loop.model.trainable().items():
        expected = before[name] if kept or not name.startswith("head.classes.") else drawn[name]
        assert torch.equal(parameter, expected), name
    assert not torch.equal(before["head.classes.0.weight"], drawn["head.classes.0.weight"]), "training moved them"


@pytest.mark.usefixtures("process_group")
def test_a_beginning_that_is_missing_or_of_another_architecture_is_refused(tiny: Path, tmp_path: Path) -> None:
    model = Session(ALONE, tmp_path / "runs")
    place = trial_folder(tiny, tmp_path / "runs")
    model.open(place)
    with pytest.raises(ValueError, match="is missing; it holds the parameters to start from"):
        checkpoint.begin(model.loop.model, tmp_path / "absent", "keep")
    checkpoint.write(tmp_path, {name: value for name, value in model.loop.gather().items() if "encoder" not in name}, 1)
    with pytest.raises(ValueError, match="of another architecture"):
        checkpoint.begin(model.loop.model, tmp_path / checkpoint.NAME, "keep")


def test_what_is_kept_comes_back_into_the_same_tensors(tmp_path: Path) -> None:
    kept, model = {"head.a": torch.tensor([1.0, 2.0])}, {"head.a": torch.zeros(2)}
    checkpoint.write(tmp_path, checkpoint.aside(kept), 3)
    saved = checkpoint.read(tmp_path / checkpoint.NAME)
    assert saved is not None
    before = model["head.a"]
    checkpoint.put_back(model, saved[0], tmp_path)
    assert torch.equal(before, kept["head.a"])


def test_it_is_no_trained_parameter() -> None:
    assert checkpoint.parameters(checkpoint.aside({"head.a": torch.zeros(2)})) == {}


def test_a_copy_is_saved() -> None:
    kept = {"head.a": torch.zeros(2)}
    tensors = checkpoint.aside(kept)
    kept["head.a"].fill_(1)
    assert not tensors["kept/head.a"].any()


def test_a_checkpoint_without_it_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'head\.a' is only in the model"):
        checkpoint.put_back({"head.a": torch.zeros(2)}, {}, tmp_path)
