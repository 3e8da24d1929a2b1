"""How a scene of the miniature world looks: anti-aliased, shaded and striped shapes and their wakes over a noisy, blotched gradient.

A wake shows in a single frame where a thing comes from. It belongs to no thing's mask.

T frames, H W pixels. Distances are signed: negative inside a shape.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdit.benchmarks.world.paths import DIRECTIONS
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

BLOTCHES = 5
# Of a stroke, in radii: how far from the centre it reaches, and how far to either side.
STROKE_REACH, STROKE_WIDTH = 0.95, 0.28
# Of a wake, in radii: how far behind the centre it ends, and how far it reaches to either side. Its opacity where it begins and ends.
WAKE_LENGTH, WAKE_WIDTH = 2.4, 0.6
WAKE_OPACITY = (0.9, 0.4)
# Whatever the thing's: where one of another colour ends stays visible, and all wakes look alike.
WAKE_COLOUR: Colour = "white"


def draw(scene: Scene) -> tuple[Frames, NDArray[np.uint8]]:
    """RGB frames [T, H, W, 3] and the label maps [T, H, W] of what is visible: 0 is background, i + 1 is thing i."""
    rng = np.random.default_rng(scene.texture)
    image_THW3 = background(scene, rng)
    labels_THW = np.zeros(image_THW3.shape[:3], np.uint8)
    for thing in (scene.things[index] for index in scene.order):
        image_THW3 += wake(scene, thing)[..., None] * (np.array(RGB[WAKE_COLOUR]) - image_THW3)
    for index in scene.order:
        thing = scene.things[index]
        u_THW, v_THW = coordinates(scene, thing)
        cover_THW = np.clip(0.5 - thing.radius * distance(thing.shape, u_THW, v_THW), 0, 1)
        surface_THW3 = shade(thing, u_THW, v_THW)[..., None] * np.array(RGB[thing.colour])
        image_THW3 += cover_THW[..., None] * (surface_THW3 - image_THW3)
        labels_THW[cover_THW >= 0.5] = index + 1
    image_THW3 *= scene.light[:, None, None, None]
    image_THW3 += rng.normal(0, 2.5, image_THW3.shape)
    return np.rint(np.clip(image_THW3, 0, 255)).astype(np.uint8), labels_THW


def coordinates(scene: Scene, thing: Thing) -> tuple[Field, Field]:
    """Every pixel's place in the thing's own frame, in radii: right and down before its tilt."""
    x_T1W, y_TH1 = upright(scene, thing)
    cos, sin = np.cos(thing.tilt), np.sin(thing.tilt)
    return cos * x_T1W + sin * y_TH1, cos * y_TH1 - sin * x_T1W


def upright(scene: Scene, thing: Thing) -> tuple[Field, Field]:
    """[T, 1, W] and [T, H, 1]: how far each column is to the right of the thing's centre and each row below it, in radii."""
    x_TW = (np.arange(scene.width) + 0.5 - thing.path[:, :1]) / thing.radius
    y_TH = (np.arange(scene.height) + 0.5 - thing.path[:, 1:]) / thing.radius
    return x_TW[:, None, :], y_TH[:, :, None]


def wake(scene: Scene, thing: Thing) -> Field:
    """How much of each pixel is the thing's wake: a fading band behind what moves by itself, nothing behind what stands still."""
    x_T1W, y_TH1 = upright(scene, thing)
    right, down = DIRECTIONS[thing.motion]
    if not (right or down):
        return np.zeros(np.broadcast_shapes(x_T1W.shape, y_TH1.shape))
    behind_THW, beside_THW = -(right * x_T1W + down * y_TH1), np.abs(down * x_T1W + right * y_TH1)
    outline_THW = np.maximum(np.maximum(-behind_THW, behind_THW - WAKE_LENGTH), beside_THW - WAKE_WIDTH)
    opacity_THW = np.interp(behind_THW, (0, WAKE_LENGTH), WAKE_OPACITY)
    covered: Field = opacity_THW * np.clip(0.5 - thing.radius * outline_THW, 0, 1)
    return covered


def distance(shape: Shape, u: Field, v: Field) -> Field:
    """Signed distance to the shape's outline in radii; every shape fits into the unit circle."""
    outline: Field
    match shape:
        case "circle":
            outline = np.hypot(u, v) - 0.95
        case "ring":
            outline = np.abs(np.hypot(u, v) - 0.75) - 0.2
        case "bar":
            outline = stroke(u, v)
        case "pillar":
            outline = stroke(v, u)
        case "cross":
            outline = np.minimum(stroke(u, v), stroke(v, u))
        case "slash":
            outline = stroke((u - v) / np.sqrt(2), (u + v) / np.sqrt(2))
    return outline


def stroke(along: Field, across: Field) -> Field:
    """A straight stroke through the centre."""
    outline: Field = np.maximum(np.abs(along) - STROKE_REACH, np.abs(across) - STROKE_WIDTH)
    return outline


def shade(thing: Thing, u: Field, v: Field) -> Field:
    """Brightness of the surface: lit from the upper left, with stripes that move with the thing."""
    stripes = np.sin(2 * np.pi * thing.stripes * (u * np.cos(thing.grain) + v * np.sin(thing.grain)))
    brightness: Field = np.clip(0.8 - 0.14 * (u + v) / np.sqrt(2) + 0.2 * stripes, 0.4, 1.1)
    return brightness


def background(scene: Scene, rng: np.random.Generator) -> Field:
    """[T, H, W, 3]: a gradient in a random direction with blotches in colours of their own; it shifts with the camera.

    Neither its brightness nor its hue tells it from an object, or a linear probe of single cells would find the objects.
    """
    scale_2 = 2 / np.array([scene.width, scene.height])
    shift_T2 = scene.camera * scale_2
    x_TW = (np.arange(scene.width) + 0.5) * scale_2[0] - 1 + shift_T2[:, :1]
    y_TH = (np.arange(scene.height) + 0.5) * scale_2[1] - 1 + shift_T2[:, 1:]
    x_T1W, y_TH1, angle = x_TW[:, None, :], y_TH[:, :, None], rng.uniform(0, 2 * np.pi)
    level_THW = rng.uniform(70, 140) + 12 * (x_T1W * np.cos(angle) + y_TH1 * np.sin(angle))
    image_THW3: Field = level_THW[..., None] + rng.uniform(-22, 22, size=3)
    for _ in range(BLOTCHES):
        wave_2, phase_2, tint_3 = rng.uniform(2, 7, size=2), rng.uniform(0, 2 * np.pi, size=2), rng.uniform(-6, 6, size=3)
        blotch_THW = np.sin(wave_2[0] * x_T1W + phase_2[0]) * np.sin(wave_2[1] * y_TH1 + phase_2[1])
        image_THW3 += blotch_THW[..., None] * tint_3
    return image_THW3
