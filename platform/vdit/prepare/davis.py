"""Ref-DAVIS17: DAVIS 2017 and the expressions of two annotators, in the layout that benchmarks/ref_davis17.py reads (spec section 8).

Frames and masks become hard links, so that they need no space, stay when the archive's folder is removed, and the archive's folder stays
as it is; copies where links cannot be.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pydantic

from vdit.benchmarks import _json
from vdit.prepare import output

# The order is that of the expressions of an object; the second annotator's files are in another encoding.
TEXTS = {
    "Davis17_annot1.txt": "utf-8",
    "Davis17_annot1_full_video.txt": "utf-8",
    "Davis17_annot2.txt": "latin-1",
    "Davis17_annot2_full_video.txt": "latin-1",
}
# What the annotators call three videos, and what DAVIS calls them.
RENAMED = {"clasic-car": "classic-car", "dog-scale": "dogs-scale", "motor-bike": "motorbike"}
SPLITS = {"train": "train", "valid": "val"}
KINDS = {"JPEGImages": ("JPEGImages/480p", ".jpg"), "Annotations": ("Annotations_unsupervised/480p", ".png")}
AGAIN = "restore it from the archive"

# Of a video: by object, what one file says of it.
Said: TypeAlias = dict[str, dict[str, str]]
SEMANTICS = pydantic.TypeAdapter(dict[str, dict[str, str]])


@dataclass(frozen=True, slots=True)
class Video:
    """A video of DAVIS; `expressions` and `categories` as the JSONs have them, `files` by kind and sorted."""

    name: str
    files: dict[str, list[Path]]
    expressions: dict[str, dict[str, str]]
    categories: dict[str, str]


def prepare(source: Path, to: Path, copy: bool) -> Iterator[str]:
    """Write train and valid to the folder `to`; yields lines about what was written, and about what was left out.

    `source` holds DAVIS (with davis_semantics.json in it) and davis_text_annotations. Everything is checked before anything is written;
    each split's meta_expressions.json is its last file. Raises ValueError with file, problem and remedy.
    """
    splits = {
        split: [name for name in lines(source / "DAVIS/ImageSets/2017" / f"{file}.txt", "utf-8") if name] for split, file in SPLITS.items()
    }
    said = {file: read_text(source / "davis_text_annotations" / file, encoding) for file, encoding in TEXTS.items()}
    semantics = _json.parse(SEMANTICS, source / "DAVIS/davis_semantics.json")
    videos = {split: [gather(source, name, said, semantics) for name in names] for split, names in splits.items()}
    for split, found in videos.items():
        yield from write(to, split, found, copy)
    known = {name for names in splits.values() for name in names}
    for file, by_video in said.items():
        yield from (f"{file}: video {name} is in no split of DAVIS 2017 and left out" for name in by_video if name not in known)


def write(to: Path, split: str, videos: list[Video], copy: bool) -> Iterator[str]:
    for video in videos:
        for kind, files in video.files.items():
            output.mirror(files, to / split / kind / video.name, copy)
    frames = sum(len(video.files["JPEGImages"]) for video in videos)
    yield f"{to / split}: {len(videos)} videos, {frames} frames and masks, {'copied' if copy else 'linked'}"
    objects = {video.name: {"objects": {key: {"category": name} for key, name in video.categories.items()}} for video in videos}
    yield output.write_json(to / split / "meta.json", {"videos": objects})
    listing = {
        video.name: {"expressions": video.expressions, "frames": [path.stem for path in video.files["JPEGImages"]]} for video in videos
    }
    yield output.write_json(to / "meta_expressions" / split / "meta_expressions.json", {"videos": listing})


def gather(source: Path, name: str, said: dict[str, Said], semantics: dict[str, dict[str, str]]) -> Video:
    """All that there is of a video."""
    files = {kind: pictures(source / "DAVIS" / folder / name, suffix) for kind, (folder, suffix) in KINDS.items()}
    frames, masks = ({path.stem for path in found} for found in files.values())
    if frames != masks:
        alone = min(frames ^ masks)
        have, lack = KINDS.values() if alone in frames else reversed(KINDS.values())
        raise ValueError(f"{source / 'DAVIS' / lack[0] / name / alone}{lack[1]} does not exist, but {have[0]} has that frame; {AGAIN}")
    if name not in semantics:
        raise ValueError(f"{source / 'DAVIS/davis_semantics.json'} lacks video {name}; {AGAIN}")
    return Video(name, files, combine(source, name, said, set(semantics[name])), semantics[name])


def pictures(folder: Path, suffix: str) -> list[Path]:
    found = sorted(folder.glob(f"*{suffix}"))
    if not found:
        raise ValueError(f"{folder} holds no {suffix}; DAVIS-2017-Unsupervised-trainval-480p has them: unpack it there")
    return found


def combine(source: Path, name: str, said: dict[str, Said], known: set[str]) -> dict[str, dict[str, str]]:
    """The expressions of a video: object by object in the order of their ids as strings, each as the four files have it."""
    named = sorted(set().union(*(by_video.get(name, {}) for by_video in said.values())))
    if not named:
        raise ValueError(f"{source / 'davis_text_annotations'} says nothing of video {name}; {AGAIN}")
    found: list[dict[str, str]] = []
    for key in named:
        if key not in known:
            objects = ", ".join(sorted(known))
            raise ValueError(f"{source / 'davis_text_annotations'}: object {key} of video {name}: DAVIS has {objects}; mend the number")
        for file, by_video in said.items():
            if key not in by_video.get(name, {}):
                raise ValueError(f"{source / 'davis_text_annotations' / file} lacks object {key} of video {name}, unlike others; {AGAIN}")
            found.append({"exp": by_video[name][key], "obj_id": key})
    return {str(number): expression for number, expression in enumerate(found)}


def read_text(path: Path, encoding: str) -> Said:
    """A file of lines `video object "expression"`."""
    found: Said = {}
    for number, line in enumerate(lines(path, encoding), 1):
        if not line:
            continue
        words = line.split()
        quoted = " ".join(words[2:])
        if len(words) < 3 or not words[1].isdecimal() or len(quoted) < 3 or quoted[0] + quoted[-1] != '""':
            raise ValueError(f'{path}: line {number} is {line!r}, expected: video object "expression"; mend the line')
        by_object = found.setdefault(RENAMED.get(words[0], words[0]), {})
        if words[1] in by_object:
            raise ValueError(f"{path}: line {number} is a second one about object {words[1]} of {words[0]}; remove one of them")
        by_object[words[1]] = quoted[1:-1]
    return found


def lines(path: Path, encoding: str) -> list[str]:
    """The lines without the blanks around them. Latin-1 has characters that Python takes for ends of lines, so it is not asked."""
    try:
        text = path.read_bytes().decode(encoding)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not {encoding} (byte {error.start}); {AGAIN}, with no editor between") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); {AGAIN}") from error
    return [line.strip() for line in text.split("\n")]
