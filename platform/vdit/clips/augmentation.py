"""One random view of a training clip: resize or crop, flip, colour (spec section 5: Augmentation).

The released code flips before it resizes where it trains on RefCOCO, and after it on Ref-YouTube-VOS. Here the flip is always later: the
views are the same and equally probable, for a window is as likely as its mirror image, and a flip and a resize may be exchanged.
"""

import numpy as np

from vdit.clips import caption, geometry, photometric
from vdit.clips.bilinear import Window
from vdit.clips.geometry import Clip
from vdit.config.data import Augment


def augment(clip: Clip, text: str, config: Augment, rng: np.random.Generator) -> tuple[Clip, str]:
    """The clip under one geometry, its colours drawn per frame, and the text, mirrored with it."""
    if config.scales:
        clip = rescale(clip, config, rng)
    if rng.random() < config.flip:
        clip, text = geometry.flip(clip), caption.mirror(text)
    if config.photometric:
        clip = Clip(photometric.distort(clip.frames, rng), clip.masks, clip.boxes_T4)
    return clip, text


def rescale(clip: Clip, config: Augment, rng: np.random.Generator) -> Clip:
    """The whole clip at one of the scales; every second time, where there are crop scales, a window of it at one of the cropped ones."""
    if config.crop_scales and rng.random() < 0.5:
        height, width = geometry.fit(clip.height, clip.width, int(rng.choice(config.crop_scales)), 0)
        clip = geometry.resize(clip, height, width, random_window(height, width, config.crop, rng))
        return to_short_side(clip, int(rng.choice(config.cropped_scales)), config.cropped_max_side)
    return to_short_side(clip, int(rng.choice(config.scales)), config.max_side)


def to_short_side(clip: Clip, short_side: int, max_side: int) -> Clip:
    return geometry.resize(clip, *geometry.fit(clip.height, clip.width, short_side, max_side))


def random_window(height: int, width: int, sides: tuple[int, int], rng: np.random.Generator) -> Window:
    """One whose sides are uniform from sides[0] to sides[1], or to the frame's where that is less."""
    across, down = (int(rng.integers(min(sides[0], side), min(sides[1], side) + 1)) for side in (width, height))
    top, left = int(rng.integers(height - down + 1)), int(rng.integers(width - across + 1))
    return Window(top, left, down, across)
