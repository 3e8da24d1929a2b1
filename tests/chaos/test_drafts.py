"""What is being written is told with its writer."""

import os
from pathlib import Path

from drafts import Drafts, Written

from vdit.appearing import draft_of
from vdit.train.folder import write_json


def test_a_draft_in_a_folder_that_came_later_is_told_with_its_writer(tmp_path: Path) -> None:
    drafts = Drafts(tmp_path)
    (tmp_path / "trials").mkdir()
    assert not list(drafts.wait(1))
    write_json(tmp_path / "trials/result.json", {})
    found = [written for _ in range(2) for written in drafts.wait(0.1)]
    assert found == [Written(draft_of(tmp_path / "trials/result.json"), os.getpid())]
    (tmp_path / "mlflow.db-journal").touch()
    assert list(drafts.wait(1)) == [Written(tmp_path / "mlflow.db-journal", 0)]
    drafts.close()
