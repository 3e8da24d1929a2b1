"""A small DAVIS 2017 with the text files of its expressions, as the archives hold them, and the Ref-DAVIS17 that is made of it."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 32, 48
# Of 256 colours: with fewer, Pillow writes pixel values in fewer bits.
PALETTE = (0, 0, 0, 128, 0, 0, 0, 128, 0, 128, 128, 0, *(value for grey in range(4, 256) for value in (grey, grey, grey)))
TEXTS = ("Davis17_annot1.txt", "Davis17_annot1_full_video.txt", "Davis17_annot2.txt", "Davis17_annot2_full_video.txt")
# What an annotator calls everything.
WORDS = ("first", "café", "blasé", "naïve")
# By split and video: frames, and what each object is.
VIDEOS = {
    "train": {"classic-car": (3, ("car",)), "motorbike": (2, ("person", "motorbike"))},
    "val": {"dogs-scale": (2, ("dog", "dog")), "lab-coat": (6, ("coat",) * 10)},
}
# The annotators' names of three of them.
MISNAMED = {"classic-car": "clasic-car", "motorbike": "motor-bike", "dogs-scale": "dog-scale"}


def write(root: Path) -> Path:
    """`root`/DAVIS and `root`/davis_text_annotations. Object n is where a frame is as bright as 20 n; a strip of void is around it."""
    davis = root / "DAVIS"
    (davis / "ImageSets/2017").mkdir(parents=True)
    for split, videos in VIDEOS.items():
        (davis / f"ImageSets/2017/{split}.txt").write_text("".join(f"{name}\n" for name in videos))
        for name, (frames, objects) in videos.items():
            for number in range(frames):
                draw(davis / "JPEGImages/480p" / name, davis / "Annotations_unsupervised/480p" / name, number, len(objects))
    named = {name: objects for videos in VIDEOS.values() for name, (_, objects) in videos.items()}
    semantics = {name: {str(key): what for key, what in enumerate(objects, 1)} for name, objects in named.items()}
    (davis / "davis_semantics.json").write_text(json.dumps(semantics))
    (root / "davis_text_annotations").mkdir()
    for number, file in enumerate(TEXTS):
        text = "".join(f"{line}\n" for line in lines(named, number))
        (root / "davis_text_annotations" / file).write_bytes(text.encode("utf-8" if number < 2 else "latin-1"))
    return root


def lines(named: dict[str, tuple[str, ...]], annotator: int) -> list[str]:
    """The last object first, and with words that the two encodings write differently."""
    objects = [(name, key) for name, given in named.items() for key in range(len(given), 0, -1)]
    return [f'{MISNAMED.get(name, name)} {key} "{said(name, key, annotator)}"' for name, key in objects]


def said(name: str, key: int, annotator: int) -> str:
    return f"the {WORDS[annotator]} object {key} of {name}"


def write_converted(root: Path, resolution: str = "") -> Path:
    """Ref-DAVIS17 of the same videos in the layout of Ref-YouTube-VOS, made without the conversion; `resolution` 480p is one variant."""
    for split, videos in VIDEOS.items():
        place = root / {"val": "valid"}.get(split, split)
        listing, objects = {}, {}
        for name, (frames, kinds) in videos.items():
            for number in range(frames):
                draw(place / "JPEGImages" / resolution / name, place / "Annotations" / resolution / name, number, len(kinds))
            # As strings: 1, 10, 2, ...
            keys = sorted(str(key) for key in range(1, len(kinds) + 1))
            texts = [{"exp": said(name, int(key), annotator), "obj_id": key} for key in keys for annotator in range(4)]
            expressions = {str(number): text for number, text in enumerate(texts)}
            listing[name] = {"expressions": expressions, "frames": [f"{number:05d}" for number in range(frames)]}
            objects[name] = {"objects": {str(key): {"category": kind} for key, kind in enumerate(kinds, 1)}}
        (place / "meta.json").write_text(json.dumps({"videos": objects}))
        listed = root / "meta_expressions" / place.name / "meta_expressions.json"
        listed.parent.mkdir(parents=True)
        listed.write_text(json.dumps({"videos": listing}))
    return root


def draw(images: Path, masks: Path, number: int, objects: int) -> None:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    labels[1 + number : 4 + number] = 255
    for key in range(1, objects + 1):
        labels[10:30, 4 * key : 4 * key + 3] = key
    for folder in (images, masks):
        folder.mkdir(parents=True, exist_ok=True)
    bright = np.where(labels == 255, 0, 20 * labels).astype(np.uint8)
    Image.fromarray(bright).convert("RGB").save(images / f"{number:05d}.jpg", quality=95)
    palette = Image.fromarray(labels)
    palette.putpalette(PALETTE)
    palette.save(masks / f"{number:05d}.png")
