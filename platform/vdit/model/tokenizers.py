"""Tokenizers of the miniature, trained on its world's sentences: CLIP's kind for the prompt and RoBERTa's for the queries (interface.md).

Both are byte-level, so that any text tokenises; the published vocabularies would be ten times the size of all other miniature weights.
"""

import json
from itertools import product

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer, RobertaTokenizer

COLOURS = ("red", "green", "blue", "yellow", "purple", "white", "orange", "cyan")
SHAPES = ("circle", "bar", "pillar", "cross", "slash", "ring")
PLACES = (
    *(f"moving {way}" for way in ("left", "right", "up", "down")),
    *("standing still", "that stays still", "that does not move", "in the middle", "in the background"),
    *("on the left", "on the right", "on top", "at the top", "at the bottom", "of the picture"),
)
SENTENCES = (
    *(f"a {colour} {shape} {place}" for colour, shape, place in product(COLOURS, SHAPES, PLACES)),
    *(
        f"the {size} {thing} {place}"
        for size, thing, place in product(("large", "small", "big", "tiny"), ("object", "shape", *SHAPES), PLACES)
    ),
    *(f"{one} and {other}" for one, other in product(COLOURS, COLOURS)),
)


def clip_style(vocabulary: int, positions: int, pad_token: str) -> CLIPTokenizer:
    """At most `vocabulary` tokens; "!" is the first, start and end of a text are the last two."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    symbols = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges = trained_merges(pre_tokenizers.WhitespaceSplit(), "</w>", room(vocabulary, len(symbols) + 2))
    known = numbered([*symbols, *("".join(pair) for pair in merges), "<|startoftext|>", "<|endoftext|>"])
    return CLIPTokenizer(vocab=known, merges=merges, pad_token=pad_token, model_max_length=positions)


def roberta_style(vocabulary: int) -> RobertaTokenizer:
    """At most `vocabulary` tokens, special ones at RoBERTa's places (padding is 1). A word behind a space differs from one at the start."""
    special, letters = ["<s>", "<pad>", "</s>", "<unk>"], sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = trained_merges(pre_tokenizers.ByteLevel(add_prefix_space=False), "", room(vocabulary, len(special) + len(letters) + 1))
    known = numbered([*special, *letters, *("".join(pair) for pair in merges), "<mask>"])
    return RobertaTokenizer(vocab=known, merges=merges)


def room(vocabulary: int, taken: int) -> int:
    """Tokens left for merges; raises ValueError where not even single bytes fit."""
    if vocabulary < taken:
        raise ValueError(f"vocab_size is {vocabulary}; single bytes and special tokens alone are {taken}, and every text has to tokenise")
    return vocabulary - taken


def trained_merges(split: pre_tokenizers.PreTokenizer, suffix: str, count: int) -> list[tuple[str, str]]:
    """The first `count` merges of byte-pair encoding on the world's sentences; `suffix` marks the end of a word."""
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=suffix))
    tokenizer.pre_tokenizer = split
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # Pairs that are equally frequent are merged in the order of their letters' numbers, which letters with a suffix would otherwise get in
    # the order of a hash table: another one in each process.
    ends = [f"{letter}{suffix}" for letter in alphabet] if suffix else []
    trainer = trainers.BpeTrainer(
        vocab_size=10_000, special_tokens=ends, initial_alphabet=alphabet, end_of_word_suffix=suffix, show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return [(first, second) for first, second in json.loads(tokenizer.to_str())["model"]["merges"][:count]]


def numbered(tokens: list[str]) -> dict[str, int]:
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}
