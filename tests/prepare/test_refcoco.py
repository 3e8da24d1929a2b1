"""RefCOCO's pickles to JSONs: what is written, what the loader reads of it, and that no pickle runs any code."""

import io
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import refer_tree

from vdit.benchmarks import refcoco as benchmark
from vdit.prepare.refcoco import prepare, unpickle

PICKLE, JSON = Path("refcoco/refs(unc).p"), Path("refcoco/instances.json")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return refer_tree.write(tmp_path / "coco")


def references(root: Path, change: Callable[[list[dict]], object]) -> None:
    content = pickle.loads((root / PICKLE).read_bytes(), encoding="latin-1")
    change(content)
    (root / PICKLE).write_bytes(refer_tree.dump(content))


def instances(root: Path, change: Callable[[dict], object]) -> None:
    content = json.loads((root / JSON).read_text())
    change(content)
    (root / JSON).write_text(json.dumps(content))


def test_each_sentence_is_an_image_with_the_annotation_of_its_object(source: Path) -> None:
    list(prepare(source, source))
    written = json.loads((source / "refcoco+/instances_refcoco+_val.json").read_text())
    assert written["categories"] == [{"id": 1, "name": "person"}]
    about = {"file_name": "COCO_train2014_refcoco+_val.jpg", "height": 40, "width": 60, "original_id": 10, "dataset_name": "refcoco+"}
    captions = ("the café in val", "a second one", "left of it")
    assert written["images"] == [{**about, "id": number, "caption": text} for number, text in enumerate(captions, 1)]
    expected = [
        {**refer_tree.annotation(key, 10), "id": number, "image_id": number, "original_id": key}
        for number, key in enumerate((11, 11, 12), 1)
    ]
    assert written["annotations"] == expected


def test_all_splits_are_written_and_read_by_the_loader(source: Path) -> None:
    said = list(prepare(source, source))
    for name, (_, splits) in refer_tree.SPLITS.items():
        for split in splits:
            assert f"{source / name / f'instances_{name}_{split}.json'}: written" in said and f"{name} {split}: 3 sentences" in said
            data = benchmark.read(source, f"{name}/{split}", 1)
            assert [video.expressions[0].text for video in data.videos] == [f"the café in {split}", "a second one", "left of it"]
            boxes = [np.argwhere(data.masks(video, (0,), 1)[0]) for video in data.videos]
            assert [(box.min(0).tolist(), box.max(0).tolist()) for box in boxes] == [([5, left], [24, left + 7]) for left in (10, 10, 20)]
    assert len(benchmark.read(source, "train", 1).videos) == 9


def test_a_second_time_nothing_changes_and_another_folder_may_be_named(source: Path, tmp_path: Path) -> None:
    list(prepare(source, tmp_path / "to"))
    assert not list(source.rglob("instances_*"))
    said = list(prepare(source, tmp_path / "to"))
    assert sum(line.endswith("as it was") for line in said) == 11 and not any("written" in line for line in said)


def test_data_sets_that_are_not_there_are_not_asked_for(source: Path, tmp_path: Path) -> None:
    shutil.rmtree(source / "refcoco+")
    list(prepare(source, tmp_path / "to"))
    assert sorted(path.name for path in (tmp_path / "to").iterdir()) == ["refcoco", "refcocog"]


def test_empty_sentences_are_left_out_and_counted(source: Path, tmp_path: Path) -> None:
    references(source, lambda refs: refs[0]["sentences"][0].update(sent=" "))
    said = list(prepare(source, tmp_path / "to"))
    assert f"refcoco train: 2 sentences; 1 that are empty in {source / PICKLE} are left out" in said
    written = json.loads((tmp_path / "to/refcoco/instances_refcoco_train.json").read_text())
    assert [(image["id"], image["caption"]) for image in written["images"]] == [(1, "a second one"), (2, "left of it")]


@pytest.mark.parametrize("protocol", [0, 1, 2])
def test_text_of_python_2_is_read_as_latin_1(tmp_path: Path, protocol: int) -> None:
    value = [{"sent": "café", "numbers": [1, -2, 2**40, 0.5, True, None], "pair": (1, 2)}, {"sent": "café"}]
    data = refer_tree.dump(value, protocol)
    assert b"caf\xe9" in data or b"caf\\xe9" in data, "bytes, not Unicode"
    (tmp_path / "refs.p").write_bytes(data)
    assert unpickle(tmp_path / "refs.p") == value


