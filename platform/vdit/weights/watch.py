"""What the parts of a model take and give, under the names of a recorded run (`vdit weights verify`).

B clips, T frames, N = B x T, Q queries, K decoder layers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, TypeAlias

import torch
from einops import rearrange
from torch import Tensor, nn

from vdit.config.model import Tap
from vdit.model.decoder import Decoded
from vdit.model.deformable import Memory
from vdit.model.features import VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion
from vdit.model.fusion import finest_maps
from vdit.model.head import SegmentationHead
from vdit.model.masks import mask_features
from vdit.model.noise import PredictedNoise
from vdit.model.positions import pixel_positions, word_positions
from vdit.model.sgmg import SentenceQueries, SpectrumGuidedFusion
from vdit.model.spectrum import SpectrumFilter
from vdit.model.swin import VideoSwinFeatures
from vdit.model.vdit import VDIT

Seen: TypeAlias = dict[str, Tensor]
# From a module's positional and named inputs and its output to values by recorded name.
Reading: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any], Any], Mapping[str, Tensor]]
TAPS: dict[Tap, str] = {
    "in": "unet.tap0_in_8x",
    "down0": "unet.tap1_down0_16x",
    "down1": "unet.tap2_down1_32x",
    "up0": "unet.tap3_up0_32x",
    "up1": "unet.tap4_up1_16x",
    "up2": "unet.tap5_up2_8x",
}


@contextmanager
def watching(model: VDIT, clips: int) -> Iterator[Seen]:
    """Filled while the block runs the model on so many clips."""
    seen: Seen = {}

    def hook(reading: Reading, _: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        for name, value in reading(inputs, named, output).items():
            # What runs frame by frame is seen frame by frame.
            seen[name] = torch.cat([seen[name], value.detach()]) if name in seen else value.detach()

    parts = [*head(model.head, clips), *words(model.frozen.roberta, model.head.config.width)]
    if isinstance(model.frozen, FrozenDiffusion):
        parts += networks(model.frozen, clips)
    parts += swin(model.features) if isinstance(model.features, VideoSwinFeatures) else diffusion(model.features)
    hooks = [module.register_forward_hook(partial(hook, reading), with_kwargs=True) for module, reading in parts]
    try:
        yield seen
    finally:
        for handle in hooks:
            handle.remove()


def output(name: str, layout: str = "", **sizes: int) -> Reading:
    """The output itself, in the recorded layout."""
    return lambda inputs, named, value: {name: rearrange(value, layout, **sizes) if layout else value}


def first_input(name: str, layout: str = "", **sizes: int) -> Reading:
    return lambda inputs, named, value: {name: rearrange(inputs[0], layout, **sizes) if layout else inputs[0]}


def words(roberta: nn.Module, width: int) -> Iterator[tuple[nn.Module, Reading]]:
    """`width` is that of the head, whose queries add positions to the words."""

    def read(inputs: tuple[Any, ...], named: dict[str, Any], value: Any) -> Seen:
        positions_BLC = word_positions(named["attention_mask"] != 1, width)
        return {
            "roberta.input_ids": named["input_ids"],
            "roberta.attention_mask": named["attention_mask"],
            "roberta.last_hidden_state": value.last_hidden_state,
            "text_pos_bcl": rearrange(positions_BLC, "b l c -> b c l"),
        }

    yield roberta, read


def networks(frozen: FrozenDiffusion, clips: int) -> Iterator[tuple[nn.Module, Reading]]:
    """The frozen networks of a diffusion backbone."""

    def posterior(inputs: tuple[Any, ...], named: dict[str, Any], value: Tensor) -> Seen:
        mean, logvar = value.chunk(2, dim=1)
        return {"vae.mean": mean, "vae.logvar": logvar.clamp(-30, 20)}

    def text(inputs: tuple[Any, ...], named: dict[str, Any], value: Any) -> Seen:
        return {"clip_text.input_ids": inputs[0], "clip_text.last_hidden_state": value.last_hidden_state}

    yield frozen.vae.encoder.conv_in, first_input("vae.pixel_values")
    yield frozen.vae.quant_conv, posterior
    yield frozen.image_tower.conv1, first_input("clip_vision.pixel_values")
    yield frozen.text_encoder, text
    yield frozen.unet.conv_in, first_input("unet.noisy_latents", "(b t) c h w -> b c t h w", b=clips)


def diffusion(features: VideoDiffusionFeatures) -> Iterator[tuple[nn.Module, Reading]]:
    """What is trained of the features: prompt, noise and pyramid, as released."""
    prompt, noise = features.prompt, features.noise
    assert prompt.image is not None and prompt.guided is not None and isinstance(noise, PredictedNoise)

    def pyramid(inputs: tuple[Any, ...], named: dict[str, Any], value: tuple[Tensor, ...]) -> Seen:
        return {TAPS[tap]: tensor for tap, tensor in inputs[1].items()} | numbered("pyramid.out", value)

    yield prompt.image, output("image_tokens_projected")
    yield prompt.guided.attention_norm, output("prompt.after_attention")
    yield prompt.guided, output("prompt.p_ve")
    yield noise.conv, output("noise.conv")
    yield noise.out, lambda inputs, named, value: {"noise.fc_bhwc": value.sigmoid()}
    yield noise, output("noise.normalised_bcfhw", "b t c h w -> b c t h w")
    yield features.pyramid, pyramid


def swin(features: VideoSwinFeatures) -> Iterator[tuple[nn.Module, Reading]]:
    """Stages and mergings of patches take turns; a stage is a sequence of blocks."""
    yield features, lambda inputs, named, value: numbered("swin.mask", value.padding_BTHW)
    for index, part in enumerate(features.features):
        level = index // 2
        if index % 2:
            yield part, output(f"swin.down{level}_bthwc")
            continue
        assert isinstance(part, nn.Sequential)
        yield part, output(f"swin.out{level}", "b t h w c -> (b t) c h w")
        yield part[0], output(f"swin.s{level}b0_bthwc")


def head(module: SegmentationHead, clips: int) -> Iterator[tuple[nn.Module, Reading]]:
    """The head, of either kind."""
    width = module.config.width

    def encoder(inputs: tuple[Any, ...], named: dict[str, Any], value: Memory) -> Seen:
        positions = [pixel_positions(padding_NHW, width) for padding_NHW in inputs[1]]
        maps = finest_maps(value, 3)
        drawn_on = rearrange(mask_features(maps), "(b t) c h w -> b t c h w", b=clips)
        numbers = numbered("transformer.mask", inputs[1]) | numbered("transformer.pos", positions) | numbered("transformer.memory", maps)
        return numbers | {"mask_features_btchw": drawn_on}

    def decoder(inputs: tuple[Any, ...], named: dict[str, Any], value: Decoded) -> Seen:
        return {
            "transformer.tgt_btqc": rearrange(inputs[0], "(b t) q c -> b t q c", b=clips),
            "transformer.hs": value.states_KNQC,
            "transformer.init_reference": value.initial_NQ2,
            "transformer.inter_references": value.boxes_KNQ4,
        }

    yield module.text, output("text_proj")
    yield module.neck, lambda inputs, named, value: numbered("input_proj", value)
    yield module.encoder, encoder
    for index, layer in enumerate(module.encoder.layers):
        yield layer, output(f"transformer.enc{index}")
    yield module.decoder, decoder
    yield module.refinement, lambda inputs, named, value: {"mso_in": inputs[0], "mso_out": value}
    if module.fusion is not None:
        yield from spectrum(module.fusion, clips)
    if isinstance(module.queries, SentenceQueries):
        yield module.queries.pooler, output("roberta.pooler_output")
        yield module.queries.sentence, output("sentence_proj")
    else:
        yield module.queries, output("query_tokens_qbc", "b q c -> q b c")


def spectrum(fusion: SpectrumGuidedFusion, clips: int) -> Iterator[tuple[nn.Module, Reading]]:
    """SgMg's filters before and after the words, and the words' attention, which takes the levels in their order."""
    level, sides = count(), iter(("pre", "post"))

    def fused(inputs: tuple[Any, ...], named: dict[str, Any], value: Tensor) -> Seen:
        return {f"fusion{next(level)}_thw_b_c": rearrange(value, "(b t) c h w -> (t h w) b c", b=clips)}

    def gaussians(inputs: tuple[Any, ...], named: dict[str, Any], value: tuple[Tensor, ...]) -> Seen:
        side = next(sides)
        return {f"lfm_{side}{index}.gauss": gaussian for index, gaussian in enumerate(value)}

    yield fusion.words, fused
    yield fusion.gaussians, gaussians
    for side, filters in (("pre", fusion.before), ("post", fusion.after)):
        for index, module in enumerate(filters):
            assert isinstance(module, SpectrumFilter)
            name = f"lfm_{side}{index}"
            yield module.spectrum.gate.pool, output(f"{name}.pool")
            yield module.spectrum.gate, output(f"{name}.gate")
            yield module.spectrum, output(f"{name}.spectrum_in")
            yield module.mix, output(f"{name}.spectrum_out")
            yield module, output(f"{name}.out")


def numbered(name: str, tensors: Iterable[Tensor]) -> Seen:
    return {f"{name}{index}": tensor for index, tensor in enumerate(tensors)}
