"""Same deaths: real tracebacks of this process, and one as Ray prints it, moved to another node."""

import traceback
from collections.abc import Callable

from vdit.schedule.stack import identify

RAY = """ray::Worker.advance() (pid=1234, ip=10.0.0.1, actor_id=0f3a, repr=<Worker object at 0x7f00aa>)
  File "/home/a/env/lib/python3.11/site-packages/vdit/schedule/worker.py", line 49, in advance
    return self.session.advance()
  File "/home/a/env/lib/python3.11/site-packages/vdit/train/loop.py", line 88, in forward
    self.stop(part, batch, loss, terms)
vdit.train.loop.LossNotFiniteError: loss is nan at step 3 on dog/1"""


def trace(function: Callable[[], object]) -> str:
    try:
        function()
    except (ValueError, KeyError, TypeError):
        return traceback.format_exc()
    raise AssertionError("it was to fail")


def refuse(value: object) -> None:
    if value is None:
        raise TypeError("none")
    raise ValueError(f"not {value}")


def other() -> None:
    raise ValueError("not 1")


def test_the_message_does_not_matter_and_the_place_and_type_do() -> None:
    digests = [identify(trace(function)) for function in (lambda: refuse(1), lambda: refuse(2), other, lambda: refuse(None))]
    one, two = (identify(trace(lambda value=value: refuse(value))) for value in (1, 2))  # type: ignore[misc]
    assert one == two
    assert len(set(digests[2:]) | {one}) == 3


def test_node_process_address_and_installation_do_not_matter() -> None:
    moved = RAY.replace("1234", "99").replace("10.0.0.1", "10.0.0.7").replace("/home/a/env", "/opt/b").replace("0x7f00aa", "0x1")
    assert identify(moved.replace("step 3 on dog/1", "step 77 on cat/0")) == identify(RAY)
    assert identify(RAY.replace("line 88", "line 90")) != identify(RAY)
    assert identify(RAY.replace("LossNotFiniteError", "RuntimeError")) != identify(RAY)


def test_a_text_without_frames_is_no_stack() -> None:
    assert identify("") == identify("the node went away") == ""
