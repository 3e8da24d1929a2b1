"""What a model is asked at test. Oracle: a model that keeps its questions."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vdit.config.data import Captions
from vdit.config.evaluate import Evaluate
from vdit.model.batch import Batch
from vdit.train.predict import Inference, predict, window, windows
from vdit.video import Expression, Sample


class Asked:
    """Answers with masks that are true on the left half."""

    def __init__(self) -> None:
        self.captions: list[str] = []
        self.seen = 0
        self.frozen = SimpleNamespace(device=torch.device("cpu"))

    def eval(self) -> None:
        pass

    def see(self, batch: Batch) -> int:
        self.seen += 1
        return self.seen

    def predict(self, batch: Batch, keep: str, seen: int) -> SimpleNamespace:
        assert keep == "best" and seen == self.seen
        self.captions += batch.captions
        logits = torch.full((1, batch.length, 1, *batch.frames_BT3HW.shape[-2:]), -9.0)
        logits[..., :16] = 9.0
        return SimpleNamespace(masks_BTQHW=logits, logits_BTQ=torch.zeros(1, batch.length, 1))


def sample(frames: int) -> Sample:
    """32x32 pixels."""
    pixels, masks = np.zeros((frames, 32, 32, 3), np.uint8), np.ones((frames, 32, 32), bool)
    return Sample("v", "0", "unused", pixels, masks, np.zeros((frames, 4), np.float32), np.ones(frames, bool), 0)


@pytest.mark.parametrize(("captions", "asked"), [("lower", "a red box"), ("released", "A  Red box")])
def test_expressions_are_asked_in_the_case_that_the_data_say(captions: Captions, asked: str) -> None:
    model = Asked()
    said = (Expression("0", "A  Red box", 1), Expression("1", "b", 1))
    predict(model, [sample(1)], said, Inference(32, 32, Evaluate(), captions))  # type: ignore[arg-type]
    assert model.captions == [asked, "b"]


def test_windows_are_joined_and_each_is_seen_once() -> None:
    model = Asked()
    said = (Expression("0", "a", 1), Expression("1", "b", 1))
    found = predict(model, [sample(2), sample(1)], said, Inference(64, 64, Evaluate(), "lower"))  # type: ignore[arg-type]
    assert list(found) == ["0", "1"] and model.seen == 2
    assert found["0"].shape == (3, 64, 64)
    assert found["0"][:, :, :32].all() and not found["0"][:, :, 32:].any()


def test_a_window_gives_probabilities_at_the_frames_size_one_expression_at_a_time() -> None:
    model = Asked()
    said = (Expression("0", "a", 1), Expression("1", "b", 1))
    found = window(model, sample(2), said, Inference(64, 64, Evaluate(autocast="bfloat16"), "lower"), "best")  # type: ignore[arg-type]
    first, shares = next(found)
    assert first == said[0] and model.captions == ["a"], "the second is computed when it is asked for"
    assert not torch.is_autocast_enabled("cpu") and not torch.is_inference_mode_enabled(), "whoever takes them is left alone"
    assert shares.shape == (1, 2, 64, 64) and shares.dtype == torch.float32
    left, right = shares[..., :31], shares[..., 33:]
    assert torch.allclose(left, torch.tensor(9.0).sigmoid()) and torch.allclose(right, torch.tensor(-9.0).sigmoid())
    assert [expression for expression, _ in found] == [said[1]]


def test_windows_are_consecutive() -> None:
    assert windows(5, 2) == [(0, 1), (2, 3), (4,)]
    assert windows(3, 0) == [(0, 1, 2)]


@pytest.mark.parametrize(("pad", "side"), [(16, 48), (32, 64)])
def test_frames_are_padded_as_the_benchmark_has_it(pad: int, side: int) -> None:
    class Sized(Asked):
        def see(self, batch: Batch) -> int:
            assert batch.frames_BT3HW.shape[-2:] == (side, side)
            return super().see(batch)

    pixels, masks = np.zeros((1, 40, 40, 3), np.uint8), np.ones((1, 40, 40), bool)
    odd = Sample("v", "0", "unused", pixels, masks, np.zeros((1, 4), np.float32), np.ones(1, bool), 0)
    how = Inference(40, 40, Evaluate(pad=pad), "lower")
    assert predict(Sized(), [odd], [Expression("0", "a", 1)], how)["0"].shape == (1, 40, 40)  # type: ignore[arg-type]
