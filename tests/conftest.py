"""What several tests start from: a study so small that a trial takes seconds, and the shared material where it is present."""

import json
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from vdit.config.model import Model

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"
SHARED = Path(__file__).resolve().parents[1].parent / "shared"

TINY = """
study: tiny
preset: miniature
data:
  benchmark: miniature
  seed: 0
  frames: 2
  world: {train_videos: 3, valid_videos: 2, frames: 4, height: 32, width: 64, objects: 2}
train: {max_steps: 6}
evaluate: {light: [0.4], light_draws: 1, drift_clips: 2, drift_frames: 3}
launch: {checkpoint_every: 2, report_every: 1, weights: ""}
design: listed
reference: VD-IT
seeds: [0]
arms:
  VD-IT: {prompt: image+text, noise: predicted}
  VD-T: {prompt: text, noise: gaussian}
measure: [components, consistency, quality, drift, light]
"""


def pytest_configure() -> None:
    """Shells ignore Ctrl-C in what they start in the background, and every child inherits that: tests of it would wait for ever."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What random controls draw stays out of the user's cache folder, for processes that tests start too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """The file of a study with two arms, six steps each, on 32x64 pixels."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def model() -> "Model":
    """The shipped miniature's configuration."""
    from vdit.study.preset import base_trial

    return base_trial(EXPERIMENTS / "demo.yaml", "miniature", {})[0].model


@pytest.fixture(scope="session")
def folder(model: "Model", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of it with random weights, built once; read only."""
    from vdit.backbones import miniature

    built = tmp_path_factory.mktemp("weights") / "miniature"
    miniature.build(built, model.architecture, 0)
    return built


@pytest.fixture
def copied(folder: Path, tmp_path: Path) -> Callable[[], Path]:
    """A copy of the folder, to spoil."""
    return lambda: Path(shutil.copytree(folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the shared material is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def process_group() -> Iterator[None]:
    """A process group of this process alone: one for all tests, because DeepSpeed keeps the first it sees."""
    import torch

    from vdit.train.group import alone

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with alone(torch.device("cpu")):
        yield
    torch.set_num_threads(threads)


# Objects of the COCO tree: sentences, and rows and columns of a box (the ends not included).
THINGS = (
    (("a red box on the left", "The bright box"), (10, 30, 5, 25)),
    (("the one in the corner",), (0, 12, 40, 64)),
    (("everything but an edge",), (1, 48, 0, 64)),
)
HEIGHT, WIDTH = 48, 64


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """A folder in the layout of RefCOCO: four sentences on three images in every JSON, where an image is red its object.

    The objects are one polygon, two polygons, and run lengths.
    """
    root = tmp_path / "coco"
    (root / "train2014").mkdir(parents=True)
    for data_set in ("refcoco", "refcoco+", "refcocog"):
        (root / data_set).mkdir()
        for split in ("train", "val"):
            listing = {"images": [], "annotations": [], "categories": []}
            for number in range(len(THINGS)):
                describe(listing, number, draw(root, f"COCO_train2014_{data_set}_{split}_{number}.jpg", number), data_set)
            (root / data_set / f"instances_{data_set}_{split}.json").write_text(json.dumps(listing))
    return root


def draw(root: Path, name: str, number: int) -> str:
    _, (top, bottom, left, right) = THINGS[number]
    pixels = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    pixels[top:bottom, left:right] = (220, 30, 30)
    Image.fromarray(pixels).save(root / "train2014" / name, quality=95, subsampling=0)
    return name


def describe(listing: dict, number: int, image: str, data_set: str) -> None:
    """The sentences about an object: an "image" and an annotation each."""
    said, (top, bottom, left, right) = THINGS[number]
    middle = (left + right) / 2
    # Down the columns: a row is left out at the top of each.
    runs = [1, *[bottom - top, HEIGHT - bottom + top] * (right - left)][:-1]
    outlines = (
        [[left, top, right, top, right, bottom, left, bottom]],
        [[start, top, end, top, end, bottom, start, bottom] for start, end in ((left, middle), (middle, right))],
        {"size": [HEIGHT, WIDTH], "counts": runs},
    )
    for text in said:
        key = len(listing["images"]) + 1
        about = {"id": key, "file_name": image, "height": HEIGHT, "width": WIDTH, "original_id": number, "dataset_name": data_set}
        listing["images"].append({**about, "caption": text})
        box = {"bbox": [left, top, right - left, bottom - top], "area": (right - left) * (bottom - top), "iscrowd": 0, "category_id": 1}
        listing["annotations"].append({"id": key, "image_id": key, "segmentation": outlines[number], **box, "original_id": number})
