"""What stands beside J and F: whether a mask is good in every frame (MCS), and steady where the truth is (VC; metrics.md, part C)."""

from collections.abc import Callable, Sequence

import numpy as np

from vdit.metrics import mcs, video_consistency
from vdit.metrics.video_consistency import WINDOWS, Watch
from vdit.score import _objects
from vdit.score._objects import Track
from vdit.score._png import Labels

# A prediction and its truth as they are compared: a label map with all ids, or one expression's mask.
Seen = Callable[[Labels, Labels, int], tuple[video_consistency.Labels, video_consistency.Labels]]


class Consistency:
    """VC's windows of all videos, which weigh the same, as in the public code."""

    def __init__(self) -> None:
        self.shares: dict[int, list[float]] = {window: [] for window in WINDOWS}

    def video(self, sources: int, seen: Seen) -> Callable[[Labels, Labels, int], None]:
        """Takes a video's frames in order, each of every source."""
        watches = [Watch(WINDOWS) for _ in range(sources)]
        for watch in watches:
            # One list for all: windows are pooled.
            watch.shares = self.shares

        def add(prediction: Labels, truth: Labels, source: int) -> None:
            watches[source].add(*seen(prediction, truth, source))

        return add

    def numbers(self, tracks: Sequence[Track]) -> dict[str, float | None]:
        """MCS and VC, from 0 to 1; VC is None where no video is as long as its windows. Raises ValueError without an object."""
        found: dict[str, float | None] = {f"MCS_{mcs.THRESHOLD}": mcs.measure(_objects.rows(tracks)) / 100}
        return found | {f"VC_{window}": float(np.mean(shares)) if shares else None for window, shares in self.shares.items()}


def whole(prediction: Labels, truth: Labels, _: int) -> tuple[Labels, Labels]:
    """The label maps as they are: void is a label too, and renaming ids changes nothing."""
    return prediction, truth
