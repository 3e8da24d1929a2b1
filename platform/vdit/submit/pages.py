"""What flows from a model to whoever writes its predictions.

T frames, H W pixels of the frame as it is on disk.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdit.video import Expression

Shares: TypeAlias = NDArray[np.float32]  # [T, H, W], probabilities
# The expressions of one window, one after the other: each is computed when it is asked for.
Stream: TypeAlias = Iterator[tuple[Expression, Shares]]
# Takes the window's frames, as indices into the video's, and its stream.
Write: TypeAlias = Callable[[Sequence[int], Stream], None]
