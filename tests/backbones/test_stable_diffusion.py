"""Oracles: networks as diffusers and transformers themselves save them; the published configurations and numbers of parameters."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from vdit import registry
from vdit.backbones import modelscope, stable_diffusion
from vdit.clips.sampling import sample
from vdit.config.data import World
from vdit.config.model import Model
from vdit.model.collate import collate
from vdit.model.frozen import FrozenDiffusion
from vdit.model.losses import losses, total
from vdit.model.networks import image_unet
from vdit.model.tokenizers import clip_style
from vdit.model.vdit import VDIT
from vdit.study import spec

CPU = torch.device("cpu")
EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
# Of the miniature preset: heads of 16 in blocks of 32, 64, 64 and 64 channels.
SIZES = {"block_out_channels": (32, 64, 64, 64), "layers_per_block": 1, "cross_attention_dim": 64, "norm_num_groups": 8}
HEADS = [2, 4, 4, 4]
POSITIONS = 24
BLOCKS = {"down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4}
Saved = dict[str, torch.nn.Module]


def save(folder: Path, **unet: object) -> Saved:
    """The five parts of a Stable Diffusion as its own libraries save them, random and of the miniature's sizes."""
    text = CLIPTextConfig(
        **{"vocab_size": 1024, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4},
        max_position_embeddings=POSITIONS,
        hidden_act="gelu",
    )
    networks = {
        "unet": UNet2DConditionModel(**{**SIZES, "attention_head_dim": HEADS, "sample_size": 96, **unet}),
        "vae": AutoencoderKL(block_out_channels=(16, 32, 32, 32), layers_per_block=1, norm_num_groups=8, sample_size=768, **BLOCKS),
        "text_encoder": CLIPTextModel(text),
    }
    for name, network in networks.items():
        network.save_pretrained(folder / name)
    clip_style(1024, POSITIONS, "!").save_pretrained(folder / "tokenizer")
    # Version 2.1 for 768 pixels: another parametrisation of the noise, the same forward process.
    scheduler = PNDMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, prediction_type="v_prediction")
    scheduler.save_pretrained(folder / "scheduler")
    return networks


@pytest.fixture
def beside(folder: Path, tmp_path: Path) -> Path:
    """A checkpoint folder that has image tower and RoBERTa only."""
    for part in ("image_tower", "roberta"):
        shutil.copytree(folder / part, tmp_path / "weights" / part)
    return tmp_path / "weights"


