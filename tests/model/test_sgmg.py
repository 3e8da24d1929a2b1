"""What is SgMg's own in the head, against transformers' pooler, attention pixel by pixel, and itself batched otherwise."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from transformers import RobertaConfig
from transformers.models.roberta.modeling_roberta import RobertaPooler

from vdit.config.model import Head
from vdit.config.train import LossWeights, MatchWeights
from vdit.model.batch import Batch, Levels, Targets, Words
from vdit.model.fusion import nearest
from vdit.model.head import SegmentationHead
from vdit.model.losses import losses, total
from vdit.model.queries import multiplied
from vdit.model.sgmg import Pooler, SentenceQueries, SpectrumGuidedFusion, WordFusion

TINY = Head(kind="sgmg", width=64, feedforward=64, heads=4, encoder_layers=1, decoder_layers=2)
CHANNELS = (16, 32, 64, 128)
SIZES = ((18, 20), (9, 10), (5, 5), (3, 3))


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def head() -> SegmentationHead:
    torch.manual_seed(0)
    head = SegmentationHead(TINY, CHANNELS, words=48).eval()
    head.queries.pooler.start(None, seed=0)
    return head


def maps(frames: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(frames, 64, *size) for size in SIZES)


def some_words(lengths: tuple[int, ...], width: int) -> tuple[Tensor, Tensor]:
    """States of sentences of these lengths, and where they are padding."""
    longest = max(lengths)
    return torch.randn(len(lengths), longest, width), torch.tensor([[place >= length for place in range(longest)] for length in lengths])


def test_the_pooler_is_the_one_of_transformers() -> None:
    theirs, ours, states_BLC = RobertaPooler(RobertaConfig(hidden_size=12)), Pooler(12), torch.randn(2, 5, 12)
    ours.start(theirs, seed=3)
    torch.testing.assert_close(ours(states_BLC), theirs(states_BLC))


def test_a_pooler_that_no_file_has_is_drawn_from_the_seed_alone() -> None:
    poolers = {}
    for name, seed in (("one", 3), ("again", 3), ("other", 4)):
        torch.rand(5)
        before, poolers[name] = torch.get_rng_state(), Pooler(64)
        poolers[name].start(None, seed)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(poolers["one"].weight, poolers["again"].weight)
    assert not torch.equal(poolers["one"].weight, poolers["other"].weight)
    assert poolers["one"].weight.std().item() == pytest.approx(0.02, rel=0.05)
    assert not poolers["one"].bias.any()


def test_the_pooler_is_saved_and_not_trained(head: SegmentationHead) -> None:
    assert {"queries.pooler.weight", "queries.pooler.bias"} <= head.state_dict().keys() - dict(head.named_parameters()).keys()


def test_all_queries_are_the_sentence_and_only_its_first_token_counts() -> None:
    queries = SentenceQueries(TINY, words=12).eval()
    queries.pooler.start(None, seed=0)
    states_BLC = torch.randn(2, 5, 12)
    found_BQC = queries(states_BLC)
    assert found_BQC.shape == (2, TINY.queries, 64)
    assert torch.equal(found_BQC, found_BQC[:, :1].expand_as(found_BQC))
    assert not torch.equal(found_BQC[0], found_BQC[1])
    states_BLC[:, 1:] = 7.0
    assert torch.equal(queries(states_BLC), found_BQC)


def test_a_pixel_meets_the_words_of_its_own_clip_wherever_it_is() -> None:
    fusion, map_NCHW = WordFusion(TINY), torch.randn(2 * 3, 64, 2, 4)
    words_BLC, padding_BL = some_words((5, 3), 64)
    with torch.no_grad():
        found = fusion(map_NCHW, words_BLC, padding_BL)
        for frame, y, x in ((0, 0, 0), (2, 1, 3), (3, 0, 2), (5, 1, 1)):
            clip, length = frame // 3, 5 if frame < 3 else 3
            words, padding = words_BLC[[clip], :length], padding_BL[[clip], :length]
            alone = multiplied(fusion.attention, map_NCHW[None, [frame], :, y, x], words, padding)
            torch.testing.assert_close(found[frame, :, y, x], alone[0, 0])


def test_every_level_has_filters_of_its_own_before_and_after_the_words() -> None:
    fusion, before = SpectrumGuidedFusion(TINY), maps(2)
    words_BLC, padding_BL = some_words((4,), 64)
    with torch.no_grad():
        looked = fusion.look(before)
        after = fusion(looked, words_BLC, padding_BL)
        gaussians = fusion.gaussians(before)
        for level, map_NCHW in enumerate(before):
            assert torch.equal(looked[level], fusion.before[level](map_NCHW, gaussians[level]))
            worded = fusion.words(looked[level], words_BLC, padding_BL)
            assert torch.equal(after[level], fusion.after[level](worded, gaussians[level]))
    assert not torch.equal(fusion.before[0].mix[0].weight, fusion.after[0].mix[0].weight)


def two_clips() -> tuple[Levels, Words, Batch]:
    """Two different clips of 2 frames, 144x160, the second with 4 of 6 words and 130x150 valid pixels."""
    padding_BTHW = torch.zeros(2, 2, 144, 160, dtype=torch.bool)
    padding_BTHW[1, :, 130:] = padding_BTHW[1, :, :, 150:] = True
    sides = ((36, 40), *SIZES[:3])
    pyramid = tuple(torch.randn(4, channels, *side) for channels, side in zip(CHANNELS, sides, strict=True))
    padding = tuple(nearest(padding_BTHW.flatten(0, 1), side) for side in sides)
    masks_BTHW = torch.zeros(2, 2, 144, 160, dtype=torch.bool)
    masks_BTHW[:, :, 20:60, 30:90] = True
    targets = Targets(masks_BTHW, torch.tensor([0.4, 0.3, 0.4, 0.3]).expand(2, 2, 4), torch.ones(2, 2, dtype=torch.bool))
    sizes_B2 = torch.tensor([[144, 160], [130, 150]])
    batch = Batch(torch.zeros(2, 2, 3, 144, 160), padding_BTHW, sizes_B2, ("", ""), (0, 0), targets)
    return Levels(pyramid, padding), Words(*some_words((6, 4), 48)), batch


def clips(levels: Levels, words: Words, batch: Batch) -> Iterator[tuple[Levels, Words, Batch]]:
    for clip in range(2):
        keep, frames = slice(clip, clip + 1), slice(2 * clip, 2 * clip + 2)
        alone = replace(
            batch, frames_BT3HW=batch.frames_BT3HW[keep], padding_BTHW=batch.padding_BTHW[keep], sizes_B2=batch.sizes_B2[keep], targets=None
        )
        few = Levels(tuple(m[frames] for m in levels.maps_BTCHW), tuple(p[frames] for p in levels.padding_BTHW))
        yield few, Words(words.states_BLC[keep], words.padding_BL[keep]), alone


def test_a_clip_comes_out_the_same_alone_and_in_a_batch(head: SegmentationHead) -> None:
    levels, words, batch = two_clips()
    with torch.no_grad():
        together = head.predict(head.look(levels, batch), words, batch, "all").masks_BTQHW
        for clip, (few, its, alone) in enumerate(clips(levels, words, batch)):
            single = head.predict(head.look(few, alone), its, alone, "all").masks_BTQHW
            torch.testing.assert_close(together[clip], single[0], rtol=1e-4, atol=1e-4 * single.abs().max().item())


def test_a_look_serves_many_sentences_and_each_changes_the_mask(head: SegmentationHead) -> None:
    levels, words, batch = two_clips()
    other = replace(words, states_BLC=words.states_BLC.flip(0))
    with torch.no_grad():
        looked = head.look(levels, batch)
        first, second = (head.predict(looked, said, batch, "best").masks_BTQHW for said in (words, other))
        fresh = head.predict(head.look(levels, batch), other, batch, "best").masks_BTQHW
    assert torch.equal(second, fresh)
    assert not torch.allclose(first, second)


def test_words_that_are_padding_do_not_change_the_result(head: SegmentationHead) -> None:
    levels, words, batch = two_clips()
    states_BLC = words.states_BLC.clone()
    states_BLC[1, 4:] = 7.0
    with torch.no_grad():
        first, second = (
            head.predict(head.look(levels, batch), replace(words, states_BLC=states), batch, "all").masks_BTQHW
            for states in (words.states_BLC, states_BLC)
        )
    assert torch.equal(first, second)


def test_under_autocast_a_step_is_near_the_float32_one(head: SegmentationHead) -> None:
    levels, words, batch = two_clips()
    assert batch.targets is not None
    found = []
    for enabled in (False, True):
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
            terms = losses(head(levels, words, batch, MatchWeights()), batch.targets, LossWeights(), 4.0)
        assert {term.dtype for term in terms.values()} == {torch.float32}
        found.append(float(total(terms, LossWeights())))
    assert found[1] == pytest.approx(found[0], rel=0.02)


def test_frames_that_are_too_small_are_refused_before_anything_is_computed(head: SegmentationHead) -> None:
    _, _, batch = two_clips()
    small = replace(batch, padding_BTHW=batch.padding_BTHW[:, :, :128])
    with pytest.raises(ValueError, match=r"frames are 128x160 pixels; head\.kind sgmg needs both sides above 128"):
        head.look(Levels((), ()), small)
