"""Oracle: YAML 1.2's core schema, value by value."""

from pathlib import Path
from typing import Any

import pytest

from vdit.study.document import read, shown


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("true", True), ("false", False), ("null", None), ("~", None), ("", None),
        ("None", "None"), ("1", 1), ("-7", -7), ("010", 10), ("1.0", 1.0), ("1e-3", 1e-3), (".5", 0.5), ("5.", 5.0), ("'1'", "1"),
        ("1:30", "1:30"), ("2026-11-01", "2026-11-01"), ("1_000", "1_000"), ("image+text", "image+text"), ("[in, up2]", ["in", "up2"]),
    ],
)  # fmt: skip
def test_words_mean_what_they_say(tmp_path: Path, word: str, value: Any) -> None:
    (tmp_path / "a.yaml").write_text(f"key: {word}\n")
    found = read(tmp_path / "a.yaml")["key"]
    assert found == value and type(found) is type(value)


def test_json_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": {"b": [1, 1.0, "1", null, true]}}')
    assert repr(read(tmp_path / "a.json")) == "{'a': {'b': [1, 1.0, '1', None, True]}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2\n", "line 2: key 'a' is there twice"),
        ("x: {b: 1, b: 1}\n", "line 1: key 'b' is there twice"),
        ("1: a\n", "line 1: a key must be a string"),
        ("? [1]\n: a\n", "line 1: a key must be a string"),
        ("a: [1\n", "line 2: did not find expected"),
        ("- 1\n", "expected keys with values, such as 'study: demo', found list"),
        ("", "found NoneType"),
        ("a: &x [*x]\n", "a value that JSON cannot hold"),
        ("a: 1e999\n", "a value that JSON cannot hold"),
        ("a: !!python/object:os.system b\n", "line 1: could not determine a constructor"),
        ("a: \x00\n", "control characters are not allowed"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ValueError) as error:
        read(tmp_path / "a.yaml")
    assert str(error.value).startswith(f"{tmp_path / 'a.yaml'}: ") and message in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b\.yaml: No such file"):
        read(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"c\.yaml: not UTF-8 text at byte 0"):
        read(tmp_path / "c.yaml")


def test_a_path_below_the_current_folder_is_shown_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown(tmp_path / "x" / "a.yaml") == shown(Path("x/a.yaml")) == "x/a.yaml"
    assert shown(Path("/elsewhere/a.yaml")) == "/elsewhere/a.yaml"
