"""Oracle: what each arm could not do, by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from vdit.study import plan, spec

HEAD = "study: demo\npreset: small\n"
WORLD = "data: {world: {height: 144, width: 144}, augment: {scales: []}}\nevaluate: {short_side: 0}\n"


def built(write: Callable[[str], Path], text: str) -> plan.Plan:
    write(HEAD + text)
    return plan.build(spec.read("demo"), Path("runs"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arms: {SgMg: {backbone: video-swin, noise: gaussian}}", "arms.SgMg.noise: has no effect with backbone 'video-swin'"),
        ("arms: {S: {backbone: random-video-swin, taps: [in]}}", "arms.S.taps: has no effect with backbone 'random-video-swin'"),
        ("arms: {S: {head: sgmg}}\n" + WORLD.replace("height: 144", "height: 128"), r"arms.S: in train, frames are 128x144 pixels"),
        ("arms: {S: {head: sgmg}}\n" + WORLD.replace("short_side: 0", "short_side: 96"), r"arms.S: in evaluate, frames are 96x96 pixels"),
        ("arms: {S: {head: sgmg}}\ndata: {augment: {scales: [288, 120]}}", r"arms.S: in train, frames are 120x120 pixels"),
        ("arms: {V: {prompt: text}}\ntrain: {batch: 3}\nlaunch: {workers: 2}", "launch: train.batch is 3 and launch.workers 2"),
        (
            "arms: {V: {prompt: text}}\ntrain: {batch: 4}\nlaunch: {micro_batch: 3}",
            "launch: a worker's share is 4 clips, launch.micro_batch 3",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(write: Callable[[str], Path], text: str, said: str) -> None:
    with pytest.raises(ValueError) as error:
        built(write, text)
    assert str(error.value).startswith(f"experiments/demo.yaml: {said}")


@pytest.mark.parametrize(
    "text",
    [
        "arms: {SgMg: {backbone: video-swin, head: sgmg, frames: 3}, S: {head: sgmg}}\n" + WORLD,
        "arms: {V: {prompt: text}}\ntrain: {batch: 4}\nlaunch: {workers: 2, micro_batch: 1}",
    ],
)
def test_what_can_is_not(write: Callable[[str], Path], text: str) -> None:
    assert built(write, text).trials


@pytest.mark.parametrize("frames", [0, 65])
def test_a_clip_length_that_cannot_work_says_what_would(write: Callable[[str], Path], frames: int) -> None:
    with pytest.raises(ValueError, match=r"data\.frames: .*(greater than or equal to 1|less than or equal to 64)"):
        built(write, f"arms: {{V: {{prompt: text}}}}\ndata: {{frames: {frames}}}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: {pyramid: {taps: []}}", r"model\.pyramid\.taps: should be a list that is not empty, is \[\]"),
        ("model: {pyramid: {taps: [in, in]}}", r"model\.pyramid\.taps: 'in' is named twice; name it once"),
        ("model: {pyramid: {width: 0}}", r"model\.pyramid\.width: should be greater than or equal to 1, is 0"),
        ("evaluate: {pad: 0}", r"evaluate\.pad: should be greater than or equal to 8, is 0"),
        ("evaluate: {pad: 12}", r"evaluate\.pad: should be a multiple of 8, is 12"),
        ("evaluate: {window: -1}", r"evaluate\.window: should be greater than or equal to 0, is -1"),
        ("train: {batch: 0}", r"train\.batch: should be greater than or equal to 1, is 0"),
        ("train: {epochs: -1}", r"train\.epochs: should be greater than or equal to 0, is -1"),
        ("train: {max_steps: -1}", r"train\.max_steps: should be greater than or equal to 0, is -1"),
        ("launch: {workers: 0}", r"launch\.workers: should be greater than or equal to 1, is 0"),
        ("launch: {checkpoint_every: 0}", r"launch\.checkpoint_every: should be greater than or equal to 1, is 0"),
    ],
)
def test_a_number_that_cannot_work_is_refused_with_its_key(write: Callable[[str], Path], text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        built(write, f"arms: {{V: {{prompt: text}}}}\n{text}")
