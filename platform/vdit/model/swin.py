"""Video Swin (arXiv 2106.13230) as SgMg reads it: the outputs of its four stages as features F_v, all of it trained (spec 9, 9.1).

B clips, T frames, N = B x T with clips outermost, C channels, H W size of a level.
"""

from collections.abc import Mapping

import torch
from einops import rearrange
from torch import Tensor, nn
from torchvision.models.video.swin_transformer import SwinTransformer3d

from vdit.config.architecture import Swin
from vdit.model.batch import Batch, Levels
from vdit.model.diffusion import recomputed
from vdit.model.fusion import nearest

PATCH = (1, 4, 4)  # frames, rows, columns: no frame is merged with its neighbour
PATCH_WEIGHT = "patch_embed.proj.weight"


class VideoSwinFeatures(nn.Module):
    """Parameters are named as torchvision names them. A stage's output is read before patches are merged, and no norm follows it.

    `recompute` trades time for memory: what happens inside a stage is computed again in the backward pass.
    """

    recompute = False

    def __init__(self, config: Swin) -> None:
        super().__init__()
        wrong = [heads for stage, heads in enumerate(config.num_heads) if config.embed_dim * 2**stage % heads]
        if wrong:
            raise ValueError(
                f"model.architecture.swin: num_heads {config.num_heads} with embed_dim {config.embed_dim}; "
                f"a stage's width, embed_dim x (1, 2, 4, 8), must be divisible by its heads"
            )
        whole = SwinTransformer3d(
            patch_size=list(PATCH),
            embed_dim=config.embed_dim,
            depths=list(config.depths),
            num_heads=list(config.num_heads),
            window_size=list(config.window),
            stochastic_depth_prob=config.stochastic_depth,
            num_classes=1,
        )
        self.config = config
        self.patch_embed: nn.Module = whole.patch_embed
        self.features: nn.Sequential = whole.features

    @property
    def widths(self) -> tuple[int, int, int, int]:
        """Channels of the levels of stride 4, 8, 16 and 32."""
        width = self.config.embed_dim
        return width, 2 * width, 4 * width, 8 * width

    def start(self, weights: Mapping[str, Tensor]) -> None:
        """Begins from `weights`, all parameters by name; they are copied."""
        self.load_state_dict({**dict(self.named_buffers()), **weights})

    def forward(self, batch: Batch) -> Levels:
        return self.see(batch)

    def see(self, batch: Batch) -> Levels:
        """The whole pyramid: no word reaches it, so all expressions of a video share it."""
        state_BTHWC = self.patch_embed(rearrange(batch.frames_BT3HW, "b t c h w -> b c t h w"))
        maps = []
        for index, part in enumerate(self.features):
            state_BTHWC = recomputed(part, state_BTHWC) if self.recompute and torch.is_grad_enabled() else part(state_BTHWC)
            # Stages and mergings take turns.
            if index % 2 == 0:
                maps.append(rearrange(state_BTHWC, "b t h w c -> (b t) c h w"))
        padding_NHW = rearrange(batch.padding_BTHW, "b t h w -> (b t) h w")
        return Levels(tuple(maps), tuple(nearest(padding_NHW, (level.shape[-2], level.shape[-1])) for level in maps))

    def levels(self, seen: object, batch: Batch) -> Levels:
        """What was seen: the captions add nothing."""
        assert isinstance(seen, Levels)
        return seen


def of_one_frame(weight_CITHW: Tensor) -> Tensor:
    """A patch convolution over several frames summed to one frame: equal on a video that stands still (spec 9)."""
    return weight_CITHW.sum(dim=2, keepdim=True)
