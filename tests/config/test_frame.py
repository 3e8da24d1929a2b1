"""Frames that SgMg's head takes, against the sizes of its levels counted one stride after the other."""

from dataclasses import replace

import pytest

from vdit.config.model import Head

SGMG = Head(kind="sgmg")


def cells(side: int, multiple: int) -> int:
    """Of a padded side at stride 64: every stride from 4 on halves the one before, rounded up."""
    count = -(-side // multiple) * multiple // 4
    for _ in (8, 16, 32, 64):
        count = -(-count // 2)
    return count


@pytest.mark.parametrize("multiple", [16, 32])  # inference and training
def test_a_frame_is_taken_where_its_64x_level_has_three_cells(multiple: int) -> None:
    for side in range(1, 400):
        if cells(side, multiple) >= 3:
            SGMG.check_frame(side, 1000)
        else:
            with pytest.raises(ValueError, match="both sides above 128"):
                SGMG.check_frame(side, 1000)


def test_the_smaller_side_decides_and_the_message_has_both() -> None:
    with pytest.raises(ValueError, match="frames are 288x128 pixels"):
        SGMG.check_frame(288, 128)


def test_the_head_of_vdit_takes_any_frame() -> None:
    replace(SGMG, kind="vdit").check_frame(1, 1)
