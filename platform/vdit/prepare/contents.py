"""The frames and masks of videos, read once, and all that is wrong with them, through what every benchmark's split offers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Self

from vdit.video import Frames, Masks, Split, Video

# So many bytes of pixels are held at once.
HELD = 2**27
Read = Callable[[tuple[int, ...]], Frames | Masks]


@dataclass
class Source:
    """Videos that show the same frames. `trained` are the ids of videos and expressions in the training list.

    `listed` is what is known to be wrong already. `frames` and `masks` are how many were read, a mask being an object's in a frame,
    `unread` how often reading was refused.
    """

    split: Split
    videos: tuple[Video, ...]
    trained: frozenset[tuple[str, str]]
    listed: str
    problems: list[str] = field(default_factory=list)
    frames: int = 0
    masks: int = 0
    unread: int = 0
    size: tuple[int, int] = (0, 0)

    def check(self) -> Self:
        self.check_frames(self.videos[0])
        for video in self.videos:
            for said in video.expressions:
                if not said.text.strip():
                    self.problems.append(f"video {video.id}: expression {said.id} is empty; write one or take it out")
            for object_id in dict.fromkeys(said.object for said in video.expressions):
                self.check_masks(video, object_id)
        return self

    def check_frames(self, video: Video) -> None:
        read, indices = partial(self.split.frames, video), tuple(range(len(video.frames)))
        # The first that can be read is what the sizes of the others are compared with.
        for index in indices:
            found = self.attempt(read, (index,))
            if found is not None:
                self.size = found.shape[1], found.shape[2]
                self.frames = 1 + sum(len(pixels) for pixels in self.pieces(read, indices[index + 1 :], (index,)))
                break

    def check_masks(self, video: Video, object_id: int) -> None:
        seen, before = False, (self.unread, len(self.problems))
        for masks in self.pieces(lambda indices: self.split.masks(video, indices, object_id), tuple(range(len(video.frames))), ()):
            seen = seen or bool(masks.any())
            self.masks += len(masks)
            if self.frames and masks.shape[1:] != self.size:
                sizes = f"{masks.shape[2]}x{masks.shape[1]}, its frames {self.size[1]}x{self.size[0]}"
                self.problems.append(f"video {video.id}: the masks of object {object_id} are {sizes}; restore both")
        said = [one.id for one in video.expressions if one.object == object_id and (video.id, one.id) in self.trained]
        if said and not seen and (self.unread, len(self.problems)) == before:
            named = f"object {object_id}, of expression {', '.join(said)}, is in no mask"
            self.problems.append(f"video {video.id}: {named}; restore the masks or take the expression out")

    def pieces(self, read: Read, indices: tuple[int, ...], reference: tuple[int, ...]) -> Iterator[Frames | Masks]:
        """What is read, without the `reference` that is read along. A piece that cannot be is read one by one, to name each problem."""
        height, width = self.size
        step = max(1, HELD // max(1, 3 * height * width))
        for start in range(0, len(indices), step):
            piece = indices[start : start + step]
            try:
                yield read((*reference, *piece))[len(reference) :]
            except ValueError:
                for index in piece:
                    found = self.attempt(read, (*reference, index))
                    if found is not None:
                        yield found[len(reference) :]

    def attempt(self, read: Read, indices: tuple[int, ...]) -> Frames | Masks | None:
        try:
            return read(indices)
        except ValueError as error:
            self.unread += 1
            if not self.known(error):
                self.problems.append(str(error))
            return None

    def known(self, error: ValueError) -> bool:
        """Whether it was said before: what is wrong with a file shows in every mask of it, and a file that is missing in its listing."""
        missing = error.__cause__.filename if isinstance(error.__cause__, FileNotFoundError) else None
        return str(error) in self.problems or (missing is not None and any(str(missing) in said for said in (self.listed, *self.problems)))
