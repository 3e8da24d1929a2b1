"""Ten kills (`make chaos`: a hundred); the undisturbed study is the oracle."""

from pathlib import Path

import chaos
import pytest
from victims import KINDS


def test_every_kind_is_killed_as_often() -> None:
    drawn = chaos.draw(10, 0)
    assert sorted(kill.kind for kill in drawn) == sorted([*KINDS, *KINDS])
    assert drawn == chaos.draw(10, 0) != chaos.draw(10, 1)


@pytest.mark.slow
def test_a_study_under_kills_ends_as_if_there_were_none(tmp_path: Path) -> None:
    print(chaos.compare(tmp_path, 10, 0))
