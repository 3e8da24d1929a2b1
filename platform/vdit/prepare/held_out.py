"""The held-out part of Ref-YouTube-VOS train, which the paper's analyses are measured on (spec section 7: Paper analyses).

The masks of the official valid are not public. So 200 videos of train are set aside, and a trial that trains on `train_without_held_out`
has never seen them. Both are JSONs that point at train's folder; nothing is copied.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from vdit.benchmarks import ref_youtube_vos
from vdit.benchmarks.ref_youtube_vos import HELD_OUT, REST
from vdit.prepare import output

VIDEOS = 200
SEED = 0
SOURCE = "train"


def prepare(root: Path) -> Iterator[str]:
    """Write the two splits' meta_expressions.json beside train's; yields lines about what was written.

    Raises ValueError with file, problem and remedy.
    """
    path, _ = ref_youtube_vos.listed(root, SOURCE)
    # What is written is the file's own content, also what the loader does not read.
    videos: dict[str, Any] = json.loads(path.read_bytes())["videos"]
    if len(videos) <= VIDEOS:
        raise ValueError(f"{path} lists {len(videos)} videos, too few to hold {VIDEOS} out; restore it from the archive")
    held = choose(videos)
    for split, chosen in ((HELD_OUT, held), (REST, videos.keys() - held)):
        listing = {"folder": SOURCE, "videos": {name: entry for name, entry in videos.items() if name in chosen}}
        yield output.write_json(root / "meta_expressions" / split / "meta_expressions.json", listing)
        yield f"{split}: {len(chosen)} videos"


def choose(videos: dict[str, Any]) -> set[str]:
    """The same videos whatever their order and whatever version of a library: those with the least digests of seed and name."""
    return set(sorted(videos, key=lambda name: sha256(f"{SEED}/{name}".encode()).digest())[:VIDEOS])
