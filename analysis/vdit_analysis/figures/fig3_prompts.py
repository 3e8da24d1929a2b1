"""Figure 3: what an arm's features hold together at the low and at the high level, by what prompts them (Section 4.1).

Low is stride 8, high are 16 and 32. The paper shows the final masks beside the features; they are not stored and not shown here.
"""

from matplotlib.figure import Figure

from vdit.metrics.clusters import HIGH, LOW
from vdit.record import maps
from vdit_analysis.figures import _maps
from vdit_analysis.figures._maps import Line, Maps
from vdit_analysis.runs import StudyRuns

MEASURE = _maps.MEASURE
TITLE = "Figure 3. Low-level and high-level features by prompt"
SOURCE = "VD-IT (ECCV 2024), Figure 3. K-means of the features of a video at each level, shown in its first frame; without the masks."
STRIDES = (*LOW, *HIGH)
NAMES = {**dict.fromkeys(LOW, "low level"), **dict.fromkeys(HIGH, "high level")}


def build(runs: StudyRuns) -> Maps:
    """Maps per arm, video and level, and how many cells keep their cluster."""
    return _maps.build(runs, STRIDES, {"name": "fig3_prompts", "title": TITLE, "source": SOURCE})


def draw(found: Maps) -> Figure:
    """For each video a row per arm: its first frame and the map of each level."""
    lines = []
    for video in found.videos:
        first = found.any(video)[0]
        titles = [f"{video}: {first['text']}\n", *(f"{NAMES[stride]}, stride {stride}" for stride in STRIDES)]
        for arm in found.rows:
            levels = [found.frames(arm, video, stride) for stride in STRIDES]
            painted = [_maps.painted(rows[0]) if rows else None for rows in levels]
            lines.append(Line(arm, [maps.picture(first), *painted], titles))
            titles = []
    return _maps.sheet(lines, found)
