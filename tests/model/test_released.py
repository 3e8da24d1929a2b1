"""Oracle: the released VD-IT run on random weights (oracle/README.md): same weights in, same intermediates out."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet3DConditionModel
from open_clip.transformer import VisionTransformer
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, RobertaConfig, RobertaModel

from vdit.config.architecture import VAE, Architecture, ImageTower, Roberta, TextTower, UNet
from vdit.config.model import Diffusion, Encode, Model, Prompt, Pyramid
from vdit.model import autoencoder, tokens
from vdit.model.batch import Batch
from vdit.model.diffusion import noised, side_outputs, start
from vdit.model.features import Encoded, VideoDiffusionFeatures
from vdit.model.frozen import FrozenDiffusion
from vdit.model.released import features_state, frozen_states
from vdit.model.words import text_embedding, word_states

ORACLE = Path(__file__).resolve().parents[2].parent / "shared" / "oracle"
TAPS = {
    "in": "unet.tap0_in_8x",
    "down0": "unet.tap1_down0_16x",
    "down1": "unet.tap2_down1_32x",
    "up0": "unet.tap3_up0_32x",
    "up1": "unet.tap4_up1_16x",
    "up2": "unet.tap5_up2_8x",
}


@dataclass
class Case:
    """A recorded run and the features that should reproduce it."""

    features: VideoDiffusionFeatures
    frozen: FrozenDiffusion
    records: dict[str, Tensor]

    def input(self, name: str) -> Tensor:
        return self.records[f"inputs/{name}"]

    def __getitem__(self, name: str) -> Tensor:
        return self.records[f"train/inter/{name}"]

    def posterior(self) -> autoencoder.Posterior:
        return autoencoder.encode(self.frozen.vae, self["vae.pixel_values"])

    def batch(self) -> Batch:
        frames = self.input("frames_normalised_padded_btchw")
        size = self.input("targets/0/size")[None]
        return Batch(frames, self.input("pad_mask_bthw"), size, ("",), (0,), None)

    def encoded(self) -> Encoded:
        return self.features.encode(self.batch(), self["vae.eps"])


def architecture(config: dict[str, Any], words: int) -> Architecture:
    """The oracle's sizes as ours."""
    unet, vae, text, vision, roberta = (config[part] for part in ("unet", "vae", "text", "vision", "roberta"))
    text, roberta = dict(text), {**roberta, "vocab_size": words}
    del text["projection_dim"]
    return Architecture(
        unet=UNet(**{**unet, "block_out_channels": tuple(unet["block_out_channels"])}),
        vae=VAE(block_out_channels=tuple(vae["block_out_channels"])),
        text=TextTower(**text),
        image=ImageTower(
            image_size=vision["image_size"],
            patch_size=vision["patch_size"],
            width=vision["hidden_size"],
            layers=vision["num_hidden_layers"],
            head_width=vision["hidden_size"] // vision["num_attention_heads"],
            mlp_ratio=vision["intermediate_size"] / vision["hidden_size"],
            embed_dim=vision["projection_dim"],
        ),
        roberta=Roberta(**roberta),
    )


def frozen_networks(config: dict[str, Any], sizes: Architecture, released: dict[str, Tensor]) -> FrozenDiffusion:
    vision = sizes.image
    networks = {
        "unet": UNet3DConditionModel(**config["unet"]),
        "vae": AutoencoderKL(**config["vae"]),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**config["text"])),
        "image_tower": VisionTransformer(
            vision.image_size,
            vision.patch_size,
            vision.width,
            vision.layers,
            vision.width // vision.head_width,
            vision.mlp_ratio,
            output_dim=vision.embed_dim,
        ),
        "roberta": RobertaModel(RobertaConfig(**{**config["roberta"], "vocab_size": sizes.roberta.vocab_size}), add_pooling_layer=False),
    }
    for name, state in frozen_states(released).items():
        networks[name].load_state_dict(state)
    scheduler = DDPMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
    return FrozenDiffusion(
        **networks,
        tokenizer=None,
        roberta_tokenizer=None,
        alphas_cumprod=scheduler.alphas_cumprod.double(),
        image_mean=(0.48145466, 0.4578275, 0.40821073),
        image_std=(0.26862954, 0.26130258, 0.27577711),
        image_size=vision.image_size,
    )


@pytest.fixture(scope="module")
def released() -> tuple[VideoDiffusionFeatures, FrozenDiffusion]:
    if not ORACLE.exists():
        pytest.skip(f"the recorded run of the released model is not at {ORACLE}")
    state = load_file(ORACLE / "weights.safetensors")
    config = json.loads((ORACLE / "oracle.json").read_text())["config"]
    sizes = architecture(config, state["text_encoder.text_backbone.embeddings.word_embeddings.weight"].shape[0])
    model = Model(
        architecture=sizes,
        prompt=Prompt(heads=4, head_dim=16, feedforward=32),
        pyramid=Pyramid(width=config["head"]["backbone_embed_dim"]),
        encode=Encode(posterior="sample", cast="truncate", resize="pil"),
    )
    frozen = frozen_networks(config, sizes, state)
    features = VideoDiffusionFeatures(model, frozen)
    features.load_state_dict(features_state(state))
    return features, frozen


@pytest.fixture(params=["a", "d"], scope="module")
def case(request: pytest.FixtureRequest, released: tuple[VideoDiffusionFeatures, FrozenDiffusion]) -> Case:
    return Case(*released, load_file(ORACLE / f"{request.param}.safetensors"))


