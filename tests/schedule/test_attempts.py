"""The file of a trial's lost attempts: what is written is read, and a damaged file is named."""

from pathlib import Path

import pytest

from vdit.schedule import attempts
from vdit.schedule.attempts import Attempts, Loss


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    assert attempts.read(tmp_path) == Attempts()
    known = (
        Attempts()
        .lost(Loss("code", "ValueError: ä", "ab12", 10.0, True))
        .resumed(12.5)
        .lost(Loss("infrastructure", "gone", "", 20.0, False))
    )
    attempts.write(tmp_path, known)
    assert attempts.read(tmp_path) == known
    assert [loss.waited for loss in known.losses] == [2.5, 0.0]
    assert known.count("code") == known.count("infrastructure") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["attempts.json"]


def test_clearing_gives_the_budgets_back_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    attempts.write(tmp_path, Attempts((Loss("value", "NaN", "", 0.0, False),)))
    (tmp_path / "failure.json").write_text("{}")
    (tmp_path / "checkpoint").mkdir()
    attempts.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint"]


@pytest.mark.parametrize("text", ["{", "[]", '{"losses": [{"kind": "code"}]}'])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "attempts.json").write_text(text)
    with pytest.raises(ValueError, match=r"attempts\.json: .*remove it"):
        attempts.read(tmp_path)
