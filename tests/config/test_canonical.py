"""Oracles: texts written by hand, and the standard library's own sorted JSON."""

import json
from dataclasses import asdict
from random import Random

import pytest

from vdit.config.canonical import Memo, canonical, digest
from vdit.config.model import Model
from vdit.config.trial import Trial


def test_the_text_is_the_one_written_by_hand() -> None:
    assert canonical({"b": [1, 1.0, "1", None, True], "a": {}}) == '{"a":{},"b":[1,1.0,"1",null,true]}'


@pytest.mark.parametrize("left", [None, True, False, 0, 1, 1.0, "1", "None", "null", "true", "", [], {}, [1], ["1"], {"1": 1}])
def test_values_that_python_or_a_reader_may_take_for_one_another_keep_different_texts(left: object) -> None:
    others = [None, True, False, 0, 1, 1.0, "1", "None", "null", "true", "", [], {}, [1], ["1"], {"1": 1}]
    same = [other for other in others if canonical(other) == canonical(left)]
    assert len(same) == 1 and type(same[0]) is type(left)


def test_the_order_of_keys_does_not_matter_and_the_order_of_items_does() -> None:
    assert canonical({"x": 1, "y": {"b": 2, "a": 3}}) == canonical({"y": {"a": 3, "b": 2}, "x": 1})
    assert canonical([1, 2]) != canonical([2, 1])


def test_a_dataclass_is_the_sorted_json_of_its_fields_with_and_without_memory() -> None:
    trial = Trial(arm='ä " \\ \n')
    expected = json.dumps(asdict(trial), sort_keys=True, separators=(",", ":"))
    memo: Memo = {}
    assert canonical(trial) == canonical(trial, memo) == canonical(trial, memo) == expected


def test_the_memory_never_answers_for_another_object() -> None:
    memo: Memo = {}
    for width in range(500):
        # Without the memory's hold on the first model, the next could be made at its address.
        model = Model(pyramid=type(Model().pyramid)(width=width + 1))
        assert f'"width":{width + 1}' in canonical(model, memo)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), {1, 2}, {1: "a"}, b"1", object(), Trial])
def test_what_json_has_no_word_for_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical({"deep": [value]})


def test_a_digest_is_64_hex_digits_of_the_text() -> None:
    assert digest({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


LOOKALIKES = (None, True, False, 0, 1, -1, 1.0, 0.5, "", "1", "1.0", "None", "null", "true", "True", "[1]", '"', "\\", "a,b", 'a":1,"b')


def drawn(random: Random, depth: int) -> object:
    """A value of nested lists and mappings, of leaves that are easily taken for one another."""
    kind = random.random()
    if depth == 0 or kind < 0.5:
        return random.choice(LOOKALIKES)
    if kind < 0.75:
        return [drawn(random, depth - 1) for _ in range(random.randrange(3))]
    return {random.choice(("a", "b", "1", "a,b", 'a":1,"b')): drawn(random, depth - 1) for _ in range(random.randrange(3))}


def typed(value: object) -> object:
    """Equal only for values of the same types throughout, in which True == 1 == 1.0 does not hold."""
    if isinstance(value, list):
        return "list", tuple(typed(item) for item in value)
    if isinstance(value, dict):
        return "mapping", frozenset((key, typed(item)) for key, item in value.items())
    return type(value).__name__, value


def test_texts_are_equal_exactly_where_values_and_their_types_are() -> None:
    random = Random(0)
    values = [drawn(random, 3) for _ in range(5000)]
    of_text: dict[str, object] = {}
    of_value: dict[object, str] = {}
    for value in values:
        text = canonical(value)
        assert of_text.setdefault(text, typed(value)) == typed(value)
        assert of_value.setdefault(typed(value), text) == text
        assert json.loads(text) == value
    assert len(of_text) > 1000