def close(given: Tensor, recorded: Tensor) -> None:
    """Equal to 1e-4 of the recorded spread."""
    assert given.shape == recorded.shape
    torch.testing.assert_close(given, recorded, rtol=1e-4, atol=1e-4 * recorded.std().item())


def test_posterior_and_4x_map(case: Case) -> None:
    posterior = case.posterior()
    close(posterior.mean_NCHW, case["vae.mean"])
    close(posterior.logvar_NCHW, case["vae.logvar"])
    close(posterior.map4_NCHW, case["vae.feat_4x"])
    close(posterior.sample(case["vae.eps"]), case["vae.z"])


def test_scaled_latents(case: Case) -> None:
    close(case.encoded().latents_BTCHW.transpose(1, 2), case["vae.latents_scaled_bcfhw"])


def test_image_tokens_come_before_the_last_norm(case: Case) -> None:
    close(tokens.tokens(case.frozen.image_tower, case["clip_vision.pixel_values"]), case["clip_vision.last_hidden_state"])


def test_text_embedding(case: Case) -> None:
    close(text_embedding(case.frozen, case["clip_text.input_ids"]), case["clip_text.last_hidden_state"])


def test_words(case: Case) -> None:
    words = word_states(case.frozen, case["roberta.input_ids"], case["roberta.attention_mask"])
    close(words.states_BLC, case["roberta.last_hidden_state"])
    assert not words.padding_BL.any()


def test_one_prompt_a_frame(case: Case) -> None:
    frames = case["vae.mean"].shape[0]
    prompt = case.features.prompt
    close(prompt.image(case["clip_vision.last_hidden_state"]), case["image_tokens_projected"])
    seen = prompt.look(case["clip_vision.last_hidden_state"])
    close(prompt(case["clip_text.last_hidden_state"], seen, frames), case["prompt.p_ve"])


def test_noise_and_noising_at_step_zero(case: Case) -> None:
    latents = case["vae.latents_scaled_bcfhw"].transpose(1, 2)
    noise = case.features.noise(latents)
    close(noise.transpose(1, 2), case["noise.normalised_bcfhw"])
    close(noised(latents, noise, case.frozen.alphas_cumprod, Diffusion()).transpose(1, 2), case["unet.noisy_latents"])


def test_side_outputs_of_the_unet(case: Case) -> None:
    noisy = case["unet.noisy_latents"].transpose(1, 2)
    started = start(case.frozen.unet, noisy, 0, frozenset(TAPS))
    outputs = side_outputs(case.frozen.unet, started, case["prompt.p_ve"], frozenset(TAPS))
    for tap, record in TAPS.items():
        close(outputs[tap], case[record])


def test_pyramid_from_frames_words_and_recorded_posterior_noise(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdit.model.features.token_ids", lambda frozen, captions: case["clip_text.input_ids"])
    levels = case.features(case.batch(), case.encoded())
    for index, level in enumerate(levels.maps_BTCHW):
        close(level, case[f"pyramid.out{index}"])
    for index in (0, 1, 2):
        assert torch.equal(levels.padding_BTHW[index + 1], case[f"transformer.mask{index}"])


def test_pixels_reach_the_autoencoder_as_recorded(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    encode = autoencoder.encode
    monkeypatch.setattr(autoencoder, "encode", lambda vae, pixels: seen.append(pixels) or encode(vae, pixels))
    case.encoded()
    close(seen[0], case["vae.pixel_values"])


def test_released_image_preparation_is_exact_and_the_default_differs_by_two_levels(case: Case) -> None:
    shares = (case["vae.pixel_values"] + 1) / 2
    released = tokens.prepare(shares, case.frozen, case.features.model.encode)
    torch.testing.assert_close(released, case["clip_vision.pixel_values"], rtol=0, atol=1e-6)
    levels = (tokens.prepare(shares, case.frozen, Encode()) - released).abs() * torch.tensor(case.frozen.image_std).view(3, 1, 1) * 255
    # Rounding instead of truncation is one level; PILLOW interpolates with whole numbers, so that a tie may fall to the other side.
    assert 0.5 < levels.max() < 3.1


def test_every_trained_tensor_of_the_checkpoint_is_placed(released: tuple[VideoDiffusionFeatures, FrozenDiffusion]) -> None:
    features, _ = released
    state = load_file(ORACLE / "weights.safetensors")
    assert set(features_state(state)) == set(features.state_dict())


def test_a_damaged_alias_is_refused(released: tuple[VideoDiffusionFeatures, FrozenDiffusion]) -> None:
    state = load_file(ORACLE / "weights.safetensors")
    key = "backbone.0.diff_ftex.act_postprocess.2.0.weight"
    state[key] = state[key] + 1
    with pytest.raises(ValueError, match=r"act_postprocess\.2\.0\.weight"):
        features_state(state)


def test_older_names_of_the_autoencoder_are_read(released: tuple[VideoDiffusionFeatures, FrozenDiffusion]) -> None:
    state = load_file(ORACLE / "weights.safetensors")
    query = "backbone.0.diff_ftex.vae.encoder.mid_block.attentions.0.to_q.weight"
    older = {key.replace(".to_q.", ".query.") if ".vae." in key else key: tensor for key, tensor in state.items()}
    assert query in state and query not in older
    assert torch.equal(frozen_states(older)["vae"]["encoder.mid_block.attentions.0.to_q.weight"], state[query])
