"""Oracle: every field of a trial, changed one at a time."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from hashlib import sha256
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from pydantic import ValidationError

from vdit.config.canonical import Memo
from vdit.config.key import folder_name, section_digests, trial_key
from vdit.config.trial import Launch, Trial, adapter, from_json, to_json

# Where one more would be too much.
OTHER = {
    ("model", "pyramid", "taps"): ["in"],
    ("data", "world", "camera"): 0.1,
    ("data", "world", "lighting"): 0.1,
    ("evaluate", "pad"): 24,
}


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for field in fields(value):
        here = (*path, field.name)
        inner = getattr(value, field.name)
        yield from leaves(inner, here) if is_dataclass(inner) else [here]


def changed(path: tuple[str, ...]) -> Trial:
    """The default trial with one leaf changed to another valid value."""
    whole = json.loads(to_json(Trial(arm="a")))
    inner, kind = whole, Trial
    for name in path[:-1]:
        inner, kind = inner[name], get_type_hints(kind)[name]
    old = inner[path[-1]]
    choices = get_args(get_type_hints(kind)[path[-1]]) if get_origin(get_type_hints(kind)[path[-1]]) is Literal else ()
    inner[path[-1]] = OTHER.get(path) or next((choice for choice in choices if choice != old), None) or other(old)
    trial = from_json(json.dumps(whole))
    assert trial != Trial(arm="a")
    return trial


def other(old: Any) -> Any:
    if isinstance(old, bool):
        return not old
    if isinstance(old, list):
        return [value + 1 for value in old]
    return f"{old}x" if isinstance(old, str) else old + 1


def key(trial: Trial) -> str:
    return trial_key(trial, "data", "weights", "code")


ALL = list(leaves(Trial(arm="a")))
EXCLUDED = [path for path in ALL if path[0] in ("arm", "launch") or path[:2] == ("data", "world")]


@pytest.mark.parametrize("path", [path for path in ALL if path not in EXCLUDED], ids=".".join)
def test_every_field_that_decides_what_is_computed_changes_the_key(path: tuple[str, ...]) -> None:
    assert key(changed(path)) != key(Trial(arm="a"))


@pytest.mark.parametrize("path", EXCLUDED, ids=".".join)
def test_names_places_and_the_world_that_the_data_digest_covers_do_not(path: tuple[str, ...]) -> None:
    assert key(changed(path)) == key(Trial(arm="a"))


def test_the_fields_are_those_that_this_test_means() -> None:
    assert len(ALL) > 80
    assert {path[0] for path in EXCLUDED} == {"arm", "launch", "data"}
    assert sum(path[0] == "launch" for path in EXCLUDED) == len(fields(Launch))


def test_data_weights_and_code_change_the_key_and_cannot_stand_for_one_another() -> None:
    trial = Trial(arm="a")
    keys = {trial_key(trial, *digests) for digests in [("a", "b", "c"), ("b", "a", "c"), ("a", "c", "b"), ("x", "b", "c")]}
    assert len(keys) == 4


def test_the_key_is_the_hash_of_the_documented_json() -> None:
    trial = Trial(arm="a")
    config = adapter().dump_python(trial, mode="json")
    del config["arm"], config["launch"], config["data"]["world"]
    text = json.dumps({"config": config, "data": "d", "weights": "w", "code": "c"}, sort_keys=True, separators=(",", ":"))
    assert trial_key(trial, "d", "w", "c") == sha256(text.encode()).hexdigest()


def test_the_memory_and_a_way_through_json_leave_the_key_alone() -> None:
    memo: Memo = {}
    for seed in (0, 1, 0):
        trial = replace(Trial(arm="a"), seed=seed)
        assert trial_key(trial, "d", "w", "c", memo) == trial_key(from_json(to_json(trial)), "d", "w", "c")


@pytest.mark.parametrize("path", [path for path in ALL if path != ("seed",)], ids=".".join)
def test_the_digest_that_moves_is_that_of_the_fields_section(path: tuple[str, ...]) -> None:
    before, after = section_digests(Trial(arm="a"), {}), section_digests(changed(path), {})
    assert {name for name in before if before[name] != after[name]} == (set() if path in EXCLUDED else {f"config.{path[0]}"})


def test_every_pair_of_changed_trials_has_two_keys() -> None:
    keys = [key(changed(path)) for path in ALL if path not in EXCLUDED]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, [1]])
def test_a_value_of_another_type_is_no_trial(value: object) -> None:
    """What YAML or JSON may bring where a whole number stands: none of it is taken for 1."""
    whole = json.loads(to_json(Trial(arm="a", seed=1)))
    with pytest.raises(ValidationError):
        from_json(json.dumps({**whole, "seed": value}))
    with pytest.raises(ValidationError):
        replace(Trial(arm="a", seed=1), seed=value)  # type: ignore[arg-type]


def test_a_folder_name_is_the_first_64_bits() -> None:
    assert folder_name("0123456789abcdef" + "f" * 48) == "0123456789abcdef"
