"""A recorded case: inputs, and what the released model made of them (`vdit weights verify`)."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from vdit.model.batch import Batch, Targets
from vdit.model.collate import MEAN, STD, channels

MODES = ("train", "eval")


@dataclass(frozen=True, slots=True)
class Case:
    """Tensors by recorded name, such as `inputs/pad_mask_bthw`, `train/inter/vae.mean`, `eval/out/pred_masks`, `train/losses/loss_ce`."""

    path: Path
    tensors: dict[str, Tensor]

    def modes(self) -> tuple[str, ...]:
        """Of training and inference those that were recorded."""
        return tuple(mode for mode in MODES if any(name.startswith(f"{mode}/") for name in self.tensors))

    def recorded(self, mode: str) -> dict[str, Tensor]:
        return {name.removeprefix(f"{mode}/"): tensor for name, tensor in self.tensors.items() if name.startswith(f"{mode}/")}

    def given(self, name: str, mode: str) -> Tensor:
        """An intermediate that is fed in, recorded for this mode or the other. Raises ValueError naming it where it is for none."""
        for one in (mode, *MODES):
            if f"{one}/inter/{name}" in self.tensors:
                return self.tensors[f"{one}/inter/{name}"]
        raise ValueError(f"{self.path} lacks inter/{name}, which has to be fed in; record the case again")

    def input(self, name: str) -> Tensor:
        if f"inputs/{name}" not in self.tensors:
            raise ValueError(f"{self.path} lacks inputs/{name}; record the case again")
        return self.tensors[f"inputs/{name}"]

    def batch(self) -> Batch:
        """The clips as the model takes them. Where no padding was recorded there is none; cases for inference may lack targets."""
        frames_BT3HW = self.frames()
        clips, length = frames_BT3HW.shape[:2]
        nothing = torch.zeros(clips, length, *frames_BT3HW.shape[-2:], dtype=torch.bool)
        padding_BTHW = self.tensors.get("inputs/pad_mask_bthw", nothing)
        sizes_B2 = torch.stack([self.input(f"targets/{clip}/size") for clip in range(clips)])
        targets = (
            self.targets(clips, (frames_BT3HW.shape[-2], frames_BT3HW.shape[-1])) if "inputs/targets/0/masks" in self.tensors else None
        )
        return Batch(frames_BT3HW, padding_BTHW, sizes_B2, ("",) * clips, tuple(range(clips)), targets)

    def frames(self) -> Tensor:
        """ImageNet-normalised, as recorded or from the 8-bit frames that were recorded instead, with nothing in the padding."""
        if "inputs/frames_u8_btchw" not in self.tensors:
            return self.input("frames_normalised_padded_btchw")
        shares = self.input("frames_u8_btchw").float() / 255
        normalised = (shares - channels(MEAN, shares)) / channels(STD, shares)
        padding_BTHW = self.tensors.get("inputs/pad_mask_bthw")
        # Models pad what is normalised: 8-bit padding would become the mean's distance from black.
        return normalised if padding_BTHW is None else normalised.masked_fill(padding_BTHW.bool()[:, :, None], 0.0)

    def targets(self, clips: int, size: tuple[int, int]) -> Targets:
        """Masks may have been recorded before they were padded to `size`."""
        masks = torch.stack([padded(self.input(f"targets/{clip}/masks"), size) for clip in range(clips)])
        boxes, valid = (torch.stack([self.input(f"targets/{clip}/{name}") for clip in range(clips)]) for name in ("boxes", "valid"))
        return Targets(masks.bool(), boxes, valid.bool())


def padded(masks_THW: Tensor, size: tuple[int, int]) -> Tensor:
    """At bottom and right, with nothing."""
    return functional.pad(masks_THW, (0, size[1] - masks_THW.shape[-1], 0, size[0] - masks_THW.shape[-2]))


def read(path: Path) -> Case:
    try:
        return Case(path, load_file(path))
    except FileNotFoundError as error:
        raise ValueError(f"{path}: no such file; give a recorded case as .safetensors") from error
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); fetch it again") from error
