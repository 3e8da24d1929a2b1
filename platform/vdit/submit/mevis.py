"""MeViS's submission (Ding et al., ICCV 2023; not in the paper): Ref-YouTube-VOS's masks, but the zip holds the videos' folders themselves.

Layout     Annotations/<video>/<expression>/<frame>.png: mode L, 0 and 255, the frame's own size, every listed frame
Zip        <video>/<expression>/<frame>.png
Server     https://www.codabench.org/competitions/11420/ (valid has no public masks; valid_u has)
Listing    <split>/meta_expressions.json and <split>/JPEGImages/<video>/<frame>.jpg. An expression may name several objects, or none.
"""

from pathlib import Path

from vdit.benchmarks import mevis
from vdit.benchmarks.ref_youtube_vos import RefYouTubeVOS
from vdit.submit import archive, ref_youtube_vos

finished, writing, listing = ref_youtube_vos.finished, ref_youtube_vos.writing, mevis.listing


def pack(predictions: Path, split: RefYouTubeVOS, to: Path) -> list[str]:
    """As Ref-YouTube-VOS's, without the folder around the videos."""
    return archive.pack(predictions / ref_youtube_vos.FOLDER, split, to, prefix="")
