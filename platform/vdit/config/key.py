"""The identity of a trial: SHA-256 over everything that decides what it computes."""

from dataclasses import fields
from functools import lru_cache
from hashlib import sha256

from vdit.config.canonical import Memo, canonical
from vdit.config.data import Data
from vdit.config.trial import Trial

# The arm is only a name and `launch` only says where; the miniature world is part of the data's digest, and no other benchmark reads it.
_OF_THE_TRIAL = tuple(field.name for field in fields(Trial) if field.name not in ("arm", "launch"))
_OF_THE_DATA = tuple(field.name for field in fields(Data) if field.name != "world")
_SORTED = tuple(sorted(_OF_THE_TRIAL))
_DIGESTS = {f"config.{name}": name for name in _OF_THE_TRIAL if name != "seed"}


def trial_key(trial: Trial, data_digest: str, weights_digest: str, code_digest: str, memo: Memo | None = None) -> str:
    """64 hex digits; equal for trials that compute the same, however they are named and wherever they run.

    `memo` may be handed from call to call to make many keys fast; it never changes the result.
    """
    config = ",".join([f'"{name}":{_text(trial, name, memo)}' for name in _SORTED])
    data, weights, code = canonical(data_digest), canonical(weights_digest), canonical(code_digest)
    # The canonical JSON of a mapping, put together of texts.
    whole = f'{{"code":{code},"config":{{{config}}},"data":{data},"weights":{weights}}}'
    return sha256(whole.encode()).hexdigest()


def folder_name(key: str) -> str:
    """The trial's folder below runs/trials: 64 bits of the key, short enough for any file system."""
    return key[:16]


def section_digests(trial: Trial, memo: Memo) -> dict[str, str]:
    """16 hex digits for each section of the configuration, to say which one moved; the key itself is over all of them and the seed.

    `memo` as for `trial_key`.
    """
    return {name: _short(_text(trial, section, memo)) for name, section in _DIGESTS.items()}


def _text(trial: Trial, name: str, memo: Memo | None) -> str:
    """Of one of `_OF_THE_TRIAL`; that of the data is remembered without the world, beside the whole."""
    section = getattr(trial, name)
    if name != "data":
        return canonical(section, memo)
    place = ("data without its world", id(section))
    if memo and (known := memo.get(place)):
        return known[1]
    text = canonical(data_section(trial), memo)
    if memo is not None:
        memo[place] = (section, text)
    return text


@lru_cache(maxsize=64)
def _short(text: str) -> str:
    """Most sections are those of the trial before."""
    return sha256(text.encode()).hexdigest()[:16]


def data_section(trial: Trial) -> dict[str, object]:
    """What of the configuration of the data is part of an identity."""
    return {name: getattr(trial.data, name) for name in _OF_THE_DATA}
