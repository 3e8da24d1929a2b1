"""The miniature's tokenizers: of the same sentences the same, whatever the order of a hash table; every word of the world a token."""

import pytest
from tokenizers import pre_tokenizers

from vdit.benchmarks.world.captions import VALUES
from vdit.benchmarks.world.sentences import MOTION_PHRASE, PLACE_PHRASE
from vdit.model.tokenizers import clip_style, roberta_style, trained_merges

WORDS = sorted(
    {word for phrases in (*VALUES.values(), MOTION_PHRASE.values(), PLACE_PHRASE.values()) for text in phrases for word in text.split()}
)


@pytest.mark.parametrize(("split", "suffix"), [
    (pre_tokenizers.WhitespaceSplit(), "</w>"),
    (pre_tokenizers.ByteLevel(add_prefix_space=False), ""),
])  # fmt: skip
def test_ties_are_broken_the_same_way_each_time(split: pre_tokenizers.PreTokenizer, suffix: str) -> None:
    """The library counts pairs in hash tables with new seeds each time; where ties hung on them, four trainings of five agreed."""
    assert len({tuple(trained_merges(split, suffix, 10_000)) for _ in range(60)}) == 1


def test_a_word_of_the_world_is_one_token() -> None:
    clip, roberta = clip_style(1024, 24, "!"), roberta_style(1024)
    assert {word: len(clip(word, add_special_tokens=False).input_ids) for word in WORDS} == dict.fromkeys(WORDS, 1)
    assert {word: len(roberta(f" {word}", add_special_tokens=False).input_ids) for word in WORDS} == dict.fromkeys(WORDS, 1)
