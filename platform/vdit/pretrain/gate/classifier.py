"""What a clip of one thing shows, read off its latents: a small convolutional network fitted on true clips, which then judges samples."""

# B clips, T frames, C latent channels, h w latent size, A attributes, K values

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from vdit.benchmarks.world.captions import ATTRIBUTES, VALUES
from vdit.benchmarks.world.scene import Thing

WIDTH, GROUPS = 32, 8
STEPS, BATCH, RATE, DECAY = 1000, 64, 3e-3, 1e-2
# Of the latents' spread, added in fitting: samples are never quite as clean as encoded frames.
NOISE = 0.2


class Classifier(nn.Module):
    """Frames side by side as channels, so that a convolution sees which way a thing moves; wherever it is, it counts the same."""

    def __init__(self, frames: int, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*layer(frames * channels, WIDTH), nn.MaxPool2d(2), *layer(WIDTH, 2 * WIDTH), *layer(2 * WIDTH, 2 * WIDTH))
        self.heads = nn.ModuleDict({attribute: nn.Linear(4 * WIDTH, len(VALUES[attribute])) for attribute in ATTRIBUTES})

    def forward(self, latents_BTChw: Tensor) -> dict[str, Tensor]:
        """Logits [B, K] of each attribute."""
        maps_BChw = self.body(rearrange(latents_BTChw, "b t c h w -> b (t c) h w"))
        pooled_BC = torch.cat([maps_BChw.amax(dim=(2, 3)), maps_BChw.mean(dim=(2, 3))], dim=1)
        return {attribute: head(pooled_BC) for attribute, head in self.heads.items()}


def layer(before: int, behind: int) -> tuple[nn.Module, ...]:
    return nn.Conv2d(before, behind, kernel_size=3, padding=1), nn.GroupNorm(GROUPS, behind), nn.ReLU()


def labels(things: Sequence[Thing]) -> dict[str, Tensor]:
    """[B] int64: the place of each thing's colour, shape and motion among all."""
    return {attribute: torch.tensor([VALUES[attribute].index(getattr(thing, attribute)) for thing in things]) for attribute in ATTRIBUTES}


def fit(latents_BTChw: Tensor, truth: dict[str, Tensor], seed: int) -> Classifier:
    """Drawn, fed and fitted from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = Classifier(*latents_BTChw.shape[1:3])
    generator, spread = torch.Generator().manual_seed(seed), NOISE * float(latents_BTChw.std())
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
    down, right = latents_BTChw.shape[-2:]
    for _ in range(STEPS):
        drawn = torch.randint(len(latents_BTChw), (BATCH,), generator=generator)
        # Shifted around the edges: where a thing is says nothing of what it is.
        shift = [int(torch.randint(side, (1,), generator=generator)) for side in (down, right)]
        given_BTChw = torch.roll(latents_BTChw[drawn], shift, (3, 4))
        given_BTChw = given_BTChw + spread * torch.randn(given_BTChw.shape, generator=generator)
        loss = torch.stack([cross_entropy(logits, truth[name][drawn]) for name, logits in network(given_BTChw).items()]).sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def hits(network: Classifier, latents_BTChw: Tensor, truth: dict[str, Tensor]) -> dict[str, int]:
    """How many clips show what they should, of each attribute."""
    return {name: int((logits.argmax(dim=1) == truth[name]).sum()) for name, logits in network(latents_BTChw).items()}
