"""Oracle: there and back again, for every rule and every key of the recorded checkpoint."""

import pytest

from vdit.model import released, released_head, released_sgmg
from vdit.model.released import renamed
from vdit.weights.names import backwards
from vdit.weights.trained import RELEASED


@pytest.mark.parametrize(
    ("rules", "key", "name"),
    [
        (((r"layers\.(\d+)\.norm1\.(.+)", r"layer.\1.first.\2"),), "layers.12.norm1.weight", "layer.12.first.weight"),
        (((r"transformer\.(encoder|decoder)\.(.+)", r"\1.\2"),), "transformer.decoder.x.y", "decoder.x.y"),
        (((r"query_tensors", r"queries.queries_QC"),), "query_tensors", "queries.queries_QC"),
    ],
)
def test_a_rule_leads_back(rules: tuple[tuple[str, str], ...], key: str, name: str) -> None:
    assert renamed(key, rules) == name
    assert renamed(name, backwards(rules)) == key


def test_a_dot_stays_a_dot() -> None:
    assert renamed("aXb", backwards(((r"c\.d", r"a.b"),))) is None


def test_what_a_key_may_lack_is_left_out() -> None:
    rules = ((r"(?:transformer\.decoder\.)?bbox_embed\.(.+)", r"decoder.boxes.\1"),)
    assert renamed("decoder.boxes.0.bias", backwards(rules)) == "bbox_embed.0.bias"


def test_no_two_rules_of_a_released_model_lead_back_to_one_key() -> None:
    for rules in (released.TRAINED, released_head.RENAMED, released_sgmg.HEAD, released_sgmg.SWIN):
        assert len({key for _, key in backwards(rules)}) == len(rules)


@pytest.mark.parametrize(("kind", "fixture", "count"), [("vd-it", "recorded", 263), ("sgmg", "recorded_sgmg", 413)])
def test_every_key_of_a_released_model_is_found_again(request: pytest.FixtureRequest, kind: str, fixture: str, count: int) -> None:
    model, state = RELEASED[kind], request.getfixturevalue(fixture)
    keys = [key for key in state if model.reason(key) is None]
    assert len(keys) == count
    assert [model.key(model.name(key) or "") for key in keys] == keys
