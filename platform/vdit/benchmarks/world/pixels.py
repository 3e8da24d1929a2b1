"""How a scene of the miniature world looks: anti-aliased, shaded and striped shapes over a noisy gradient.

T frames, H W pixels. Distances are signed: negative inside a shape.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdit.benchmarks.world.scene import Colour, Scene, Shape, Thing
from vdit.video import Frames

Field: TypeAlias = NDArray[np.float64]  # a number per frame and pixel

RGB: dict[Colour, tuple[int, int, int]] = {
    "red": (214, 40, 40),
    "green": (46, 160, 67),
    "blue": (45, 85, 220),
    "yellow": (240, 220, 50),
    "purple": (150, 60, 190),
    "orange": (245, 135, 25),
    "cyan": (60, 205, 215),
    "white": (240, 240, 240),
}


def draw(scene: Scene) -> tuple[Frames, NDArray[np.uint8]]:
    """RGB frames [T, H, W, 3] and the label maps [T, H, W] of what is visible: 0 is background, i + 1 is thing i."""
    rng = np.random.default_rng(scene.texture)
    image_THW3 = np.repeat(background(scene, rng)[None], scene.frames, axis=0)
    labels_THW = np.zeros(image_THW3.shape[:3], np.uint8)
    for index in scene.order:
        thing = scene.things[index]
        u_THW, v_THW = coordinates(scene, thing)
        cover_THW = np.clip(0.5 - thing.radius * distance(thing.shape, u_THW, v_THW), 0, 1)
        surface_THW3 = shade(thing, u_THW, v_THW)[..., None] * np.array(RGB[thing.colour])
        image_THW3 += cover_THW[..., None] * (surface_THW3 - image_THW3)
        labels_THW[cover_THW >= 0.5] = index + 1
    image_THW3 += rng.normal(0, 2.5, image_THW3.shape)
    return np.rint(np.clip(image_THW3, 0, 255)).astype(np.uint8), labels_THW


def coordinates(scene: Scene, thing: Thing) -> tuple[Field, Field]:
    """Every pixel's place in the thing's own frame, in radii: right and down before its tilt."""
    x_TW = (np.arange(scene.width) + 0.5 - thing.path[:, :1]) / thing.radius
    y_TH = (np.arange(scene.height) + 0.5 - thing.path[:, 1:]) / thing.radius
    cos, sin = np.cos(thing.tilt), np.sin(thing.tilt)
    x_T1W, y_TH1 = x_TW[:, None, :], y_TH[:, :, None]
    return cos * x_T1W + sin * y_TH1, cos * y_TH1 - sin * x_T1W


def distance(shape: Shape, u: Field, v: Field) -> Field:
    """Signed distance to the shape's outline in radii; every shape fits into the unit circle."""
    outline: Field
    match shape:
        case "circle":
            outline = np.hypot(u, v) - 0.92
        case "ring":
            outline = np.abs(np.hypot(u, v) - 0.7) - 0.26
        case "square":
            outline = np.maximum(np.abs(u), np.abs(v)) - 0.7
        case "cross":
            long, short = np.maximum(np.abs(u), np.abs(v)), np.minimum(np.abs(u), np.abs(v))
            outline = np.maximum(long - 0.9, short - 0.28)
        case "triangle":
            outline = np.maximum(v, np.abs(u) * np.sin(np.pi / 3) - v / 2) - 0.5
        case "star":
            outline = star(u, v)
    return outline


def star(u: Field, v: Field) -> Field:
    """A five-pointed star: one edge, from a tip to the next dent, folded round the centre ten times."""
    sector = 2 * np.pi / 5
    angle = np.arctan2(u, -v)
    folded = np.abs(angle - sector * np.rint(angle / sector))
    radius = np.hypot(u, v)
    along, across = radius * np.cos(folded), radius * np.sin(folded)
    dent = 0.45 * np.array([np.cos(sector / 2), np.sin(sector / 2)])
    edge = dent - np.array([1.0, 0.0])
    outline: Field = ((along - 1) * edge[1] - across * edge[0]) / np.hypot(*edge)
    return outline


def shade(thing: Thing, u: Field, v: Field) -> Field:
    """Brightness of the surface: lit from the upper left, with stripes that move with the thing."""
    stripes = np.sin(2 * np.pi * thing.stripes * (u * np.cos(thing.grain) + v * np.sin(thing.grain)))
    brightness: Field = np.clip(0.9 - 0.14 * (u + v) / np.sqrt(2) + 0.09 * stripes, 0.6, 1.1)
    return brightness


def background(scene: Scene, rng: np.random.Generator) -> Field:
    """[H, W, 3]: a dim, slightly tinted gradient in a random direction with faint blotches."""
    y_H1, x_1W = np.linspace(-1, 1, scene.height)[:, None], np.linspace(-1, 1, scene.width)[None]
    angle = rng.uniform(0, 2 * np.pi)
    level_HW = rng.uniform(55, 110) + 16 * (x_1W * np.cos(angle) + y_H1 * np.sin(angle))
    for wave in rng.uniform(2, 7, size=(4, 2)):
        level_HW = level_HW + 3 * np.sin(wave[0] * x_1W + rng.uniform(0, 2 * np.pi)) * np.sin(wave[1] * y_H1 + rng.uniform(0, 2 * np.pi))
    tinted_HW3: Field = level_HW[..., None] + rng.uniform(-6, 6, size=3)
    return tinted_HW3
