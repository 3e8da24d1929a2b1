"""Figure 1: what each arm's features hold together from frame to frame, as K-means maps (Section 1).

The paper compares Video Swin, VD-I and VD-IT without a recipe (metrics/clusters.py has ours) or a level; stride 16 is shown.
"""

from matplotlib.figure import Figure

from vdit.record import maps
from vdit_analysis.figures import _maps
from vdit_analysis.figures._maps import Line, Maps
from vdit_analysis.runs import StudyRuns

MEASURE = _maps.MEASURE
TITLE = "Figure 1. Clusters of features over time"
SOURCE = "VD-IT (ECCV 2024), Figure 1. K-means of the features at stride 16, jointly over the frames of a video."
SHOWN = 16


def build(runs: StudyRuns) -> Maps:
    """Maps per arm and video, and how many cells keep their cluster."""
    return _maps.build(runs, (SHOWN,), {"name": "fig1_clusters", "title": TITLE, "source": SOURCE})


def draw(found: Maps) -> Figure:
    """For each video its frames, and below them a row of maps for each arm."""
    lines = []
    for video in found.videos:
        frames = found.any(video)
        lines.append(Line("frames", [maps.picture(row) for row in frames], [f"{video}: {frames[0]['text']}"]))
        lines += [Line(arm, [_maps.painted(row) for row in found.frames(arm, video, SHOWN)]) for arm in found.rows]
    return _maps.sheet(lines, found)
