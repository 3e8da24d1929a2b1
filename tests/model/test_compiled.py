"""Tasks of a loop over threads."""

import threading
import time

import numpy as np
import pytest
import torch

from vdit.model.compiled import Arrays, spread


@pytest.mark.parametrize(
    ("threads", "tasks", "least", "used"), [(1, 9, 1, 1), (4, 9, 1, 4), (4, 9, 4, 2), (4, 3, 1, 3), (4, 9, 99, 1), (2, 0, 1, 1)]
)
def test_every_task_is_done_once(threads: int, tasks: int, least: int, used: int) -> None:
    spans: list[tuple[int, int, int]] = []

    def loop(inputs: Arrays, outputs: Arrays, first: int, last: int) -> None:
        spans.append((first, last, threading.get_ident()))
        outputs[0][first:last] += inputs[0][first:last]

    output, before = torch.zeros(tasks), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        spread(loop, tasks, (torch.arange(tasks, dtype=torch.float32),), (output,), least)
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(output.numpy(), np.arange(tasks))
    assert len(spans) == used
    assert sum(last - first for first, last, _ in spans) == tasks


@pytest.mark.parametrize("wrong", [0, 2])
def test_what_a_loop_raises_is_raised_when_all_have_ended(wrong: int) -> None:
    ended: list[int] = []

    def loop(_inputs: Arrays, _outputs: Arrays, first: int, _last: int) -> None:
        if first == wrong:
            raise ValueError("no")
        time.sleep(0.05)
        ended.append(first)

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(ValueError, match="no"):
            spread(loop, 4, (torch.zeros(4),), (torch.zeros(4),))
    finally:
        torch.set_num_threads(before)
    assert ended == [2 - wrong]
