"""The yardstick of the model's speed computes what the released VD-IT does. Oracle: its recorded run (oracle/README.md)."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from yardstick.criterion import losses, total
from yardstick.extractor import Clips
from yardstick.released import Released

from vdit.model.batch import Targets
from vdit.weights import case as cases
from vdit.weights import oracle
from vdit.weights.verify import failures, verify


@pytest.fixture(scope="module")
def records(shared: Path) -> dict[str, Tensor]:
    return load_file(shared / "oracle/a.safetensors")


@pytest.fixture(scope="module")
def released(shared: Path) -> Released:
    config = json.loads((shared / "oracle/oracle.json").read_text())["config"]
    state = load_file(shared / "oracle/weights.safetensors")
    yardstick = Released(oracle.vd_it(config, state))
    yardstick.load_state_dict(state)
    return yardstick


def clips(records: dict[str, Tensor], mode: str) -> Clips:
    return Clips(
        frames_BT3HW=records["inputs/frames_normalised_padded_btchw"],
        padding_BTHW=records["inputs/pad_mask_bthw"],
        sizes_B2=records["inputs/targets/0/size"][None],
        text_BL=records["train/inter/clip_text.input_ids"],
        words_BL=records["train/inter/roberta.input_ids"],
        attention_BL=records["train/inter/roberta.attention_mask"],
        eps_NCHW=records[f"{mode}/inter/vae.eps"],
    )


@pytest.fixture(scope="module")
def targets(records: dict[str, Tensor]) -> Targets:
    masks, boxes, valid = (records[f"inputs/targets/0/{name}"][None] for name in ("masks", "boxes", "valid"))
    return Targets(masks.bool(), boxes, valid.bool())


def close(given: Tensor, recorded: Tensor) -> None:
    """Equal to 1e-4, of the value or of the recorded spread."""
    assert given.shape == recorded.shape
    torch.testing.assert_close(given, recorded, rtol=1e-4, atol=1e-4 * recorded.std().item())


def relative(given: Tensor | None, recorded: Tensor) -> float:
    """Distance in shares of the recorded tensor's length."""
    assert given is not None
    return float((given - recorded).norm() / recorded.norm())


