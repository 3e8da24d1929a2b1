"""Ref-YouTube-VOS's submission: one binary mask per frame and expression, and the zip that the server takes (spec section 6; Table 1).

Layout     Annotations/<video>/<expression>/<frame>.png: mode L, 0 and 255, the frame's own size, every listed frame
Zip        that folder with its name; the same masks give the same bytes
Server     https://codalab.lisn.upsaclay.fr/competitions/3282; its code and its truth are not public
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vdit.appearing import appearing
from vdit.benchmarks import ref_youtube_vos
from vdit.submit import archive
from vdit.submit.folder import component
from vdit.submit.pages import Stream, Write
from vdit.submit.png import write_mask
from vdit.video import Video

FOLDER = "Annotations"


def listing(root: Path, split: str) -> ref_youtube_vos.RefYouTubeVOS:
    """What is to be predicted; the official valid and test will do."""
    return ref_youtube_vos.listing(root, split)


def finished(out: Path, video: Video) -> bool:
    """Folders of videos appear whole."""
    return (out / FOLDER / component(video.id, "video")).is_dir()


@contextmanager
def writing(out: Path, video: Video, threshold: float) -> Iterator[Write]:
    """Takes a video's windows in order; its folder appears when the block ends."""
    with appearing(out / FOLDER / component(video.id, "video")) as draft:
        draft.mkdir()

        def write(indices: Sequence[int], found: Stream) -> None:
            for expression, shares_THW in found:
                folder = draft / component(expression.id, f"{video.id}: expression")
                folder.mkdir(exist_ok=True)
                for index, share_HW in zip(indices, shares_THW, strict=True):
                    write_mask(folder / f"{component(video.frames[index], f'{video.id}: frame')}.png", share_HW > threshold)

        yield write


def pack(predictions: Path, split: ref_youtube_vos.RefYouTubeVOS, to: Path) -> list[str]:
    """Writes the zip if every listed mask is there and right and nothing else is; else says what is wrong, and writes nothing."""
    return archive.pack(predictions / FOLDER, split, to, prefix=f"{FOLDER}/")
