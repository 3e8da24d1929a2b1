"""What each stage asks of its network. Oracles: algebra, hand-made scores, the scenes themselves."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from vdit.benchmarks.world.scene import COLOURS, MOTIONS, SHAPES
from vdit.model.networks import standardise, vae_config
from vdit.pretrain import captioning, clips, latents
from vdit.pretrain.recipe import Pretraining
from vdit.pretrain.stages import autoencoder, denoiser, swin, towers, words
from vdit.pretrain.training import draws, weights


@torch.no_grad()
def test_standardised_latents_decode_to_what_they_did(finished: Pretraining) -> None:
    torch.manual_seed(0)
    before, after = (AutoencoderKL(**vae_config(finished.model.architecture.vae)).eval() for _ in range(2))
    after.load_state_dict(before.state_dict())
    seen = clips.read(finished.recipe, finished.place("clips").folder)
    mean_C, spread_C = autoencoder.statistics(after, seen, np.arange(8))
    standardise(after, mean_C, spread_C, 0.5)
    pixels = 2 * clips.shares(seen.frames_NTHW3[3]) - 1
    one, other = before.encode(pixels).latent_dist, after.encode(pixels).latent_dist
    torch.testing.assert_close(after.decode(other.mean).sample, before.decode(one.mean).sample, atol=1e-5, rtol=1e-4)
    noise = torch.randn_like(one.mean)
    drawn = (distribution.mean + distribution.std * noise for distribution in (one, other))
    torch.testing.assert_close(*(vae.decode(z).sample for vae, z in zip((before, after), drawn, strict=True)), atol=1e-4, rtol=1e-3)
    again = autoencoder.statistics(after, seen, np.arange(8))
    torch.testing.assert_close(torch.stack(again), torch.stack([torch.zeros(4), torch.full((4,), 0.5)]), atol=1e-4, rtol=1e-4)


def test_the_latents_of_the_recipe_have_its_spread(finished: Pretraining) -> None:
    vae = AutoencoderKL(**vae_config(finished.model.architecture.vae)).eval()
    vae.load_state_dict(weights(finished.place("autoencoder").folder))
    seen = clips.read(finished.recipe, finished.place("clips").folder)
    mean_C, spread_C = autoencoder.statistics(vae, seen, np.arange(seen.trained_on))
    scaled = finished.model.architecture.vae.scaling_factor
    torch.testing.assert_close(scaled * mean_C, torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(scaled * spread_C, torch.full((4,), finished.recipe.autoencoder.spread), atol=1e-4, rtol=1e-3)


def test_clips_hold_what_the_world_draws_and_where_its_objects_are(finished: Pretraining) -> None:
    from vdit.benchmarks.world import pixels

    seen = clips.read(finished.recipe, finished.place("clips").folder)
    (drawn,) = clips.scenes(finished.recipe, range(5, 6))
    frames_THW3, labels_THW = pixels.draw(drawn)
    assert np.array_equal(seen.frames_NTHW3[5], frames_THW3)
    covered = clips.covered(seen.objects_NTHw[5], finished.recipe.world.width)
    assert np.array_equal(covered[:, 0].numpy() == 1, labels_THW > 0) and 0 < covered.mean() < 1
    assert torch.equal((clips.shares(seen.frames_NTHW3[5]) * 255).round().permute(0, 2, 3, 1).byte(), torch.from_numpy(frames_THW3))


def test_no_stage_trains_on_a_held_out_clip(finished: Pretraining) -> None:
    seen = clips.read(finished.recipe, finished.place("clips").folder)
    assert (seen.trained_on, set(seen.shown(99))) == (12, {12, 13, 14, 15})
    picked = np.concatenate([seen.pick(4, np.random.default_rng(seed)) for seed in range(50)])
    assert set(picked) == set(range(12))


def test_both_towers_have_to_find_the_other() -> None:
    right, swapped = 20 * torch.eye(3), 20 * torch.eye(3)[[1, 0, 2]]
    assert towers.both_ways(right) < 1e-6 < towers.both_ways(swapped)
    assert float(towers.both_ways(torch.zeros(4, 4))) == pytest.approx(np.log(4))
    one_sided = torch.tensor([[0.0, 0.0], [5.0, 5.0]])
    assert float(towers.both_ways(one_sided)) == pytest.approx((np.log(2) + (np.log1p(np.exp(5)) + np.log1p(np.exp(-5))) / 2) / 2)


def test_hidden_words_are_of_the_sentence_and_no_sentence_is_without(finished: Pretraining) -> None:
    task = words.Guessing(finished.given())
    ids_BL = task.words(["the red circle", "the object standing still at the top"] * 200, padding="longest", return_tensors="pt").input_ids
    shown_BL, wanted_BL = task.mask(ids_BL, draws("a test"))
    asked = wanted_BL != words.IGNORED
    special = torch.isin(ids_BL, torch.tensor(task.words.all_special_ids))
    assert not (asked & special).any() and asked.any(dim=1).all()
    assert torch.equal(wanted_BL[asked], ids_BL[asked]) and torch.equal(shown_BL[~asked], ids_BL[~asked])
    hidden = (shown_BL == task.words.mask_token_id)[asked].float().mean()
    assert hidden == pytest.approx(words.HIDDEN, abs=0.05)


def test_attributes_are_those_of_the_scenes_things(finished: Pretraining) -> None:
    (scene,) = clips.scenes(finished.recipe, range(1))
    names = [*COLOURS, *SHAPES, *MOTIONS]
    found = {name for name, there in zip(names, swin.present(scene), strict=True) if there}
    assert found == {word for thing in scene.things for word in (thing.colour, thing.shape, thing.motion)}


def test_a_caption_is_encoded_as_when_the_backbone_is_read(finished: Pretraining) -> None:
    """The U-Net's prompt: all positions, padding included; the pooled state is at the end of the text, wherever that is."""
    text = finished.model.architecture.text
    tokenizer = captioning.tokenizer(text)
    tower = captioning.tower(text, tokenizer).eval()
    ids_BL = captioning.ids(tokenizer, ["a red circle", "a red circle moving left and a blue bar standing still"])
    assert ids_BL.shape == (2, text.max_position_embeddings)
    ends = [row.tolist().index(tokenizer.eos_token_id) for row in ids_BL]
    assert ends[0] < ends[1] < text.max_position_embeddings
    found = tower(ids_BL)
    torch.testing.assert_close(found.pooler_output, torch.stack([found.last_hidden_state[row, end] for row, end in enumerate(ends)]))


