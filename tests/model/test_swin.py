"""Video Swin's features, against torchvision's own network, hand-computed sizes and itself batched otherwise."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import conv3d
from torchvision.models.video.swin_transformer import SwinTransformer3d

from vdit.config.architecture import Swin
from vdit.model.batch import Batch
from vdit.model.swin import VideoSwinFeatures, of_one_frame

TINY = Swin(embed_dim=8, depths=(1, 2, 1, 1), num_heads=(1, 2, 4, 8), window=(2, 3, 3))
SWIN_T = Swin(embed_dim=96, depths=(2, 2, 6, 2), num_heads=(3, 6, 12, 24))


@pytest.fixture(scope="module")
def swin() -> VideoSwinFeatures:
    torch.manual_seed(0)
    return VideoSwinFeatures(TINY).eval()


def batch(clips: int, frames: int, height: int, width: int) -> Batch:
    frames_BT3HW = torch.randn(clips, frames, 3, height, width, generator=torch.Generator().manual_seed(1))
    padding_BTHW = torch.zeros(clips, frames, height, width, dtype=torch.bool)
    padding_BTHW[..., height - 20 :, :] = True
    sizes_B2 = torch.tensor([[height - 20, width]] * clips)
    return Batch(frames_BT3HW, padding_BTHW, sizes_B2, ("",) * clips, (0,) * clips, None)


@pytest.mark.parametrize(("config", "parameters"), [(SWIN_T, 27_844_326), (Swin(), 87_630_792)])
def test_parameters_of_the_published_sizes(config: Swin, parameters: int) -> None:
    with torch.device("meta"):
        network = VideoSwinFeatures(config)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@torch.no_grad()
def test_levels_are_the_stages_of_torchvisions_network_before_merging(swin: VideoSwinFeatures) -> None:
    whole = SwinTransformer3d([1, 4, 4], 8, [1, 2, 1, 1], [1, 2, 4, 8], [2, 3, 3]).eval()
    whole.load_state_dict(swin.state_dict(), strict=False)
    clip = batch(2, 3, 48, 80)
    stages = []
    for index in (0, 2, 4, 6):
        whole.features[index].register_forward_hook(lambda *call: stages.append(call[2]))
    whole(clip.frames_BT3HW.transpose(1, 2))
    for map_NCHW, stage_BTHWC in zip(swin(clip).maps_BTCHW, stages, strict=True):
        torch.testing.assert_close(map_NCHW.view(2, 3, *map_NCHW.shape[1:]).permute(0, 1, 3, 4, 2), stage_BTHWC)


@torch.no_grad()
def test_sizes_are_rounded_up_and_padding_follows_them(swin: VideoSwinFeatures) -> None:
    levels = swin(batch(1, 2, 48, 80))
    assert [tuple(m.shape) for m in levels.maps_BTCHW] == [(2, 8, 12, 20), (2, 16, 6, 10), (2, 32, 3, 5), (2, 64, 2, 3)]
    assert tuple(m.shape[1] for m in levels.maps_BTCHW) == swin.widths
    # 28 of 48 rows are seen: a row of a level is padding where the pixel at its upper edge is.
    assert [int((~padding[0, :, 0]).sum()) for padding in levels.padding_BTHW] == [7, 4, 2, 2]


@torch.no_grad()
def test_clips_do_not_see_each_other_and_frames_do(swin: VideoSwinFeatures) -> None:
    clips = batch(2, 2, 32, 32)
    changed = clips.frames_BT3HW.clone()
    changed[1, 1] = 0
    before, after = swin(clips).maps_BTCHW[3], swin(replace(clips, frames_BT3HW=changed)).maps_BTCHW[3]
    assert torch.equal(before[:2], after[:2])
    assert not torch.allclose(before[2], after[2])


@torch.no_grad()
def test_what_is_seen_once_serves_every_caption(swin: VideoSwinFeatures) -> None:
    clip = batch(1, 1, 32, 32)
    seen = swin.see(clip)
    assert swin.levels(seen, replace(clip, captions=("something else",))) is seen


def test_weights_to_start_from_are_copied_and_have_to_be_complete(swin: VideoSwinFeatures) -> None:
    given = {name: torch.ones_like(parameter) for name, parameter in swin.named_parameters()}
    network = VideoSwinFeatures(TINY)
    network.start(given)
    with torch.no_grad():
        network.patch_embed.proj.weight.zero_()
    assert all((tensor == 1).all() for tensor in given.values())
    assert (network.features[0][0].norm1.weight == 1).all()
    del given["features.1.norm.weight"]
    with pytest.raises(RuntimeError, match=r"Missing key.*features\.1\.norm\.weight"):
        network.start(given)


@torch.no_grad()
def test_whole_blocks_are_skipped_in_training_only() -> None:
    torch.manual_seed(0)
    network, clip = VideoSwinFeatures(replace(TINY, stochastic_depth=0.9)), batch(1, 1, 32, 32)
    once, again = (network.eval()(clip).maps_BTCHW[3] for _ in range(2))
    assert torch.equal(once, again)
    assert any(not torch.equal(network.train()(clip).maps_BTCHW[3], once) for _ in range(5))


def test_heads_that_do_not_divide_a_stages_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"num_heads \(1, 2, 3, 8\) with embed_dim 8"):
        VideoSwinFeatures(replace(TINY, num_heads=(1, 2, 3, 8)))


def test_a_summed_patch_convolution_gives_the_same_on_a_video_that_stands_still() -> None:
    weight, still = torch.randn(5, 3, 2, 4, 4), torch.randn(1, 3, 1, 8, 8)
    expected = conv3d(still.expand(-1, -1, 2, -1, -1), weight, stride=(2, 4, 4))
    torch.testing.assert_close(conv3d(still, of_one_frame(weight), stride=(1, 4, 4)), expected, rtol=1e-4, atol=1e-4)


def test_recomputed_stages_give_the_same_gradients() -> None:
    features, found = VideoSwinFeatures(replace(TINY, stochastic_depth=0.5)).train(), []
    for recompute in (False, True):
        features.recompute = recompute
        features.zero_grad()
        with torch.random.fork_rng():
            torch.manual_seed(0)  # of stochastic depth
            sum(level.square().mean() for level in features(batch(1, 2, 64, 64)).maps_BTCHW).backward()
        found.append({name: parameter.grad.clone() for name, parameter in features.named_parameters() if parameter.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(gradient, found[1][name]) for name, gradient in found[0].items())
