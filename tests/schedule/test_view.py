"""What is shown while a study runs."""

import io

import pytest
from rich.console import Console

from vdit.schedule.view import LineView, LiveView, clock, view


def test_lines_come_on_every_change_of_state_and_seldom_in_between() -> None:
    out = io.StringIO()
    with view({"k": "VD-IT, seed 0"}, Console(file=out, width=200)) as shown:
        assert isinstance(shown, LineView)
        shown.show("k", "starting")
        for step in range(5):
            shown.show("k", "train", step, 5, 1.5)
        shown.show("k", "evaluate", 1, 2)
        shown.show("k", "done", 1, 1)
    states = [line.split(": ")[1].split(" ")[0] for line in out.getvalue().splitlines()]
    assert states == ["starting", "train", "evaluate", "done"]
    assert "loss 1.500" in out.getvalue()


def test_a_terminal_gets_one_table_with_all_that_matters() -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    with view({"a": "VD-I, seed 0", "b": "VD-T, seed 0"}, console) as shown:
        assert isinstance(shown, LiveView)
        shown.show("a", "train", 3, 10, 2.25)
        shown.show("b", "failed: ValueError: no such file")
    text = out.getvalue()
    assert all(word in text for word in ("VD-I, seed 0", "3/10", "2.250", "failed: ValueError: no such file", "1/2 trials"))


def test_the_time_left_is_reckoned_with_the_share_of_training_that_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Training 90 of the first trial's 100 seconds, and 45 of the second's so far: 55 are left."""
    now = [1000.0]
    monkeypatch.setattr("vdit.schedule.view.time.monotonic", lambda: now[0])
    events = [(0, "a", "train", 0), (90, "a", "evaluate", 0), (100, "a", "done", 1), (100, "b", "train", 0), (145, "b", "train", 5)]
    with view({"a": "VD-I, seed 0", "b": "VD-T, seed 0"}, Console(file=io.StringIO())) as shown:
        assert isinstance(shown, LineView)
        for seconds, key, state, position in events:
            now[0] = 1000.0 + seconds
            shown.show(key, state, position, 10)
        assert shown.remaining() == "about 0:55 left"


@pytest.mark.parametrize(("seconds", "shown"), [(5, "0:05"), (65, "1:05"), (3600, "1:00:00"), (3725, "1:02:05")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
