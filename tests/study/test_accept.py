"""Oracles: results put there by hand under the code of before; the plan itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vdit.config.trial import to_json
from vdit.study import accept, plan, spec

HEAD = "study: demo\npreset: small\n"
ARMS = "reference: VD-IT\nseeds: [0, 1]\narms: {VD-T: {prompt: text}, VD-IT: {}}\n"
OLD, NEW, NEWER = "a" * 64, "b" * 64, "c" * 64
Write = Callable[[str], Path]
RUNS = Path("runs")


@pytest.fixture
def at(write: Write, monkeypatch: pytest.MonkeyPatch) -> Callable[..., plan.Plan]:
    """The plan of the study with the code of a digest, as `vdit plan` makes it."""

    def at(digest: str, text: str = ARMS, **given: str) -> plan.Plan:
        write(HEAD + text)
        monkeypatch.setattr(plan, "code_digest", lambda packages, manifests: digest)
        return plan.build(spec.read("demo"), RUNS, **given)

    return at


def finish(planned: plan.PlannedTrial, **changed: Any) -> None:
    """The folder of a finished trial."""
    folder = RUNS / "trials" / planned.folder
    folder.mkdir(parents=True)
    config = {"key": planned.key, "code": planned.code, "data": planned.data, "weights": planned.weights}
    (folder / "config.json").write_text(json.dumps({**config, "trial": json.loads(to_json(planned.trial)), **changed}))
    (folder / "result.json").write_text('{"seconds": 1}')


def keep(made: plan.Plan) -> None:
    """As `vdit run` leaves it."""
    file = RUNS / "studies" / "demo" / "plan.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(made.document()))


def test_results_of_the_named_code_stand_under_their_own_key(at: Callable[..., plan.Plan]) -> None:
    before = at(OLD)
    for planned in before.trials[:3]:
        finish(planned)
    assert not any(planned.done for planned in at(NEW).trials)
    made = at(NEW, accept=OLD[:8])
    assert [(planned.key, planned.code, planned.done) for planned in made.trials[:3]] == [(t.key, OLD, True) for t in before.trials[:3]]
    assert (made.trials[3].code, made.trials[3].done) == (NEW, False)
    assert made.older == made.trials[:3] and made.code == NEW
    assert made.missing == made.trials[3:]


def test_a_plan_remembers_what_the_last_run_accepted_until_the_code_moves_again(at: Callable[..., plan.Plan]) -> None:
    for planned in at(OLD).trials:
        finish(planned)
    keep(at(NEW, accept=OLD))
    assert len(at(NEW).older) == 4
    assert at(NEWER).accepted == {} and not any(planned.done for planned in at(NEWER).trials)


def test_an_acceptance_outlives_a_run_of_an_edited_study(at: Callable[..., plan.Plan]) -> None:
    for planned in at(OLD).trials:
        finish(planned)
    keep(at(NEW, accept=OLD))
    keep(at(NEW, ARMS + "train: {max_steps: 3}\n"))
    assert at(NEW, ARMS + "train: {max_steps: 3}\n").older == ()
    assert len(at(NEW).older) == 4


def test_what_was_accepted_for_a_code_is_accepted_with_that_code(at: Callable[..., plan.Plan]) -> None:
    for planned in at(OLD).trials:
        finish(planned)
    for planned in at(NEW, accept=OLD).older:
        (RUNS / "trials" / planned.folder / accept.RECORD).write_text(json.dumps([{"code": NEW, "study": "demo"}]))
    made = at(NEWER, accept=NEW)
    assert [planned.code for planned in made.trials] == [OLD] * 4


def test_a_result_of_the_code_of_today_goes_before_an_accepted_one(at: Callable[..., plan.Plan]) -> None:
    finish(at(OLD).trials[0])
    finish(at(NEW).trials[0])
    assert at(NEW, accept=OLD).older == ()


def test_other_data_or_settings_are_never_accepted(at: Callable[..., plan.Plan]) -> None:
    first, second, third, fourth = at(OLD).trials
    finish(first, data="other")
    finish(second, weights="other")
    trial = json.loads(to_json(third.trial))
    finish(third, trial={**trial, "train": {**trial["train"], "batch": 2 * trial["train"]["batch"]}})
    finish(fourth)
    assert [planned.key for planned in at(NEW, accept=OLD).older] == [fourth.key]


def test_a_field_that_is_new_in_the_code_of_today_has_its_default_in_older_results(at: Callable[..., plan.Plan]) -> None:
    first, second, third, _ = at(OLD).trials
    without = json.loads(to_json(first.trial))
    del without["evaluate"]["threshold"]
    finish(first, trial=without, key="0" * 64)  # the older code, which had no such field, gave another key
    (RUNS / "trials" / first.folder).rename(RUNS / "trials" / ("0" * 16))
    unknown = json.loads(to_json(second.trial))
    finish(second, trial={**unknown, "train": {**unknown["train"], "gone": 1}})
    finish(third)
    made = at(NEW, accept=OLD)
    assert [(planned.key, planned.trial) for planned in made.older] == [("0" * 64, first.trial), (third.key, third.trial)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("aaaa", "--accept aaaa: expected 8 to 64 hex digits"),
        ("A" * 8, f"--accept {'A' * 8}: expected 8 to 64 hex digits"),
        ("b" * 12, f"--accept {'b' * 12}: that is the code of today"),
        ("d" * 8, f"--accept {'d' * 8}: no result here is of that code; of other code than today's: {'a' * 12}, {'e' * 12}, {'e' * 12}"),
        ("e" * 8, f"--accept {'e' * 8}: several codes begin so; of other code than today's: {'e' * 12}, {'e' * 12}"),
    ],
)
def test_a_code_that_means_nothing_is_refused(at: Callable[..., plan.Plan], given: str, said: str) -> None:
    first, second, third, _ = at(OLD).trials
    finish(first)
    finish(second, code="e" * 64)
    finish(third, code="e" * 63 + "f")
    with pytest.raises(ValueError) as error:
        at(NEW, accept=given)
    assert str(error.value).startswith(said)


def test_a_damaged_plan_is_named_with_the_remedy(at: Callable[..., plan.Plan]) -> None:
    keep(at(OLD))
    (RUNS / "studies" / "demo" / "plan.json").write_text('{"study": ')
    with pytest.raises(ValueError, match=r"runs/studies/demo/plan\.json: .*; remove it, then `vdit run demo` writes it again"):
        at(OLD)
