"""Frozen weights stay in the file they were read from: the workers of a machine share one copy in its page cache. Oracle: /proc."""

from pathlib import Path

import pytest
import torch
from torch import nn

from vdit.backbones import modelscope
from vdit.config.model import Model

MAPS = Path("/proc/self/maps")


def mapping_of(address: int) -> str:
    """The file that an address of this process is mapped from; "" for memory of its own."""
    for line in MAPS.read_text().splitlines():
        start, end = (int(bound, 16) for bound in line.split(maxsplit=1)[0].split("-"))
        if start <= address < end:
            return line.split(maxsplit=5)[5] if len(line.split(maxsplit=5)) > 5 else ""
    return ""


@pytest.mark.skipif(not MAPS.exists(), reason="no /proc on this system")
@pytest.mark.parametrize(
    ("network", "file"),
    [
        ("unet", "unet/diffusion_pytorch_model.safetensors"),
        ("vae", "vae/diffusion_pytorch_model.safetensors"),
        ("text_encoder", "text_encoder/model.safetensors"),
        ("image_tower", "image_tower/open_clip_model.safetensors"),
        ("roberta", "roberta/model.safetensors"),
    ],
)
def test_parameters_lie_in_their_file(model: Model, folder: Path, network: str, file: str) -> None:
    loaded: nn.Module = modelscope.load(model, folder, torch.device("cpu")).networks()[network]
    places = {mapping_of(parameter.data_ptr()) for parameter in loaded.parameters()}
    assert places == {str(folder / file)}
