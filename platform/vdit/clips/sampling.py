"""Which frames of which video are trained on, and in what order (spec section 5: Clip sampling).

Everything is drawn from (data.seed, epoch, index) alone: every arm and every seed of a study sees the same clips under the same
augmentation with the same gaussian noise.
"""

import numpy as np
from numpy.typing import NDArray

from vdit.clips import caption, geometry
from vdit.clips.annotated import supervised
from vdit.clips.augmentation import augment
from vdit.clips.draws import generator, noise_seed
from vdit.config.data import Data
from vdit.video import Item, Sample, Split

# The nearest neighbours of a start are one to three frames away.
NEIGHBOUR = (1, 3)
# So many items are tried before the data, not chance, is to blame for clips without their object.
ATTEMPTS = 100


def order(items: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The permutation of so many items in an epoch; `seed` is that of the data."""
    return generator("order", seed, epoch).permutation(items)


def sample(split: Split, item: Item, data: Data, epoch: int, index: int) -> Sample:
    """The clip around `item` at place `index` of the epoch.

    Where no frame of it shows the object, another item is drawn; raises ValueError where that goes on and on.
    """
    for attempt in range(ATTEMPTS):
        tried = view(split, item, data, (data.seed, epoch, index, attempt))
        if tried.valid_T.any():
            return tried
        item = split.items[generator("replace", data.seed, epoch, index, attempt).integers(len(split.items))]
    video = split.videos[item.video].id
    raise ValueError(
        f"{ATTEMPTS} random clips, the last of video {video}, do not show their object; check the masks, or lower data.augment.crop_scales"
    )


def view(split: Split, item: Item, data: Data, key: tuple[int, ...]) -> Sample:
    """One clip of the item, augmented; the object need not be seen."""
    video = split.videos[item.video]
    expression = video.expressions[item.expression]
    indices = choose(len(video.frames), item.start, data.frames, generator("frames", *key))
    rng = generator("augment", *key)
    if data.augment.enabled and rng.random() < data.augment.reverse:
        indices = indices[::-1]
    clip = geometry.measure(split.frames(video, indices), split.masks(video, indices, expression.object), data.boxes)
    text = caption.normalise(expression.text)
    if data.augment.enabled:
        clip, text = augment(clip, text, data.augment, rng)
    boxes_T4, valid_T = geometry.check(clip)
    frames, masks = np.ascontiguousarray(clip.frames), np.ascontiguousarray(clip.masks)
    return supervised(Sample(video.id, expression.id, text, frames, masks, boxes_T4, valid_T, noise_seed(*key)), video, indices)


def choose(length: int, start: int, count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """`count` frames of a video of `length`, sorted: the start, a neighbour on each side, and the rest from outside of their span.

    At an edge of the video a neighbour is the start itself. A short video gives the rest from all its frames, the shortest repeats them.
    The released code counts the later neighbour as outside, and so takes it twice now and then (spec B9).
    """
    before, after = (int(step) for step in rng.integers(NEIGHBOUR[0], NEIGHBOUR[1] + 1, size=2))
    near = (start, min(length - 1, start + after), max(0, start - before))[:count]
    rest = count - len(near)
    outside = [*range(min(near)), *range(max(near) + 1, length)]
    pool = outside if len(outside) > rest else range(length)
    repeats, left = divmod(rest, len(pool))
    far = [*pool] * repeats + [int(frame) for frame in rng.choice(pool, size=left, replace=False)]
    return tuple(sorted((*near, *far)))