def equal(network: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(tensor, theirs[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize("linear", [True, False], ids=["version 2", "version 1"])
def test_loads_what_the_libraries_save(model: Model, beside: Path, linear: bool) -> None:
    saved = save(beside / "stable_diffusion", use_linear_projection=linear)
    loaded = stable_diffusion.load(model, beside, CPU)
    for name, network in saved.items():
        assert equal(loaded.networks()[name], network), name
    assert [block.attentions[0].transformer_blocks[0].attn2.heads for block in loaded.unet.down_blocks[:3]] == HEADS[:3]
    assert loaded.alphas_cumprod[0].item() == pytest.approx(1 - 0.00085, abs=1e-7)
    assert not any(tensor.requires_grad or tensor.is_meta for network in loaded.networks().values() for tensor in network.parameters())


def test_the_other_parts_are_those_beside_it(model: Model, folder: Path, beside: Path) -> None:
    save(beside / "stable_diffusion")
    loaded, video = stable_diffusion.load(model, beside, CPU), modelscope.load(model, folder, CPU)
    assert equal(loaded.image_tower, video.image_tower) and equal(loaded.roberta, video.roberta)
    assert (loaded.image_mean, loaded.image_size) == (video.image_mean, video.image_size)


def test_a_seed_gives_the_same_folder_which_says_that_it_is_random(model: Model, tmp_path: Path) -> None:
    first, again = (stable_diffusion.load(model, tmp_path / name, CPU) for name in ("first", "again"))
    assert isinstance(first.unet, UNet2DConditionModel)
    assert all(equal(network, again.networks()[name]) for name, network in first.networks().items())
    assert modelscope.drawn_from(tmp_path / "first") == 0
    assert sorted(path.name for path in (tmp_path / "first").iterdir()) == ["image_tower", "roberta", "stable_diffusion", "vdit.json"]
    with pytest.raises(ValueError, match=r"seed 0, model\.backbone\.seed is 5"):
        stable_diffusion.load(replace(model, backbone=replace(model.backbone, seed=5)), tmp_path / "first", CPU)


def test_a_folder_without_the_subfolder_is_refused_not_drawn(model: Model, beside: Path) -> None:
    with pytest.raises(ValueError, match=r"stable_diffusion/unet/config\.json is missing; .* in stable_diffusion/"):
        stable_diffusion.load(model, beside, CPU)
    assert not (beside / "stable_diffusion").exists()


@pytest.mark.parametrize(
    ("saved", "complaint"),
    [
        ({"cross_attention_dim": 128}, r"cross_attention_dim 128, model\.architecture\.unet\.cross_attention_dim is 64"),
        (
            {"block_out_channels": (32, 32, 64, 64)},
            r"block_out_channels .*model\.architecture\.unet\.block_out_channels is \(32, 64, 64, 64\)",
        ),
        # 8 heads everywhere, as in version 1.
        (
            {"attention_head_dim": 8},
            r"attention_head_dim \(4, 8, 8, 8\), model\.architecture\.unet\.attention_head_dim is \(16, 16, 16, 16\)",
        ),
        ({"in_channels": 9}, r"the U-Net takes 9 channels, latents have 4"),
    ],
)
def test_a_unet_of_other_sizes_is_refused(model: Model, beside: Path, saved: dict[str, object], complaint: str) -> None:
    save(beside / "stable_diffusion", **saved)
    with pytest.raises(ValueError, match=rf"stable_diffusion/unet/config\.json: .*{complaint}"):
        stable_diffusion.load(model, beside, CPU)


def test_a_unet_for_video_is_refused(model: Model, folder: Path, beside: Path) -> None:
    save(beside / "stable_diffusion")
    shutil.copytree(folder / "unet", beside / "stable_diffusion" / "unet", dirs_exist_ok=True)
    with pytest.raises(ValueError, match=r"the checkpoint has a UNet3DConditionModel, this backbone is a UNet2DConditionModel"):
        stable_diffusion.load(model, beside, CPU)


def test_heads_of_one_number_in_every_block_have_widths_block_by_block(model: Model, beside: Path) -> None:
    save(beside / "stable_diffusion", attention_head_dim=8)
    sizes = replace(model.architecture, unet=replace(model.architecture.unet, attention_head_dim=(4, 8, 8, 8)))
    loaded = stable_diffusion.load(replace(model, architecture=sizes), beside, CPU)
    assert loaded.unet.mid_block.attentions[0].transformer_blocks[0].attn1.heads == 8


def test_padding_is_what_the_text_tower_was_trained_with(model: Model, beside: Path) -> None:
    save(beside / "stable_diffusion")
    (beside / "stable_diffusion/tokenizer/special_tokens_map.json").write_text(json.dumps({"pad_token": "<|endoftext|>"}))
    with pytest.raises(ValueError, match=r"padded with '<\|endoftext\|>', model\.architecture\.text\.pad_token is '!'"):
        stable_diffusion.load(model, beside, CPU)
    sizes = replace(model.architecture, text=replace(model.architecture.text, pad_token="<|endoftext|>"))
    loaded = stable_diffusion.load(replace(model, architecture=sizes), beside, CPU)
    ids = loaded.tokenizer(["a"], padding="max_length", max_length=9).input_ids[0]
    assert ids[-1] == ids[-2] == loaded.tokenizer.eos_token_id


def test_drawn_texts_are_padded_as_the_architecture_says(model: Model, tmp_path: Path) -> None:
    sizes = replace(model.architecture, text=replace(model.architecture.text, pad_token="<|endoftext|>"))
    assert stable_diffusion.load(replace(model, architecture=sizes), tmp_path / "drawn", CPU).tokenizer.pad_token == "<|endoftext|>"


# unet/config.json of stable-diffusion-2-1 and of stable-diffusion-v1-5, and what their U-Nets have.
PUBLISHED = {
    "backbones": ({"attention_head_dim": [5, 10, 20, 20], "cross_attention_dim": 1024}, 865_910_724),
    "stable_diffusion_1": ({"attention_head_dim": [8, 8, 8, 8], "cross_attention_dim": 768}, 859_520_964),
}


@pytest.mark.parametrize("study", PUBLISHED)
def test_studies_of_stable_diffusion_have_its_published_sizes(study: str) -> None:
    expected, parameters = PUBLISHED[study]
    read = spec.read(str(EXPERIMENTS / f"{study}.yaml"))
    assert {"stable-diffusion", "random-stable-diffusion"} <= {arm.levels["backbone"] for arm in read.arms}
    sizes = read.base.model.architecture
    with torch.device("meta"):
        network = image_unet(sizes.unet)
    assert {name: network.config[name] for name in expected} == expected
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert sizes.text.hidden_size == sizes.unet.cross_attention_dim


@pytest.fixture(scope="module")
def frozen(model: Model, tmp_path_factory: pytest.TempPathFactory) -> FrozenDiffusion:
    return stable_diffusion.load(model, tmp_path_factory.mktemp("weights") / "drawn", CPU)


def test_a_step_reaches_everything_that_is_trained(frozen: FrozenDiffusion, tmp_path: Path) -> None:
    base = spec.read("demo").base
    world = World(train_videos=1, valid_videos=1, frames=3, height=32, width=64, objects=2)
    data = replace(base.data, frames=2, world=world, augment=replace(base.data.augment, enabled=False))
    benchmark = registry.find("benchmarks", "miniature")
    split = benchmark.read(benchmark.locate(data, tmp_path / "data"), "train", data.frames)
    batch = collate([sample(split, split.items[0], data, 0, 0)])
    assert batch.targets is not None
    vdit = VDIT(base.model, frozen, seed=0)
    before = {name: parameter.detach().clone() for name, parameter in vdit.trainable().items()}
    total(losses(vdit(batch, base.train.match), batch.targets, base.train.loss, 2.0), base.train.loss).backward()
    without = {name for name, parameter in vdit.trainable().items() if parameter.grad is None}
    assert not without
    torch.optim.SGD(vdit.parameters(), lr=1e-2).step()
    still = {name for name, parameter in vdit.features.named_parameters() if torch.equal(parameter, before[f"features.{name}"])}
    assert not still
    assert all(parameter.grad is None for network in frozen.networks().values() for parameter in network.parameters())
