"""Oracles: values by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from vdit.model.collate import collate, to
from vdit.video import Sample


def sample(height: int, width: int, frames: int = 2, grey: int = 255) -> Sample:
    masks = np.zeros((frames, height, width), dtype=np.bool_)
    masks[0, 4:8, 2:6] = True
    return Sample(
        video="v",
        expression="0",
        text="a red circle",
        frames=np.full((frames, height, width, 3), grey, dtype=np.uint8),
        masks=masks,
        boxes_T4=np.array([[2, 4, 6, 8], [9, 9, 9, 9]][:frames], dtype=np.float32),
        valid_T=np.array([True, False][:frames]),
        noise_seed=height,
    )


def test_pads_to_the_largest_clip_rounded_up() -> None:
    batch = collate([sample(40, 50), sample(20, 70)])
    assert batch.frames_BT3HW.shape == (2, 2, 3, 64, 96)
    assert batch.sizes_B2.tolist() == [[40, 50], [20, 70]]
    assert (~batch.padding_BTHW).sum(dim=(2, 3)).tolist() == [[2000, 2000], [1400, 1400]]
    assert batch.frames_BT3HW[1, :, :, 20:].abs().max() == 0
    assert batch.noise_seeds == (40, 20)


def test_a_smaller_multiple_pads_less() -> None:
    assert collate([sample(40, 50)], multiple=16).frames_BT3HW.shape[-2:] == (48, 64)


def test_white_is_normalised_by_imagenet() -> None:
    pixel = collate([sample(32, 32)]).frames_BT3HW[0, 0, :, 0, 0]
    torch.testing.assert_close(pixel, torch.tensor([(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]))


def test_boxes_are_shares_of_the_unpadded_frame_and_zero_where_nothing_is_seen() -> None:
    targets = collate([sample(40, 50)]).targets
    assert targets is not None
    torch.testing.assert_close(targets.boxes_BT4[0], torch.tensor([[4 / 50, 6 / 40, 4 / 50, 4 / 40], [0, 0, 0, 0]]))
    assert targets.valid_BT.tolist() == [[True, False]]
    assert targets.masks_BTHW.sum().item() == 16


def test_clips_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[1, 2\] frames"):
        collate([sample(32, 32, frames=1), sample(32, 32, frames=2)])


def test_where_one_frame_is_annotated_it_alone_has_a_truth() -> None:
    late = replace(sample(20, 70), valid_T=np.array([True, True]), annotated=1)
    batch = collate([replace(sample(40, 50), annotated=0), late])
    targets = batch.targets
    assert targets is not None and batch.annotated_B is not None
    assert batch.annotated_B.tolist() == [0, 1] and batch.length == 2
    assert targets.masks_BTHW.shape == (2, 1, 64, 96) and targets.masks_BTHW.sum(dim=(1, 2, 3)).tolist() == [16, 0]
    torch.testing.assert_close(targets.boxes_BT4[:, 0], torch.tensor([[4 / 50, 6 / 40, 4 / 50, 4 / 40], [9 / 70, 9 / 20, 0, 0]]))
    assert targets.valid_BT.tolist() == [[True], [True]]


def test_clips_of_both_kinds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"clips of one kind, given the annotated frames \[0, None\]"):
        collate([replace(sample(32, 32), annotated=0), sample(32, 32)])


def test_to_moves_every_tensor() -> None:
    moved = to(collate([replace(sample(32, 32), annotated=1)]), torch.device("meta"))
    assert moved.targets is not None and moved.annotated_B is not None
    tensors = (
        moved.frames_BT3HW,
        moved.padding_BTHW,
        moved.sizes_B2,
        moved.targets.masks_BTHW,
        moved.targets.boxes_BT4,
        moved.targets.valid_BT,
        moved.annotated_B,
    )
    assert {tensor.device.type for tensor in tensors} == {"meta"}
