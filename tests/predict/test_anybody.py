"""Expressions asked of anybody's video. Oracle: train/predict on the decoded frames; counts are those of the written film."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from vdit.clips.evaluation import unlabelled_sample
from vdit.predict.anybody import Question, answer, claim, expressions, in_windows
from vdit.predict.footage import footage
from vdit.train.predict import Inference, predict
from vdit.train.trained import Trained

SAID = expressions(["A red box", "the  wall"])


def decoded(path: Path) -> np.ndarray:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return np.stack(frames)


@pytest.fixture
def question(model: Trained, film: Callable[..., Path], tmp_path: Path) -> Question:
    return Question(model, footage(film(5)), SAID, model.ticket.trial.evaluate, tmp_path / "out")


def test_each_expression_has_masks_and_an_overlay_of_every_frame(question: Question) -> None:
    assert list(answer(question)) == [2, 2, 1]
    frames, trial = decoded(question.footage.path), question.trained.ticket.trial
    samples = [unlabelled_sample("film", part, trial.evaluate, trial.data) for part in (frames[:2], frames[2:4], frames[4:])]
    found = predict(question.trained.model, samples, SAID, Inference(32, 64, trial.evaluate, trial.data.captions))
    assert sorted(path.name for path in question.out.iterdir()) == ["a-red-box", "the-wall"]
    for said in SAID:
        folder = question.out / said.id
        files = sorted((folder / "masks").iterdir())
        assert [path.name for path in files] == [f"{index:05d}.png" for index in range(5)]
        assert np.array_equal(np.stack([np.asarray(Image.open(path)) > 0 for path in files]), found[said.id])
        assert decoded(folder / "overlay.mp4").shape == frames.shape
        assert (folder / "expression.txt").read_text() == said.text
    assert cv2.VideoCapture(str(question.out / "the-wall/overlay.mp4")).get(cv2.CAP_PROP_FPS) == 10


def test_what_the_frames_show_is_seen_once_a_window_for_all_expressions(question: Question, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    see = question.trained.model.see
    monkeypatch.setattr(question.trained.model, "see", lambda batch: seen.append(batch.length) or see(batch))
    list(answer(question))
    assert seen == [2, 2, 1]


def test_only_what_is_missing_is_predicted(question: Question) -> None:
    list(answer(replace(question, expressions=SAID[:1])))
    written = (question.out / "a-red-box/overlay.mp4").stat().st_mtime_ns
    assert question.missing() == SAID[1:]
    assert list(answer(question)) == [2, 2, 1]
    assert (question.out / "a-red-box/overlay.mp4").stat().st_mtime_ns == written
    assert list(answer(question)) == []


def test_an_interrupted_answer_leaves_nothing(question: Question) -> None:
    going = answer(question)
    next(going)
    going.close()
    assert not list(question.out.iterdir())


def test_a_folder_belongs_to_one_video_and_one_wording(question: Question, film: Callable[..., Path], runs: Path) -> None:
    claim(question, runs)
    list(answer(question))
    claim(question, runs)
    with pytest.raises(ValueError, match="video is"):
        claim(replace(question, footage=footage(film(6, name="other.mp4"))), runs)
    with pytest.raises(ValueError, match="is not of the expression 'a red-box'"):
        claim(replace(question, expressions=expressions(["a red-box"])), runs)


def test_expressions_without_words_or_alike_are_refused() -> None:
    assert [said.id for said in expressions(["Der grüne Würfel!", "x" * 100])] == ["der-grüne-würfel", "x" * 80]
    for texts, reason in (([], "needs --expression"), (["a", "  "], "has no words"), (["?!"], "has no words"), (["A b", "a, b"], "a-b")):
        with pytest.raises(ValueError, match=reason):
            expressions(texts)


def test_a_trial_on_whole_videos_sees_anybodys_in_windows(model: Trained) -> None:
    own = model.ticket.trial.evaluate
    assert in_windows(replace(own, window=0)).window == 36
    assert in_windows(own) is own
