"""Two videos side by side, so that an expression has to choose. Not in the paper.

Where each video has one object that its sentences name, the answer is the same whatever they say, and nothing tells whether the words are
heard. Here each video of a split stands beside another one, once at the left and once at the right, with the sentences of both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdit.benchmarks import _images, ref_youtube_vos
from vdit.benchmarks.miniature import JPEG_QUALITY, PALETTE
from vdit.benchmarks.ref_youtube_vos import RefYouTubeVOS
from vdit.prepare import output
from vdit.video import Video

SEED = 0
LEFT, RIGHT = 1, 2
# Between the names of the two.
JOINT = "+"
# Widths are multiples of it: a half begins where one of the encoders' cells does.
CELL = 8


@dataclass(frozen=True, slots=True)
class Half:
    """A video of one object, at the size at which it stands beside another one."""

    split: RefYouTubeVOS
    video: Video
    height: int
    width: int

    @property
    def object(self) -> int:
        return self.video.expressions[0].object

    def picture(self, index: int) -> NDArray[np.uint8]:
        """[H, W, 3] RGB; a pixel is the mean of those that it covers."""
        (frame_HW3,) = self.split.frames(self.video, (index,))
        return np.asarray(cv2.resize(frame_HW3, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)

    def mask(self, index: int) -> NDArray[np.uint8]:
        """[H, W], 1 where the object is: the pixel under the centre, so that masks stay aligned with frames (INTER_NEAREST is not)."""
        (mask_HW,) = self.split.masks(self.video, (index,), self.object).view(np.uint8)
        return np.asarray(cv2.resize(mask_HW, (self.width, self.height), interpolation=cv2.INTER_NEAREST_EXACT), np.uint8)


@dataclass(frozen=True, slots=True)
class Pair:
    """The object of `left` becomes 1, that of `right` 2; there are as many frames as the shorter of them has."""

    left: Half
    right: Half

    @property
    def name(self) -> str:
        return f"{self.left.video.id}{JOINT}{self.right.video.id}"

    @property
    def frames(self) -> tuple[str, ...]:
        """Numbered: the two may name theirs differently."""
        return tuple(f"{index:05d}" for index in range(min(len(half.video.frames) for half in (self.left, self.right))))

    def picture(self, index: int) -> NDArray[np.uint8]:
        return np.concatenate([self.left.picture(index), self.right.picture(index)], axis=1)

    def labels(self, index: int) -> NDArray[np.uint8]:
        """What no sentence is about is background, void too."""
        return np.concatenate([LEFT * self.left.mask(index), RIGHT * self.right.mask(index)], axis=1)

    def expressions(self) -> dict[str, dict[str, str]]:
        both = [(said.text, key) for half, key in ((self.left, LEFT), (self.right, RIGHT)) for said in half.video.expressions]
        return {str(number): {"exp": text, "obj_id": str(key)} for number, (text, key) in enumerate(both)}

    def objects(self) -> dict[str, dict[str, str]]:
        """Which video each is from."""
        return {str(LEFT): {"video": self.left.video.id}, str(RIGHT): {"video": self.right.video.id}}


def prepare(source: Path, to: Path, height: int) -> Iterator[str]:
    """Write all splits of `source` that have masks to the folder `to`, both halves at `height` (0: as they are); yields lines about it.

    What can be checked without decoding every frame is checked before anything is written; each split's meta_expressions.json is its last
    file. Raises ValueError with file, problem and remedy.
    """
    if height < 0:
        raise ValueError(f"--height is {height}, expected the pixels of a frame's height, or 0 to keep it")
    if to.resolve() == source.resolve():
        raise ValueError(f"{to} is the folder that is read; choose another folder to write to")
    names = ref_youtube_vos.splits(source)
    if not names:
        raise ValueError(f"{source} has no split with masks in the layout of Ref-YouTube-VOS; check the path")
    for name, found in {name: pairs(source, name, height) for name in names}.items():
        yield from write(to, name, found)


def write(to: Path, split: str, found: list[Pair]) -> Iterator[str]:
    place = to / split
    for pair in found:
        for index, frame in enumerate(pair.frames):
            output.write_bytes(place / "JPEGImages" / pair.name / f"{frame}.jpg", (jpeg(pair.picture(index)),))
            output.write_bytes(place / "Annotations" / pair.name / f"{frame}.png", (png(pair.labels(index)),))
    yield f"{place}: {len(found)} videos, {sum(len(pair.frames) for pair in found)} frames and masks"
    yield output.write_json(place / "meta.json", {"videos": {pair.name: {"objects": pair.objects()} for pair in found}})
    listing = {pair.name: {"expressions": pair.expressions(), "frames": list(pair.frames)} for pair in found}
    yield output.write_json(to / "meta_expressions" / split / "meta_expressions.json", {"videos": listing})


def jpeg(picture_HW3: NDArray[np.uint8]) -> bytes:
    """Without chroma subsampling, which would mix the colours of the two halves at the seam."""
    held = BytesIO()
    Image.fromarray(picture_HW3).save(held, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return held.getvalue()


def png(labels_HW: NDArray[np.uint8]) -> bytes:
    held, image = BytesIO(), Image.fromarray(labels_HW)
    image.putpalette(PALETTE)
    image.save(held, "PNG")
    return held.getvalue()


def pairs(source: Path, name: str, height: int) -> list[Pair]:
    """The ring of a split's videos, each beside the next; all that is read of it is checked but the frames' pixels."""
    path = source / "meta_expressions" / name / "meta_expressions.json"
    split = ref_youtube_vos.index(RefYouTubeVOS, source, name, 1)
    if len(split.videos) < 2:
        raise ValueError(f"{path} lists {len(split.videos)} video, and two are set side by side; add another or remove the split")
    halves = [half(path, split, video, height) for video in in_order(split.videos)]
    found = [Pair(left, right) for left, right in zip(halves, [*halves[1:], halves[0]], strict=True)]
    for pair in found:
        check(path, pair)
    return found


def in_order(videos: tuple[Video, ...]) -> list[Video]:
    """The same whatever order they are listed in. By digest, for names that are alike in the alphabet are of things that look alike."""
    return sorted(videos, key=lambda video: sha256(f"{SEED}/{video.id}".encode()).digest())


def half(path: Path, split: RefYouTubeVOS, video: Video, height: int) -> Half:
    place = f"{path}: videos.{video.id}"
    if {JOINT, "/"} & set(video.id):
        raise ValueError(f"{path}: the name {video.id!r} has one of {JOINT} / in it, but two names are joined to a folder's; rename it")
    objects = sorted({said.object for said in video.expressions})
    if len(objects) > 1:
        named = ", ".join(map(str, objects))
        raise ValueError(f"{place}.expressions name the objects {named}, expected one a video; leave one of them, or take the video out")
    high, wide = size(split, video)
    if height:
        high, wide = height, CELL * max(1, round(wide * height / high / CELL))
    return Half(split, video, high, wide)


def size(split: RefYouTubeVOS, video: Video) -> tuple[int, int]:
    """Height and width of all the video's frames, from their headers."""
    expected = split.size(video)
    for index in range(1, len(video.frames)):
        path = split.jpeg(video, index)
        high, wide = _images.size(path)
        if (high, wide) != expected:
            of_video = f"{split.jpeg(video, 0).name} of its video is {expected[1]}x{expected[0]}"
            raise ValueError(f"{path} is {wide}x{high}, but {of_video}; restore both")
    return expected


def check(path: Path, pair: Pair) -> None:
    """The two are of one height, and each sentence's object is seen."""
    high = [f"{half.split.jpeg(half.video, 0)} is {half.height} pixels high" for half in (pair.left, pair.right)]
    if pair.left.height != pair.right.height:
        raise ValueError(f"{high[0]}, and {high[1]}, which stands beside it; pass --height to resize all videos")
    for half in (pair.left, pair.right):
        if not any(half.mask(index).any() for index in range(len(pair.frames))):
            seen = f"of the first {len(pair.frames)} frames at a height of {half.height}, which it has in {pair.name}"
            remedy = "pass a greater --height, restore the masks or take the video out"
            raise ValueError(f"{path}: object {half.object} of video {half.video.id} is in no mask {seen}; {remedy}")
