"""The random control of `video_swin`: trained from weights that nobody pretrained, beside the same RoBERTa."""

from pathlib import Path

import torch

from vdit.backbones import miniature, random, video_swin
from vdit.config.model import Model
from vdit.model.frozen import SwinStart


def load(config: Model, folder: Path, device: torch.device) -> SwinStart:
    """Of the folder only `roberta/` is read; a `folder` that is not there is built by `miniature`."""
    miniature.provide(config, folder, miniature.build)
    drawn = video_swin.draw(config.architecture.swin, random.seed_of(config.backbone), device)
    return video_swin.around(drawn, config, folder, device)