def test_pictures_are_single_frames_of_as_many_clips_as_the_batch_has_frames(finished: Pretraining) -> None:
    given = finished.given()
    kept = np.load(finished.place("autoencoder").folder / latents.LATENTS)
    for share, shape in ((0.0, (4, 3)), (1.0, (12, 1))):
        settings = replace(given.recipe.denoiser, pictures=share)
        task = denoiser.Denoising(replace(given, recipe=replace(given.recipe, denoiser=settings)))
        picked_BTCHW, numbers = task.picked(draws("a test"))
        assert tuple(picked_BTCHW.shape[:2]) == shape and len(set(numbers)) == shape[0] and max(numbers) < 12
        for picked_TCHW, number in zip(picked_BTCHW.numpy(), numbers, strict=True):
            assert all((picked_CHW == kept[number]).all(axis=(1, 2, 3)).any() for picked_CHW in picked_TCHW)
        assert torch.isfinite(task.loss(draws("a test")))


def test_a_frozen_text_tower_is_that_of_the_towers_and_a_trained_one_is_not(finished: Pretraining) -> None:
    before = {name[5:]: tensor for name, tensor in weights(finished.place("towers").folder).items() if name.startswith("text.")}
    after = {name[5:]: tensor for name, tensor in weights(finished.place("denoiser").folder).items() if name.startswith("text.")}
    assert before.keys() == after.keys() and not all(torch.equal(before[name], after[name]) for name in before)
    given = finished.given()
    still = replace(given, recipe=replace(given.recipe, denoiser=replace(given.recipe.denoiser, train_text=False)))
    task = denoiser.Denoising(still)
    task.loss(draws("a test")).backward()
    assert all(parameter.grad is None for parameter in task.module.text.parameters())
    assert any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in task.module.unet.parameters())


def test_latents_are_the_scaled_means_of_every_clip_and_stay_with_the_autoencoder(finished: Pretraining) -> None:
    given = finished.given()
    kept = np.load(finished.place("autoencoder").folder / latents.LATENTS)
    vae = AutoencoderKL(**vae_config(finished.model.architecture.vae)).eval()
    vae.load_state_dict(weights(finished.place("autoencoder").folder))
    seen = clips.read(finished.recipe, finished.place("clips").folder)
    assert len(kept) == finished.recipe.clips
    for number in (0, 15):
        with torch.no_grad():
            means = vae.encode(2 * clips.shares(seen.frames_NTHW3[number]) - 1).latent_dist.mean
        expected = means * given.architecture.vae.scaling_factor
        torch.testing.assert_close(torch.from_numpy(kept[number]), expected, atol=1e-4, rtol=1e-3)


def test_latents_are_written_whole_and_a_killed_writers_draft_goes(finished: Pretraining, tmp_path: Path) -> None:
    given, folder = finished.given(), tmp_path / "autoencoder"
    shutil.copytree(finished.place("autoencoder").folder, folder)
    (folder / latents.LATENTS).rename(tmp_path / "expected.npy")
    (folder / f".{latents.LATENTS}.1").write_bytes(b"torn")
    found = latents.read(replace(given, folders={**given.folders, "autoencoder": folder}), clips.read(given.recipe, given.folders["clips"]))
    assert np.array_equal(found, np.load(tmp_path / "expected.npy"))
    assert not list(folder.glob(".*"))
