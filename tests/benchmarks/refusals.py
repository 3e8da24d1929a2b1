"""How a loader refuses: with a ValueError of one line."""

from collections.abc import Callable

import pytest


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(ValueError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    return message
