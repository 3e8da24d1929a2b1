"""Oracle: each part in its published form, loaded by its own library, against the converted folder in `modelscope.load`."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import open_clip
import pytest
import torch
from diffusers import AutoencoderKL, UNet3DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection, RobertaModel

from vdit.backbones import modelscope
from vdit.config.model import Model
from vdit.model import autoencoder, tokens
from vdit.model.frozen import FrozenDiffusion
from vdit.model.words import text_embedding, word_states
from vdit.weights.text_to_video import Folders, convert

CPU = torch.device("cpu")
OLDER_ATTENTION = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}


def inside(folder: Path) -> Folders:
    """The layout of a checkpoint folder."""
    return Folders(folder, folder / "image_tower", folder / "roberta")


def pickled(path: Path, change: Callable[[str], str], archive: bool = True, **extra: torch.Tensor) -> None:
    """A safetensors file becomes the .bin that was published before it."""
    state = {change(key): tensor for key, tensor in load_file(path).items()}
    path.unlink()
    name = path.name.replace("model.safetensors", "model.bin" if path.name.startswith("diffusion") else "pytorch_model.bin")
    torch.save({**state, **extra}, path.with_name(name), _use_new_zipfile_serialization=archive)


def before(key: str) -> str:
    for now, then in OLDER_ATTENTION.items():
        key = key.replace(f"mid_block.attentions.0{now}", f"mid_block.attentions.0{then}")
    return key


@pytest.fixture
def published(copied: Callable[[], Path], model: Model, tmp_path: Path) -> Folders:
    """Three folders as they were published: .bin files, older names, a CLIP of transformers; without the card of random weights."""
    video, tower = copied(), tmp_path / "clip"
    roberta = (video / "roberta").rename(tmp_path / "words")
    (video / modelscope.CARD).unlink()
    pickled(video / "unet/diffusion_pytorch_model.safetensors", str)
    pickled(video / "vae/diffusion_pytorch_model.safetensors", before)
    position_ids = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    pickled(video / "text_encoder/model.safetensors", "text_model.{}".format, **position_ids)
    pickled(roberta / "model.safetensors", "roberta.{}".format, archive=False, **{"lm_head.bias": torch.zeros(3)})
    image = model.architecture.image
    torch.manual_seed(5)
    config = CLIPVisionConfig(
        hidden_size=image.width,
        intermediate_size=int(image.width * image.mlp_ratio),
        num_hidden_layers=image.layers,
        num_attention_heads=image.width // image.head_width,
        image_size=image.image_size,
        patch_size=image.patch_size,
        projection_dim=image.embed_dim,
        hidden_act="gelu",
    )
    CLIPVisionModelWithProjection(config).save_pretrained(tower)
    preprocessing = {"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]}
    (tower / "preprocessor_config.json").write_text(json.dumps(preprocessing))
    return Folders(video, tower, roberta)


@pytest.fixture
def loaded(published: Folders, model: Model, tmp_path: Path) -> FrozenDiffusion:
    convert(published, tmp_path / "out", lambda _: None)
    assert modelscope.drawn_from(tmp_path / "out") is None
    return modelscope.load(model, tmp_path / "out", CPU)


def test_published_parts_read_the_same_after_conversion(published: Folders, loaded: FrozenDiffusion) -> None:
    ids, attended = torch.tensor([[0, 5, 9, 2, 1, 1]]), torch.tensor([[1, 1, 1, 1, 0, 0]])
    pixels = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)
    unet = UNet3DConditionModel.from_pretrained(published.video / "unet", use_safetensors=False, low_cpu_mem_usage=False)
    vae = AutoencoderKL.from_pretrained(published.video / "vae", use_safetensors=False, low_cpu_mem_usage=False).eval()
    text = CLIPTextModel.from_pretrained(published.video / "text_encoder", use_safetensors=False).eval()
    roberta = RobertaModel.from_pretrained(published.roberta, use_safetensors=False, add_pooling_layer=False).eval()
    tower = CLIPVisionModelWithProjection.from_pretrained(published.image_tower).eval()
    state = loaded.unet.state_dict()
    assert all(torch.equal(state[key], tensor) for key, tensor in unet.state_dict().items())
    with torch.no_grad():
        wanted, found = vae.encode(pixels).latent_dist, autoencoder.encode(loaded.vae, pixels)
        # Rounding, in another order of sums, is magnified where latents are standardised.
        torch.testing.assert_close(found.mean_NCHW, wanted.mean, rtol=0, atol=float(1e-4 * wanted.mean.abs().max()))
        torch.testing.assert_close(found.logvar_NCHW, wanted.logvar, rtol=0, atol=float(1e-4 * wanted.logvar.abs().max()))
        torch.testing.assert_close(text_embedding(loaded, ids), text(ids).last_hidden_state)
        torch.testing.assert_close(word_states(loaded, ids, attended).states_BLC, roberta(ids, attended).last_hidden_state)
        torch.testing.assert_close(tokens.tokens(loaded.image_tower, pixels), tower(pixels).last_hidden_state, rtol=1e-5, atol=1e-5)
    assert loaded.image_mean == (0.48145466, 0.4578275, 0.40821073) and loaded.alphas_cumprod.shape == (1000,)


def test_words_become_the_same_tokens(loaded: FrozenDiffusion, model: Model, folder: Path) -> None:
    first, sentences = modelscope.load(model, folder, CPU), ["A red circle moving left", "the 2nd, unlike giraffes"]
    assert loaded.tokenizer(sentences).input_ids == first.tokenizer(sentences).input_ids
    assert loaded.roberta_tokenizer(sentences).input_ids == first.roberta_tokenizer(sentences).input_ids


def test_todays_files_are_copied_to_the_last_byte(model: Model, folder: Path, tmp_path: Path) -> None:
    convert(inside(folder), tmp_path / "out", lambda _: None)
    written = {path.relative_to(tmp_path / "out"): path for path in (tmp_path / "out").rglob("*") if path.is_file()}
    source = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    assert written.keys() == source.keys() | {Path("manifest.json")}
    for name, path in source.items():
        if name.suffix == ".safetensors":
            ours, theirs = load_file(written[name]), load_file(path)
            assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], tensor) for key, tensor in theirs.items())
        elif name.name != "open_clip_config.json":
            assert written[name].read_bytes() == path.read_bytes()
    assert modelscope.drawn_from(tmp_path / "out") == 0
    assert open_clip.create_model(f"local-dir:{tmp_path / 'out' / 'image_tower'}")


def test_a_converted_folder_converts_to_itself(folder: Path, tmp_path: Path) -> None:
    convert(inside(folder), tmp_path / "out", lambda _: None)
    first = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    convert(inside(tmp_path / "out"), tmp_path / "out", lambda _: None)
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == first


def test_the_manifest(published: Folders, model: Model, tmp_path: Path) -> None:
    said: list[str] = []
    convert(published, tmp_path / "out", said.append)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["kind"] == "text-to-video"
    # The text tower's positions and a bias of RoBERTa's pre-training.
    assert manifest["dropped"] == {"unused": 2}
    assert manifest["sources"].keys() == {
        "unet/diffusion_pytorch_model.bin",
        "vae/diffusion_pytorch_model.bin",
        "text_encoder/pytorch_model.bin",
        "roberta/pytorch_model.bin",
        "image_tower/model.safetensors",
    }
    assert manifest["sources"]["roberta/pytorch_model.bin"] == sha256((published.roberta / "pytorch_model.bin").read_bytes()).hexdigest()
    assert manifest["files"].keys() == {
        path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()
    } - {"manifest.json"}
    for name, about in manifest["files"].items():
        assert about["sha256"] == sha256((tmp_path / "out" / name).read_bytes()).hexdigest()
    assert manifest["sizes"]["architecture.image.width"] == model.architecture.image.width
    assert manifest["files"]["image_tower/open_clip_model.safetensors"]["tensors"] == 8 + 12 * model.architecture.image.layers
    assert [line.split(":")[0] for line in said][-2:] == ["image_tower/open_clip_model.safetensors", "sizes"]


def test_the_sizes_are_those_that_load(published: Folders, model: Model, tmp_path: Path) -> None:
    convert(published, tmp_path / "out", lambda _: None)
    sizes = json.loads((tmp_path / "out" / "manifest.json").read_text())["sizes"]
    for part in ("unet", "vae", "text", "image", "roberta"):
        ours = getattr(model.architecture, part)
        changed = replace(ours, **{name: tuple(size) if isinstance(size, list) else size for name, size in within(sizes, part).items()})
        assert changed == ours


def within(sizes: dict[str, object], part: str) -> dict[str, object]:
    start = f"architecture.{part}."
    return {name.removeprefix(start): size for name, size in sizes.items() if name.startswith(start)}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unet/diffusion_pytorch_model.safetensors", "unet has none of"),
        ("roberta/model.safetensors", "roberta has none of"),
        ("image_tower/open_clip_model.safetensors", "image_tower has none of"),
        ("vae/config.json", "vae/config.json is missing"),
        ("tokenizer/merges.txt", "tokenizer/merges.txt is missing"),
        ("roberta/vocab.json", "roberta/vocab.json is missing"),
        ("scheduler/scheduler_config.json", "scheduler/scheduler_config.json is missing"),
        ("image_tower/open_clip_config.json", "image_tower/open_clip_config.json is missing"),
    ],
)
def test_a_missing_file_is_named_and_nothing_is_written(copied: Callable[[], Path], tmp_path: Path, name: str, said: str) -> None:
    spoilt = copied()
    for part in ("tokenizer", "roberta"):
        (spoilt / part / "tokenizer.json").unlink()
    (spoilt / name).unlink()
    with pytest.raises(ValueError, match=said):
        convert(inside(spoilt), tmp_path / "out", lambda _: None)
    assert not (tmp_path / "out").exists()


def test_half_precision_alone_is_refused(copied: Callable[[], Path], tmp_path: Path) -> None:
    spoilt = copied()
    (spoilt / "unet/diffusion_pytorch_model.safetensors").rename(spoilt / "unet/diffusion_pytorch_model.fp16.safetensors")
    with pytest.raises(ValueError, match=r"only diffusion_pytorch_model\.fp16\.safetensors in half precision"):
        convert(inside(spoilt), tmp_path / "out", lambda _: None)


def test_a_late_error_leaves_nothing_behind(copied: Callable[[], Path], tmp_path: Path) -> None:
    spoilt = copied()
    path = spoilt / "image_tower/open_clip_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"image_tower/open_clip_model\.safetensors is damaged"):
        convert(inside(spoilt), tmp_path / "out", lambda _: None)
    assert [entry.name for entry in tmp_path.iterdir()] == ["copy"]
