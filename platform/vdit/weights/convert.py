"""What a published checkpoint is, a file of trained weights or a folder of frozen networks, and so how it is converted."""

from collections.abc import Callable
from pathlib import Path

from vdit.weights import text_to_video, trained


def convert(source: Path, target: Path, image_tower: Path | None, roberta: Path | None, say: Callable[[str], None]) -> None:
    """Writes the folder `target`; `say` gets a line for each thing done.

    `image_tower` and `roberta` are the parts that a text-to-video folder does not have; None for those inside it. A trained model's
    RoBERTa is compared with `roberta`.
    """
    if source.is_dir():
        folders = text_to_video.Folders(source, image_tower or source / "image_tower", roberta or source / "roberta")
        text_to_video.convert(folders, target, say)
    elif not source.exists():
        raise ValueError(f"{source} does not exist; give a released checkpoint's file, or the folder of a text-to-video model")
    elif image_tower:
        raise ValueError(f"{source} is a file: --image-tower belongs to the folder of a text-to-video model")
    else:
        trained.convert(source, target, roberta, say)
