"""Oracles: real processes that write at once or are killed while they write; the rules of the file system."""

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vdit.features.envelope import DamagedError
from vdit.features.store import LOCKS, MARK, Store, create, folder_of, identity, open_store

NAME = "latents-0123/abcdef"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    create(tmp_path / "store")
    return open_store(tmp_path / "store")


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    head = "import sys, time; from pathlib import Path; from vdit.features.store import Store; store = Store(Path(sys.argv[1]))\n"
    return subprocess.Popen([sys.executable, "-c", head + code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)


def files(store: Store) -> list[str]:
    return [path.name for path in store.root.glob("latents-*/*/*")]


def test_an_entry_is_read_as_it_was_published(store: Store) -> None:
    assert store.read(NAME) is None
    store.publish(NAME, [b"one", b"two"])
    found = store.read(NAME)
    assert found is not None and bytes(found) == b"onetwo"
    found[0] = ord("x")
    assert bytes(store.read(NAME) or b"") == b"onetwo", "what is mapped cannot change the file"


def test_an_empty_file_is_damaged(store: Store) -> None:
    store.publish(NAME, [b"one"])
    store.path(NAME).write_bytes(b"")
    with pytest.raises(DamagedError):
        store.read(NAME)


def test_a_writer_killed_in_the_middle_leaves_no_entry_and_no_lock(store: Store) -> None:
    """Two megabytes are written, one a second; the writer dies after the first."""
    code = (
        f"def slowly():\n  yield bytes(1 << 20)\n  print('half', flush=True)\n  time.sleep(60)\n  yield bytes(1 << 20)\n"
        "import vdit.features.store as module\n"
        "module.seal = lambda parts: parts\n"
        f"with store.writing({NAME!r}):\n  store.publish({NAME!r}, slowly())\n"
    )
    writer = python(code, store.root)
    assert writer.stdout is not None and writer.stdout.readline() == "half\n"
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    assert store.read(NAME) is None
    assert [name.startswith(".abcdef.") for name in files(store)] == [True], "a draft, which is no entry"
    with store.writing(NAME, patience=5) as mine:
        assert mine
        store.publish(NAME, [b"whole"])
    assert bytes(store.read(NAME) or b"") == b"whole"


def test_one_of_many_writers_computes_and_the_others_read(store: Store, tmp_path: Path) -> None:
    code = (
        f"with store.writing({NAME!r}) as mine:\n"
        f"  found = store.read({NAME!r})\n"
        "  if found is None:\n"
        "    time.sleep(0.3)\n"
        f"    store.publish({NAME!r}, [b'made'])\n"
        "print('read' if found else 'made', mine)\n"
    )
    writers = [python(code, store.root) for _ in range(4)]
    said = sorted(writer.communicate(timeout=60)[0] for writer in writers)
    assert said == ["made True\n", "read True\n", "read True\n", "read True\n"]
    assert files(store) == ["abcdef"]


def test_who_waits_for_too_long_is_told_to_go_on_without(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with store.writing(NAME), store.writing(NAME, patience=0.05) as mine:
        assert not mine
    assert f"for the writer of {NAME}" in caplog.text
    with store.writing(NAME) as mine:
        assert mine


def test_a_store_is_made_once_and_keeps_its_identity(tmp_path: Path) -> None:
    first = create(tmp_path / "new" / "store")
    assert create(tmp_path / "new" / "store") == first == identity(tmp_path / "new" / "store")
    assert create(tmp_path / "other") != first
    assert {path.name for path in (tmp_path / "other").iterdir()} == {MARK, LOCKS}


def test_many_that_make_it_at_once_make_one(tmp_path: Path) -> None:
    code = "from vdit.features.store import create; print(create(Path(sys.argv[1])))"
    makers = [python(code, tmp_path / "store") for _ in range(4)]
    assert len({maker.communicate(timeout=60)[0] for maker in makers}) == 1


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").touch()
    with pytest.raises(ValueError, match=r"photos holds other files and no store\.json; give launch\.store, or --store"):
        create(tmp_path / "photos")


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"cannot be written \(Not a directory\); give launch\.store, or --store"):
        create(tmp_path / "file" / "store")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    create(tmp_path / "store")
    (tmp_path / "store").chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(ValueError, match=r"cannot be written \(Permission denied\)"):
        create(tmp_path / "store")


def test_a_url_with_a_slash_too_few_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"s3:/bucket/store is no folder, and no URL, which has two slashes"):
        create(Path("s3:/bucket/store"))


def test_a_folder_that_is_no_store_on_this_node_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"is no store on .* every node must see the same folder"):
        open_store(tmp_path)
    (tmp_path / MARK).write_text(json.dumps({"format": 99, "store": "x"}))
    with pytest.raises(ValueError, match="has format 99, this version reads 1"):
        open_store(tmp_path)


def test_the_setting_names_a_folder(tmp_path: Path) -> None:
    assert folder_of("off", tmp_path) is None
    assert folder_of("on", tmp_path) == tmp_path / "store"
    assert folder_of("/shared/store", tmp_path) == Path("/shared/store")
    assert folder_of("s3://bucket/prefix", tmp_path) == tmp_path / "store", "the copy of what lies behind"


def test_a_store_is_opened_without_torch(store: Store) -> None:
    process = python("import vdit.features.keeping; print('torch' in sys.modules)", store.root)
    assert process.communicate(timeout=60)[0] == "False\n"