class Call:
    """Pickled, it has a function called on a path when it is read."""

    def __init__(self, function: object, path: Path) -> None:
        self.function, self.path = function, str(path)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return self.function, (self.path,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(("function", "name"), [("os.mkdir", "posix.mkdir"), ("eval", "eval"), ("open", "open")])
def test_a_pickle_that_would_run_code_is_refused_and_runs_none(
    source: Path, tmp_path: Path, protocol: int, function: str, name: str
) -> None:
    import os

    victim = tmp_path / "victim"
    called = {"os.mkdir": os.mkdir, "eval": eval, "open": open}[function]
    argument = f"__import__('os').mkdir({str(victim)!r})" if function == "eval" else victim
    data = pickle.dumps([Call(called, argument)], protocol)
    if function != "open":
        pickle.loads(data)
        assert victim.is_dir(), "it does run where it is not refused"
        victim.rmdir()
    (source / PICKLE).write_bytes(data)
    with pytest.raises(ValueError, match=rf"refs\(unc\)\.p is refused: it names \S*{name}, which could be called") as caught:
        list(prepare(source, tmp_path / "to"))
    assert "\n" not in str(caught.value)
    assert not victim.exists() and not (tmp_path / "to").exists()


def persistent() -> bytes:
    class Refers(pickle.Pickler):
        def persistent_id(self, given: object) -> object:
            return "elsewhere" if given == 7 else None

    buffer = io.BytesIO()
    Refers(buffer).dump([7])
    return buffer.getvalue()


STRANGE: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "Ran out of input"),
    "no pickle": (b"<html>not found</html>", "is refused: "),
    "an index below the stack": (b"0.", "is refused: "),
    "an attribute of a list": (b"]}b.", "is refused: "),
    "an object outside": (persistent(), "it refers to 'elsewhere' outside of itself"),
    "an extension": (b"\x80\x02\x82\x01.", "is refused: "),
    "a set": (pickle.dumps([{1}], 2), "it names __builtin__.set"),
    "a number": (pickle.dumps(7), "the file: Input should be a valid list"),
    "no sentence": (refer_tree.dump([{"ann_id": 1, "image_id": 0, "split": "train"}]), "0.sentences: Field required"),
    "a sentence of bytes": (
        pickle.dumps([{"ann_id": 1, "image_id": 0, "split": "train", "sentences": [{"sent": 5}]}]),
        "0.sentences.0.sent: Input should be a valid string",
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_list_of_references_is_refused(source: Path, tmp_path: Path, name: str) -> None:
    data, said = STRANGE[name]
    (source / PICKLE).write_bytes(data)
    with pytest.raises(ValueError) as caught:
        list(prepare(source, tmp_path / "to"))
    message = str(caught.value)
    assert str(source / PICKLE) in message and said in message and "\n" not in message, message
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("protocol", [0, 2])
def test_a_pickle_is_refused_wherever_it_ends(source: Path, tmp_path: Path, protocol: int) -> None:
    data = refer_tree.dump(refer_tree.references("refcoco", 0, "train")[0], protocol)
    for end in range(len(data)):
        (tmp_path / "refs.p").write_bytes(data[:end])
        with pytest.raises(ValueError, match="is refused: "):
            unpickle(tmp_path / "refs.p")


BAD: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no data set": (lambda root: [shutil.rmtree(root / name) for name in refer_tree.SPLITS], ("none of the folders refcoco, refcoco+",)),
    "no pickle": (lambda root: (root / PICKLE).unlink(), (f"{PICKLE} cannot be read (No such file", "get it again")),
    "no instances": (lambda root: (root / JSON).unlink(), (f"{JSON} cannot be read (No such file",)),
    "broken JSON": (lambda root: (root / JSON).write_text('{"images": ['), (f"{JSON}: the file: invalid JSON", "get it again")),
    "no height": (lambda root: instances(root, lambda found: found["images"][1].pop("height")), ("images.1.height: Field required",)),
    "no annotation": (lambda root: instances(root, lambda found: found["annotations"].pop(0)), ("lacks annotation 1, which",)),
    "no image": (lambda root: instances(root, lambda found: found["images"].pop(0)), ("annotation 1 is of image 0, which it lacks",)),
    "another image": (
        lambda root: references(root, lambda refs: refs[0].update(image_id=10)),
        ("annotation 1 is of image 0, its sentences of image 10",),
    ),
    "another split": (
        lambda root: references(root, lambda refs: refs[0].update(split="trian")),
        ("has the splits testA, testB, train, trian, val, expected train, val, testA, testB",),
    ),
    "a split too few": (
        lambda root: references(root, lambda refs: [refs.pop(), refs.pop()]),
        ("has the splits testA, train, val, expected",),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_refused_before_anything_is_written(source: Path, tmp_path: Path, name: str) -> None:
    damage, said = BAD[name]
    damage(source)
    with pytest.raises(ValueError) as caught:
        list(prepare(source, tmp_path / "to"))
    message = str(caught.value)
    assert "\n" not in message and all(part in message for part in said), message
    assert not (tmp_path / "to").exists()
