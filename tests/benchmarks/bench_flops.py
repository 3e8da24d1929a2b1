"""FLOPs of a training step at the published sizes, the released recipe's and ours: one clip of 5 frames at 384x640, forward and backward.

Run as `python tests/benchmarks/bench_flops.py`. Goals: with latents and image tokens stored at most 0.80 of the released recipe's, with the
autoencoder's 4x map stored too at most 0.58. Counted on the meta device (some seconds, no memory) by torch: matrix products and
convolutions, two a multiply-add. What neither form does by those counts for nothing: sampling, norms, activations.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count
from yardstick import full
from yardstick.released import Released

from vdit.config.train import MatchWeights
from vdit.model import autoencoder
from vdit.model.batch import Batch
from vdit.model.encode import Encoded
from vdit.model.vdit import VDIT
from vdit.model.words import words

GIGA = 1e9
STORED = {"latents and image tokens stored": 0.80, "the 4x map stored too": 0.58}


def convolution_gradients(gradient: Any, x: Any, weight: Any, *rest: Any, out_shape: Any, **named: Any) -> int:
    """Each gradient costs as much as the convolution. (torch's own formula forgets groups in that of the weights.)"""
    wanted = rest[-1]
    return conv_flop_count(x, weight, gradient) * (int(wanted[0]) + int(wanted[1]))


@contextmanager
def counting() -> Iterator[FlopCounterMode]:
    with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.convolution_backward: convolution_gradients}) as counter:
        yield counter


def flops(work: Callable[[], object]) -> int:
    with counting() as counter:
        work()
    return int(counter.get_total_flops())


class Step(NamedTuple):
    """Forward by part, and all of backward."""

    forward: dict[str, int]
    backward: int

    def total(self) -> int:
        return sum(self.forward.values()) + self.backward


UNET = (
    "conv_in",
    "transformer_in",
    *(f"down_blocks.{i}" for i in range(4)),
    "mid_block",
    *(f"up_blocks.{i}" for i in range(4)),
    "conv_out",
)


def released_step(model: Released, batch: Batch, clips: Any) -> Step:
    assert batch.targets is not None
    with counting() as counter:
        loss = stand_in(*((x.logits_BTQ, x.boxes_BTQ4, x.low_BTHW, x.masks_BTHW) for x in model(clips, batch.targets)))
    of = {name: sum(counts.values()) for name, counts in counter.get_flop_counts().items()}
    extractor = "Released.backbone.0.diff_ftex"
    parts = {
        "autoencoder": of[f"{extractor}.vae.encoder"],
        "image tower": of[f"{extractor}.cv_model"],
        "text tower": of[f"{extractor}.text_encoder"],
        "RoBERTa": of["Released.text_encoder.text_backbone"],
        **{f"U-Net {part}": of.get(f"{extractor}.unet.{part}", 0) for part in UNET},
        "deformable transformer": of["Released.transformer"],
    }
    rest = {"adapters, prompt, masks": int(counter.get_total_flops()) - sum(parts.values())}
    return Step(parts | rest, flops(loss.backward))


def ours_step(model: VDIT, batch: Batch, encoded: Encoded) -> Step:
    """With everything stored."""
    parts: dict[str, int] = {}
    outputs: list[Any] = []
    parts["U-Net, text tower, prompt, adapters"] = flops(lambda: outputs.append(model.features(batch, encoded)))
    parts["RoBERTa"] = flops(lambda: outputs.append(words(model.frozen, batch.captions)))
    parts["head"] = flops(lambda: outputs.append(model.head(*outputs, batch, MatchWeights())))
    loss = stand_in(*((x.logits_BTQ, x.boxes_BTQ4, x.low_BTQHW, x.masks_BTHW) for x in outputs[-1]))
    return Step(parts, flops(loss.backward))


def stand_in(*layers: tuple[Tensor, ...]) -> Tensor:
    """For the losses, which ask for values and have neither products nor convolutions."""
    return torch.stack([output.sum() for layer in layers for output in layer]).sum()


def to_the_4x_map(model: VDIT, batch: Batch) -> int:
    """Of the autoencoder, up to the side output that is too big to store for every clip."""
    vae = model.frozen.vae
    with counting() as counter:
        reached: list[int] = []
        below = vae.encoder.down_blocks[2].downsamplers[0]  # works on that side output
        hook = below.register_forward_pre_hook(lambda *_: reached.append(int(counter.get_total_flops())))
        autoencoder.encode(vae, batch.frames_BT3HW.flatten(0, 1))
        hook.remove()
    return reached[0]


class Counts(NamedTuple):
    released: Step
    ours: Step  # with everything stored
    map4: int

    def shares(self) -> dict[str, float]:
        """Of the released recipe, by what is stored."""
        sums = (self.ours.total() + self.map4, self.ours.total())
        return {name: ours / self.released.total() for name, ours in zip(STORED, sums, strict=True)}


def measure() -> Counts:
    model, batch = full.ours(), full.batch()
    theirs = released_step(full.released(), batch, full.clips(batch, model))
    return Counts(theirs, ours_step(model, batch, full.encoded()), to_the_4x_map(model, batch))


def main() -> None:
    counts = measure()
    print(f"GFLOP of a training step, {full.FRAMES} frames at {full.HEIGHT}x{full.WIDTH}")
    for title, step in (("released recipe", counts.released), ("ours, latents, image tokens and 4x map stored", counts.ours)):
        print(f"\n{title}")
        for part, number in (*step.forward.items(), ("backward", step.backward), ("all", step.total())):
            print(f"  {part:40} {number / GIGA:10.1f}")
    print(f"\nautoencoder up to the 4x map {counts.map4 / GIGA:.1f}\n")
    for name, share in counts.shares().items():
        met = "met" if share <= STORED[name] else "not met"
        print(f"{name:40} {share:6.3f} of the released recipe   goal {STORED[name]:.2f}   {met}")


if __name__ == "__main__":
    main()
