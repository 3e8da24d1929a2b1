"""The shipped miniature model with random weights, built once."""

from collections.abc import Callable

import pytest
import torch

from vdit.backbones import miniature, stable_diffusion, video_swin
from vdit.config.model import Model
from vdit.model.batch import Batch, Targets
from vdit.model.frozen import FrozenDiffusion, SwinStart


@pytest.fixture(scope="session")
def frozen(model: Model, tmp_path_factory: pytest.TempPathFactory) -> FrozenDiffusion:
    return miniature.load(model, tmp_path_factory.mktemp("weights") / "miniature", torch.device("cpu"))


@pytest.fixture(scope="session")
def swin_start(model: Model, frozen: FrozenDiffusion) -> SwinStart:
    """Video Swin with random weights, and the words of the miniature."""
    weights = video_swin.draw(model.architecture.swin, 0, torch.device("cpu"))
    return SwinStart(swin=weights, roberta=frozen.roberta, roberta_tokenizer=frozen.roberta_tokenizer)


@pytest.fixture(scope="session")
def image_frozen(model: Model, tmp_path_factory: pytest.TempPathFactory) -> FrozenDiffusion:
    """With a U-Net that sees single frames."""
    return stable_diffusion.load(model, tmp_path_factory.mktemp("weights") / "single_frames", torch.device("cpu"))


@pytest.fixture(scope="session")
def batch() -> Callable[..., Batch]:
    """Makes a batch of noise with one square target a clip: `batch(clips, frames)`, at 64x96 of which 60x90 is not padding.

    SgMg's head needs larger frames: `height` and `width`, of which 4 rows and 6 columns are padding.
    """

    def make(clips: int = 1, frames: int = 5, height: int = 64, width: int = 96) -> Batch:
        shape = (clips, frames, height, width)
        padding_BTHW = torch.zeros(shape, dtype=torch.bool)
        padding_BTHW[..., height - 4 :, :] = padding_BTHW[..., width - 6 :] = True
        masks_BTHW = torch.zeros(shape, dtype=torch.bool)
        masks_BTHW[..., 20:40, 30:60] = True
        boxes_BT4 = torch.tensor([45 / (width - 6), 30 / (height - 4), 30 / (width - 6), 20 / (height - 4)]).expand(clips, frames, 4)
        frames_BT3HW = torch.randn(clips, frames, 3, height, width, generator=torch.Generator().manual_seed(7))
        return Batch(
            frames_BT3HW=frames_BT3HW.masked_fill(padding_BTHW[:, :, None], 0),
            padding_BTHW=padding_BTHW,
            sizes_B2=torch.tensor([[height - 4, width - 6]] * clips),
            captions=tuple(f"a {colour} circle moving left" for colour in ("red", "green", "blue")[:clips]),
            noise_seeds=tuple(range(clips)),
            targets=Targets(masks_BTHW, boxes_BT4, torch.ones(clips, frames, dtype=torch.bool)),
        )

    return make
