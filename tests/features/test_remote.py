"""Oracles: files of a folder and of fsspec's memory, by their bytes; drivers that refuse, put in the place of real ones."""

import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from vdit.features.envelope import DamagedError
from vdit.features.remote import Remote, RemoteError, remote_of
from vdit.features.store import Store, create, open_store

NAME = "latents-0123/abcdef"


@pytest.fixture(params=["memory", "file", "objects"])
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """`objects` stands for a bucket: nothing can be moved in it, and no folder made."""
    if request.param == "file":
        return Remote(f"file://{tmp_path}/far")
    if request.param == "objects":
        monkeypatch.setattr(MemoryFileSystem, "protocol", ("s3", "memory"))
        monkeypatch.setattr(MemoryFileSystem, "mv", None)
    return Remote(f"memory://{uuid.uuid4().hex}/far")


def objects(remote: Remote) -> dict[str, bytes]:
    system, root = remote.open()
    return {path.removeprefix(f"{root}/"): system.cat_file(path) for path in system.find(root)}


def refusing(error: Exception) -> Callable[..., None]:
    def refuse(*_: object, **__: object) -> None:
        raise error

    return refuse


def test_what_is_put_is_fetched_and_replaced_whole(remote: Remote, tmp_path: Path) -> None:
    sent, draft = tmp_path / "sent", tmp_path / "draft"
    assert not remote.fetch(NAME, draft)
    for content in (b"one", b"another"):
        sent.write_bytes(content)
        remote.put(NAME, sent)
        assert remote.fetch(NAME, draft) and draft.read_bytes() == content
        assert objects(remote) == {"latents-0123/ab/abcdef": content}


def test_a_check_leaves_nothing(remote: Remote) -> None:
    remote.check()
    assert not objects(remote)


def test_a_store_fetches_what_is_missing_or_damaged_here(remote: Remote, tmp_path: Path) -> None:
    for name in ("a", "b"):
        create(tmp_path / name, remote)
    first, second = (open_store(tmp_path / name, remote) for name in ("a", "b"))
    assert second.read(NAME) is None
    first.publish(NAME, [b"one", b"two"])
    first.send(NAME)
    assert second.here(NAME) is None
    assert bytes(second.read(NAME) or b"") == bytes(second.here(NAME) or b"") == b"onetwo"
    second.path(NAME).write_bytes(b"torn")
    assert bytes(second.read(NAME) or b"") == b"onetwo"
    assert [path.name for path in second.root.glob("latents-*/*/*")] == ["abcdef"], "no draft stays"


def test_an_object_that_is_damaged_is_found_and_replaced(remote: Remote, tmp_path: Path) -> None:
    create(tmp_path / "a", remote)
    store = Store(tmp_path / "a", remote)
    (tmp_path / "torn").write_bytes(b"torn")
    remote.put(NAME, tmp_path / "torn")
    with pytest.raises(DamagedError):
        store.read(NAME)
    store.publish(NAME, [b"whole"])
    store.send(NAME)
    assert objects(remote)["latents-0123/ab/abcdef"] == store.path(NAME).read_bytes()


def test_a_url_without_a_driver_is_refused() -> None:
    fsspec.register_implementation("driverless", "nowhere.Driverless", errtxt="Install driverless", clobber=True)
    with pytest.raises(ValueError, match=r"driverless://bucket cannot be opened on .* \(Install driverless\); install the driver of its"):
        Remote("driverless://bucket").check()
    with pytest.raises(ValueError, match=r"store nonsense://bucket cannot be opened on .*give launch\.store, or --store, another"):
        Remote("nonsense://bucket").check()


def test_a_url_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"file/far cannot be used from .*Not a directory.*; install the driver"):
        Remote(f"file://{tmp_path}/file/far").check()


def test_a_bucket_that_refuses_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As S3 does where objects may be read but not listed."""
    monkeypatch.setattr(MemoryFileSystem, "get_file", refusing(PermissionError("Access Denied")))
    with pytest.raises(ValueError, match=r"cannot be used from .* \(Access Denied\)"):
        Remote("memory://bucket").check()


def test_errors_of_the_libraries_below_the_drivers_are_of_one_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class BotoCoreError(Exception):
        """No OSError, as the real one."""

    monkeypatch.setitem(sys.modules, "botocore.exceptions", SimpleNamespace(BotoCoreError=BotoCoreError, ClientError=BotoCoreError))
    monkeypatch.setattr(MemoryFileSystem, "get_file", refusing(BotoCoreError("Unable to locate credentials")))
    with pytest.raises(RemoteError, match=r"^Unable to locate credentials$"):
        Remote("memory://bucket").fetch(NAME, tmp_path / "draft")
    monkeypatch.setattr(MemoryFileSystem, "get_file", refusing(KeyError("ours")))
    with pytest.raises(KeyError):
        Remote("memory://bucket").fetch(NAME, tmp_path / "draft")


def test_the_setting_names_a_url() -> None:
    assert remote_of("s3://bucket/prefix") == Remote("s3://bucket/prefix")
    assert [remote_of(setting) for setting in ("on", "off", "/shared/store")] == [None] * 3
