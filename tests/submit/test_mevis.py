"""MeViS's listing and zip: Ref-YouTube-VOS's masks with the videos at the top. Oracle: the JSON that was written."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdit.submit import mevis

VIDEO = {
    "expressions": {"0": {"exp": "birds flying away", "obj_id": [0, 2], "anno_id": [7, 9]}, "1": {"exp": "the still one"}},
    "frames": ["00000", "00001"],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mevis/valid/JPEGImages/0ab4"
    folder.mkdir(parents=True)
    for name in VIDEO["frames"]:
        Image.new("RGB", (20, 10)).save(folder / f"{name}.jpg")
    (tmp_path / "mevis/valid/meta_expressions.json").write_text(json.dumps({"videos": {"0ab4": VIDEO}}))
    return tmp_path / "mevis"


def test_a_split_without_masks_is_listed_whatever_its_sentences_name(root: Path) -> None:
    (video,) = mevis.listing(root, "valid").videos
    assert video.frames == ("00000", "00001")
    assert [(said.id, said.text) for said in video.expressions] == [("0", "birds flying away"), ("1", "the still one")]


def test_the_zip_holds_the_videos_themselves(root: Path, tmp_path: Path) -> None:
    split = mevis.listing(root, "valid")
    with mevis.writing(tmp_path / "out", split.videos[0], 0.5) as write:
        write((0, 1), ((said, np.ones((2, 10, 20), np.float32)) for said in split.videos[0].expressions))
    assert mevis.pack(tmp_path / "out", split, tmp_path / "a.zip") == []
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == [f"0ab4/{key}/{frame}.png" for key in "01" for frame in VIDEO["frames"]]


def test_a_bad_listing_is_refused(root: Path) -> None:
    with pytest.raises(ValueError, match=r"valid_u/meta_expressions.json does not exist; .* has the splits valid"):
        mevis.listing(root, "valid_u")
    (root / "valid/JPEGImages/0ab4/00001.jpg").unlink()
    with pytest.raises(ValueError, match=r"00001.jpg, which does not exist"):
        mevis.listing(root, "valid")
    path = root / "valid/meta_expressions.json"
    for content, said in ((VIDEO | {"frames": []}, "frames is empty"), (VIDEO | {"expressions": [1]}, "0ab4.expressions")):
        path.write_text(json.dumps({"videos": {"0ab4": content}}))
        with pytest.raises(ValueError, match=said):
            mevis.listing(root, "valid")
    path.write_text('{"videos": {}}')
    with pytest.raises(ValueError, match="lists no video"):
        mevis.listing(root, "valid")