def test_training_gives_the_recorded_outputs_losses_and_gradients(released: Released, records: dict[str, Tensor], targets: Targets) -> None:
    outputs = released(clips(records, "train"), targets)
    assert [int(output.chosen_B) for output in outputs[:-1]] == records["train/out/aux_matcher_index"].flatten().tolist()
    assert int(outputs[-1].chosen_B) == int(records["train/out/main_matcher_index"])
    for output, name in zip(outputs, ("aux0.", "aux1.", "aux2.", ""), strict=True):
        close(output.logits_BTQ[..., None], records[f"train/out/{name}pred_logits"])
        close(output.boxes_BTQ4, records[f"train/out/{name}pred_boxes"])
        close(output.masks_BTHW, records[f"train/out/{name}pred_masks"])
        close(output.low_BTHW, records[f"train/out/{name}pred_masks_low"])
    terms = losses(outputs, targets)
    assert len(terms) == 28
    for name, term in terms.items():
        torch.testing.assert_close(term, records[f"train/losses/{name}"], rtol=1e-4, atol=0)
    loss = total(terms)
    torch.testing.assert_close(loss, records["train/loss_total"], rtol=1e-4, atol=0)
    loss.backward()
    named = dict(released.named_parameters(remove_duplicate=False))
    recorded = {key.removeprefix("train/grads/"): value for key, value in records.items() if key.startswith("train/grads/")}
    assert len(recorded) == len({id(parameter) for parameter in named.values() if parameter.grad is not None})
    off = {name: relative(named[name].grad, gradient) for name, gradient in recorded.items()}
    assert max(off.values()) < 1e-2
    assert sorted(off.values())[len(off) // 2] < 1e-4


def test_inference_gives_the_recorded_masks(released: Released, records: dict[str, Tensor]) -> None:
    output = released.predict(clips(records, "eval"))
    query = int(output.chosen_B)
    close(output.masks_BTHW[:, :, None], records["eval/out/pred_masks"])
    close(output.logits_BTQ[:, :, query, None, None], records["eval/out/pred_logits"])
    close(output.boxes_BTQ4[:, :, query, None], records["eval/out/pred_boxes"])


def test_the_image_preparation_is_the_recorded_one(released: Released, records: dict[str, Tensor]) -> None:
    prepared = released.extractor().prepare(records["train/inter/vae.pixel_values"])
    torch.testing.assert_close(prepared, records["train/inter/clip_vision.pixel_values"])


def two_padded_clips(records: dict[str, Tensor]) -> dict[str, Tensor]:
    """As a case is recorded: clips of 112x160 and 128x136 pixels padded to 128x160, a frame without the object, 9 and 6 words."""
    generator = torch.Generator().manual_seed(4)
    frames, sizes = torch.zeros(2, 5, 3, 128, 160), ((112, 160), (128, 136))
    padding = torch.ones(2, 5, 128, 160, dtype=torch.bool)
    words, seen = records["train/inter/roberta.input_ids"].repeat(2, 1), torch.ones(2, 9, dtype=torch.int64)
    words[1, 5], words[1, 6:], seen[1, 6:] = words[0, 8], 1, 0
    text = records["train/inter/clip_text.input_ids"].repeat(2, 1)
    text[1, 3] = text[0, 2]
    case: dict[str, Tensor] = {}
    for clip, (height, width) in enumerate(sizes):
        frames[clip, ..., :height, :width] = records["inputs/frames_normalised_padded_btchw"][0, :, :, :height, :width].flip(-1 - clip)
        padding[clip, :, :height, :width] = False
        masks = torch.zeros(5, height, width)
        masks[:, 30:70, 40:90] = 1
        boxes = torch.tensor([65 / width, 50 / height, 50 / width, 40 / height]).repeat(5, 1)
        valid = torch.ones(5, dtype=torch.int64)
        if clip:
            masks[2], boxes[2], valid[2] = 0, 0, 0
        target = {"masks": masks, "boxes": boxes, "valid": valid, "size": torch.tensor([height, width])}
        case |= {f"inputs/targets/{clip}/{name}": value for name, value in target.items()}
    return case | {
        "inputs/frames_normalised_padded_btchw": frames,
        "inputs/pad_mask_bthw": padding,
        "train/inter/clip_text.input_ids": text,
        "train/inter/roberta.input_ids": words,
        "train/inter/roberta.attention_mask": seen,
        "train/inter/vae.eps": torch.randn(10, 4, 16, 20, generator=generator),
    }


def test_two_padded_clips_with_a_frame_without_the_object_are_verified(
    shared: Path, records: dict[str, Tensor], released: Released, tmp_path: Path
) -> None:
    """What was not recorded of the released code is computed here by the yardstick, and `vdit weights verify` has to agree."""
    tensors = two_padded_clips(records)
    batch = cases.Case(tmp_path, tensors).batch()
    names = ("clip_text.input_ids", "roberta.input_ids", "roberta.attention_mask", "vae.eps")
    text, words, attention, eps = (tensors[f"train/inter/{name}"] for name in names)
    clips = Clips(batch.frames_BT3HW, batch.padding_BTHW, batch.sizes_B2, text, words, attention, eps)
    assert batch.targets is not None
    released.zero_grad()
    outputs = released(clips, batch.targets)
    terms = losses(outputs, batch.targets)
    total(terms).backward()
    tensors |= {f"train/losses/{name}": term.detach() for name, term in terms.items()}
    tensors |= {f"train/grads/{name}": p.grad for name, p in released.named_parameters() if p.grad is not None}
    tensors |= {"train/out/pred_masks": outputs[-1].masks_BTHW.detach(), "train/out/main_matcher_index": outputs[-1].chosen_B}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, tmp_path / "two.safetensors")
    ((_, rows),) = verify(shared / "oracle/oracle.json", shared / "oracle/weights.safetensors", [tmp_path / "two.safetensors"])
    assert sum("/losses/" in row.name for row in rows) == 28 and sum(row.gradient for row in rows) == 263
    assert not failures(rows)
