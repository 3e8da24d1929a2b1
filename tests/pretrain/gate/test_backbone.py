"""Oracles: the stock U-Net, text tower and autoencoder; the definition of v; the random control of a study."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from einops import rearrange
from torch import Tensor

from vdit.backbones import random
from vdit.config.model import Model
from vdit.model.taps import width
from vdit.model.words import token_ids
from vdit.pretrain.gate.backbone import SCHEDULER, Backbone, load, prediction, untrained

SAID = ("a red circle moving left", "", "an orange slash standing still and a blue ring moving up")


@pytest.fixture(scope="module")
def backbone(model: Model, folder: Path) -> Backbone:
    return load(folder, model)


@pytest.fixture(scope="module")
def noisy() -> Tensor:
    return torch.randn(len(SAID), 5, 4, 8, 12, generator=torch.Generator().manual_seed(0))


def stock(backbone: Backbone, noisy_BTCHW: Tensor, timestep: int, said: tuple[str, ...]) -> Tensor:
    texts = backbone.frozen.text_encoder(token_ids(backbone.frozen, said)).last_hidden_state
    with torch.no_grad():
        output = backbone.frozen.unet(rearrange(noisy_BTCHW, "b t c h w -> b c t h w"), timestep, texts).sample
    return rearrange(output, "b c t h w -> b t c h w")


def test_noise_is_what_the_stock_network_says(backbone: Backbone, noisy: Tensor) -> None:
    found = backbone.noise(noisy, 300, (SAID, SAID[1:] + SAID[:1]))
    torch.testing.assert_close(found[0], stock(backbone, noisy, 300, SAID), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[1], stock(backbone, noisy, 300, SAID[1:] + SAID[:1]), atol=1e-5, rtol=1e-4)


def test_v_is_turned_into_noise(backbone: Backbone, noisy: Tensor) -> None:
    """Of clean x and noise e, noisy is a x + s e and v is a e - s x: whatever v is said to be, both equations have to hold."""
    v = stock(backbone, noisy, 700, SAID)
    (noise,) = replace(backbone, prediction="v_prediction").noise(noisy, 700, (SAID,))
    signal, hidden = float(backbone.alphas_cumprod[700]) ** 0.5, (1 - float(backbone.alphas_cumprod[700])) ** 0.5
    clean = (noisy - hidden * noise) / signal
    torch.testing.assert_close(signal * noise - hidden * clean, v, atol=1e-4, rtol=1e-3)


def test_features_are_those_that_are_read_and_the_middle(backbone: Backbone, noisy: Tensor) -> None:
    found = backbone.features(noisy, SAID)
    taps = (*backbone.model.pyramid.taps, "mid")
    assert found.shape == (3, 5, 8, 12, sum(width(backbone.model.architecture.unet, tap) for tap in taps))
    alone = replace(backbone, model=replace(backbone.model, pyramid=replace(backbone.model.pyramid, taps=("mid",))))
    middle = alone.features(noisy, SAID)
    assert middle.shape[-1] == width(backbone.model.architecture.unet, "mid")
    assert not torch.equal(middle[0], alone.features(noisy, SAID[1:] + SAID[:1])[0])


def test_latents_are_scaled_as_the_network_expects(backbone: Backbone) -> None:
    frames = np.random.default_rng(0).integers(256, size=(2, 3, 32, 64, 3), dtype=np.uint8)
    with torch.no_grad():
        posterior = backbone.frozen.vae._encode(2 * rearrange(torch.from_numpy(frames), "b t h w c -> (b t) c h w").float() / 255 - 1)
    mean = posterior.chunk(2, dim=1)[0] * backbone.model.architecture.vae.scaling_factor
    torch.testing.assert_close(backbone.latents(frames).flatten(0, 1), mean, atol=1e-4, rtol=1e-3)


def test_a_summary_is_what_the_text_tower_pools(backbone: Backbone) -> None:
    pooled = backbone.frozen.text_encoder(token_ids(backbone.frozen, SAID)).pooler_output
    torch.testing.assert_close(backbone.summaries(SAID), pooled, atol=1e-5, rtol=1e-4)


def test_a_text_is_the_same_in_any_company(backbone: Backbone) -> None:
    torch.testing.assert_close(backbone.prompts(SAID, 2)[2:4], backbone.prompts(SAID[1:], 2)[:2])
    assert backbone.prompts(SAID, 2).shape[0] == 6


def test_the_control_is_that_of_a_study(backbone: Backbone, model: Model, folder: Path) -> None:
    control, study = untrained(backbone, 0), random.load(model, folder, torch.device("cpu"))
    for name in ("unet", "vae", "text_encoder"):
        ours, theirs = getattr(control.frozen, name).state_dict(), getattr(study, name).state_dict()
        # A study keeps no decoder.
        assert theirs and all(torch.equal(ours[key], theirs[key]) for key in theirs)
    other = untrained(backbone, 1)
    assert not torch.equal(control.frozen.unet.conv_in.weight, other.frozen.unet.conv_in.weight)
    assert not torch.equal(control.frozen.unet.conv_in.weight, backbone.frozen.unet.conv_in.weight)


@pytest.mark.parametrize(("written", "found"), [({"prediction_type": "v_prediction"}, "v_prediction"), ({}, "epsilon")])
def test_what_is_predicted_stands_in_the_folder(tmp_path: Path, written: dict[str, str], found: str) -> None:
    (tmp_path / "scheduler.json").write_text(json.dumps(written))
    assert prediction(tmp_path / "scheduler.json") == found


def test_another_prediction_is_refused(model: Model, copied: Callable[[], Path]) -> None:
    spoilt = copied()
    about = json.loads((spoilt / SCHEDULER).read_text())
    (spoilt / SCHEDULER).write_text(json.dumps({**about, "prediction_type": "sample"}))
    with pytest.raises(ValueError, match=r"scheduler_config\.json: prediction_type is 'sample'; .* 'epsilon' or 'v_prediction'"):
        load(spoilt, model)
