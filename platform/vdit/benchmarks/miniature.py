"""The miniature world: moving coloured shapes and sentences that name one of them. Not in the paper; it makes a whole study run in minutes.

Source     drawn here from data.world; the same seed gives the same bytes (with one version of the JPEG encoder)
Layout     that of Ref-YouTube-VOS, with masks for train, valid and, where asked for, hard, and world.json, which says what was drawn
Objects    two to `objects` a clip: six shapes, eight colours, moving left, right, up, down or standing still; nearer ones hide farther
           ones. Behind what moves is a white wake, so that single frames show directions; masks leave it out
Sentences  two per object, naming it alone by colour, shape, place or motion; most further objects take an earlier one's colour
Splits     train, valid and hard draw from different random streams. Each clip of valid has an object whose colour and shape never go
           together in train; hard has that too, and occlusion, entries and exits, a shifting camera and changing light
Cautions   reversing a clip or exchanging its colour channels makes its sentences wrong: switch augment.reverse and augment.photometric off
"""

import json
from dataclasses import asdict
from pathlib import Path

from PIL import Image

from vdit.appearing import discard, draft_of
from vdit.benchmarks import ref_youtube_vos
from vdit.benchmarks.world import pixels, scene, sentences
from vdit.benchmarks.world.scene import Scene, Split, Thing
from vdit.config.data import Data, World

read, splits = ref_youtube_vos.read, ref_youtube_vos.splits

# Raised by whoever changes what a world looks like or says, so that a folder drawn before is not taken for it.
EDITION = 3
SENTENCES = 2
JPEG_QUALITY = 95
# The benchmark's frames are numbered in steps of five.
STEP = 5
# Black, then one colour per object for whoever looks at a mask; the loader reads the indices.
PALETTE = (0, 0, 0, 236, 95, 103, 249, 145, 87, 250, 200, 99, 153, 199, 148, 95, 179, 179, 102, 153, 204, 197, 148, 197)


def locate(data: Data, folder: Path) -> Path:
    """The folder with the world in it; it is written first where the folder does not exist or is empty.

    Raises ValueError where the folder holds another world or anything else.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        write(folder, data.world)
    found = (folder / "world.json").read_text() if (folder / "world.json").is_file() else "nothing that says what world it is"
    if found != signature(data.world):
        raise ValueError(f"{folder} holds {found.strip()}, not {signature(data.world).strip()}; remove it or pass another --data DIR")
    return folder


def write(root: Path, world: World) -> None:
    """Write train, valid and, where asked for, hard to a new folder: all of it, or nothing.

    Raises ValueError where root is taken or no such world can be.
    """
    check(world)
    partial = draft_of(root)
    discard(partial)
    partial.mkdir(parents=True)
    try:
        write_split(partial, world, "train", world.train_videos)
        write_split(partial, world, "valid", world.valid_videos)
        if world.hard_videos:
            write_split(partial, world, "hard", world.hard_videos)
        (partial / "world.json").write_text(signature(world))
        publish(partial, root, signature(world))
    finally:
        discard(partial)


def check(world: World, key: str = "data.world") -> None:
    """Raises ValueError for what drawing cannot make sense of; that the objects fit is found out by trying. `key` is the world's."""
    least = {"objects": 2, "frames": 1, "height": 32, "width": 32, "train_videos": 1, "valid_videos": 1, "hard_videos": 0, "seed": 0}
    for name, bound in least.items():
        if getattr(world, name) < bound:
            raise ValueError(f"{key}.{name} is {getattr(world, name)}, expected at least {bound}")


def signature(world: World) -> str:
    """The content of world.json."""
    return json.dumps({"edition": EDITION, **asdict(world)}) + "\n"


def publish(partial: Path, root: Path, expected: str) -> None:
    """Move the finished folder into place. Where another process was faster with the same world, its folder stays."""
    try:
        partial.rename(root)
    except OSError as error:
        if not (root / "world.json").is_file() or (root / "world.json").read_text() != expected:
            raise ValueError(f"{root} is taken ({error.strerror}); remove it or pass another --data DIR") from error


def write_split(root: Path, world: World, split: Split, videos: int) -> None:
    frames = [f"{STEP * index:05d}" for index in range(world.frames)]
    listing, objects = {}, {}
    for number in range(videos):
        name = f"{split}{number:04d}"
        drawn, said = clip(world, split, number)
        write_pixels(root / split, name, frames, drawn)
        pairs = [(str(thing + 1), text) for thing, texts in enumerate(said) for text in texts]
        expressions = {str(key): {"exp": text, "obj_id": thing} for key, (thing, text) in enumerate(pairs)}
        listing[name] = {"expressions": expressions, "frames": frames}
        objects[name] = {"objects": {str(index + 1): {**describe(thing), "frames": frames} for index, thing in enumerate(drawn.things)}}
    write_json(root / "meta_expressions" / split / "meta_expressions.json", {"videos": listing})
    write_json(root / split / "meta.json", {"videos": objects})


def clip(world: World, split: Split, number: int) -> tuple[Scene, tuple[tuple[str, ...], ...]]:
    """The scene of one clip and the sentences of each of its things. Scenes with a thing that has too few names are drawn again."""
    rng = scene.generator(world, split, number)
    for _ in range(scene.ATTEMPTS):
        drawn = scene.draw(world, rng, split)
        said = tuple(sentences.choose(drawn, thing, SENTENCES, rng) for thing in range(len(drawn.things)))
        if all(len(texts) == SENTENCES for texts in said):
            return drawn, said
    raise ValueError(f"data.world: found no {SENTENCES} sentences for each of up to {world.objects} objects; lower data.world.objects")


def describe(thing: Thing) -> dict[str, str]:
    """An object's entry in meta.json: the benchmark's `category`, and what only this world knows."""
    return {"category": thing.shape, "colour": thing.colour, "motion": thing.motion}


def write_pixels(folder: Path, name: str, frames: list[str], drawn: Scene) -> None:
    """JPEGs without chroma subsampling, which would smear small coloured shapes, and palette PNGs."""
    images, masks = folder / "JPEGImages" / name, folder / "Annotations" / name
    images.mkdir(parents=True)
    masks.mkdir(parents=True)
    for frame, rgb, labels in zip(frames, *pixels.draw(drawn), strict=True):
        Image.fromarray(rgb).save(images / f"{frame}.jpg", quality=JPEG_QUALITY, subsampling=0)
        mask = Image.fromarray(labels)
        mask.putpalette(PALETTE)
        mask.save(masks / f"{frame}.png")


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")
