"""Video Swin as the backbone: the start of SgMg, the baseline of Table 1 (spec section 9). It is trained, and only RoBERTa stays frozen.

Folder: `video_swin/model.safetensors`, torchvision's names (`patch_embed.*`, `features.*`; its final norm and classifier are not read), and
`roberta/` as `modelscope` has it. SgMg starts from Kinetics-400 (Video-Swin-T), and from Kinetics-600 after ImageNet-22k (B). Such weights
patch two frames at a time; their patch convolution is summed to one.

SgMg's head reads RoBERTa's pooler. `roberta/` may have it (`pooler.dense.weight`, `pooler.dense.bias`). Current files of RoBERTa-base have
not, since masked language modelling trains none: then the model draws it from `model.backbone.seed` and keeps it in its checkpoints.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from vdit.backbones import miniature, modelscope
from vdit.config.architecture import Swin
from vdit.config.model import Model
from vdit.model.frozen import SwinStart
from vdit.model.swin import PATCH_WEIGHT, VideoSwinFeatures, of_one_frame

FILE = "video_swin/model.safetensors"


def load(config: Model, folder: Path, device: torch.device) -> SwinStart:
    """Raises ValueError naming the file where one is missing, damaged, or of other sizes than `model.architecture`.

    A `folder` that is not there is built by `miniature`; beside weights that are drawn, Video Swin is drawn too.
    """
    miniature.provide(config, folder, miniature.build)
    path = folder / FILE
    drawn = modelscope.drawn_from(folder) is not None and not path.exists()
    weights = draw(config.architecture.swin, config.backbone.seed, device) if drawn else read(path, config.architecture.swin, device)
    return around(weights, config, folder, device)


def around(swin: Mapping[str, Tensor], config: Model, folder: Path, device: torch.device) -> SwinStart:
    """These weights of Video Swin, and the words of the folder."""
    return SwinStart(
        swin=swin,
        roberta=modelscope.roberta(folder, config, device),
        roberta_tokenizer=modelscope.roberta_tokenizer(folder / "roberta", config.architecture.roberta.vocab_size),
    )


def draw(swin: Swin, seed: int, device: torch.device) -> Mapping[str, Tensor]:
    """Random weights as torchvision initialises them; the global generator stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = VideoSwinFeatures(swin)
    return {name: parameter.detach().to(device) for name, parameter in network.named_parameters()}


def read(path: Path, swin: Swin, device: torch.device) -> Mapping[str, Tensor]:
    """All parameters of the backbone as float32, by name."""
    if not path.exists():
        raise ValueError(f"{path} is missing; a folder for Video Swin has {FILE} (torchvision's names) and roberta/")
    with torch.device("meta"):
        expected = dict(VideoSwinFeatures(swin).named_parameters())
    found = modelscope.tensors(path, device, {name: (name,) for name in expected})
    if PATCH_WEIGHT in found:
        found[PATCH_WEIGHT] = of_one_frame(found[PATCH_WEIGHT])
    for name, parameter in expected.items():
        given = tuple(found[name].shape) if name in found else "missing"
        if given != tuple(parameter.shape):
            raise ValueError(
                f"{path}: {name} is {given}, model.architecture.swin makes it {tuple(parameter.shape)}; "
                "give the weights of a Video Swin of these sizes, or set them to its"
            )
    return found
