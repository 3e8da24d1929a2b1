"""Oracle: an edit of which we know what it does to each trial."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vdit.study import edit, plan, spec

HEAD = "study: demo\npreset: small\n"
ARMS = "reference: VD-IT\nseeds: [0, 1]\narms: {VD-IT: {}, VD-T: {prompt: text}}\n"
Write = Callable[[str], Path]
Moves = Callable[[str], list[tuple[str, int, str, tuple[str, ...]]]]


def build(write: Write, text: str, **given: bool) -> plan.Plan:
    write(HEAD + text)
    return plan.build(spec.read("demo"), Path("runs"), **given)


@pytest.fixture
def moves(write: Write) -> Moves:
    """Arm, seed, fate and the names of what moved, from `ARMS` to a text."""

    def moves(text: str) -> list[tuple[str, int, str, tuple[str, ...]]]:
        before = through_json(build(write, ARMS))
        found = edit.changes(before, build(write, text))
        assert found is not None
        return [(change.arm, change.seed, change.fate, tuple(name for name, _, _ in change.moved)) for change in found]

    return moves


def through_json(made: plan.Plan) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(made.document()))
    return document


def test_nothing_moved_when_nothing_was_edited(moves: Moves) -> None:
    assert moves(ARMS) == [(arm, seed, "kept", ()) for seed in (0, 1) for arm in ("VD-IT", "VD-T")]


def test_what_only_says_where_keeps_everything(moves: Moves) -> None:
    assert {fate for _, _, fate, _ in moves(ARMS + "launch: {workers: 2, checkpoint_every: 7}\n")} == {"kept"}


@pytest.mark.parametrize(
    ("edited", "moved"),
    [
        ("train: {max_steps: 3}", ("config.train",)),
        ("evaluate: {threshold: 0.4}", ("config.evaluate",)),
        ("model: {head: {queries: 4}}", ("config.model",)),
        ("data: {frames: 3}", ("config.data",)),
        ("data: {world: {seed: 1}}", ("data",)),
        ("model: {backbone: {seed: 1}}", ("config.model", "weights")),
        ("data: {seed: 1}\ntrain: {max_steps: 3}", ("config.data", "config.train")),
    ],
)
def test_an_edit_of_a_section_invalidates_every_trial_and_names_the_digest(moves: Moves, edited: str, moved: tuple[str, ...]) -> None:
    found = moves(f"{ARMS}{edited}\n")
    assert {(fate, tuple(sorted(names))) for _, _, fate, names in found} == {("invalidated", moved)}
    assert len(found) == 4


def test_an_edit_of_an_arm_leaves_the_others(moves: Moves) -> None:
    found = moves(ARMS.replace("prompt: text", "prompt: image"))
    assert found[::2] == [("VD-IT", 0, "kept", ()), ("VD-IT", 1, "kept", ())]
    assert found[1::2] == [("VD-T", 0, "invalidated", ("config.model",)), ("VD-T", 1, "invalidated", ("config.model",))]


def test_arms_and_seeds_come_and_go(moves: Moves) -> None:
    found = moves("reference: VD-IT\nseeds: [1, 2]\narms: {VD-IT: {}, VD-I: {prompt: image}}\n")
    assert {(arm, seed): fate for arm, seed, fate, _ in found} == {
        ("VD-IT", 1): "kept", ("VD-IT", 2): "added", ("VD-I", 1): "added", ("VD-I", 2): "added",
        ("VD-IT", 0): "dropped", ("VD-T", 0): "dropped", ("VD-T", 1): "dropped",
    }  # fmt: skip


def test_another_name_for_the_same_trial_changes_nothing(moves: Moves) -> None:
    found = moves("reference: VD-IT\nseeds: [0, 1]\narms: {VD-IT: {}, words alone: {prompt: text}, twin: {noise: predicted}}\n")
    assert {(arm, fate) for arm, _, fate, _ in found} == {("VD-IT", "kept"), ("words alone", "kept"), ("twin", "kept")}


def test_a_change_of_code_is_told_with_both_digests_and_the_way_to_keep_the_results(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "code_digest", lambda packages, manifests: "a" * 64)
    before = through_json(build(write, ARMS))
    monkeypatch.setattr(plan, "code_digest", lambda packages, manifests: "b" * 64)
    found = edit.changes(before, build(write, ARMS + "train: {max_steps: 3}\n"))
    assert found is not None
    (_, line) = edit.describe(found)
    assert line.startswith("  invalidated: VD-IT (seed 0, 1); VD-T (seed 0, 1): config.train ")
    assert f"code {'a' * 12} -> {'b' * 12}; if the change of code does not affect them, --accept {'a' * 12} keeps them" in line


def test_people_read_counts_and_groups_and_nothing_where_nothing_happened(write: Write) -> None:
    before = through_json(build(write, ARMS))
    assert edit.describe(edit.changes(before, build(write, ARMS)) or ()) == []
    grid = "design: grid\nreference: VD-IT\narms: {VD-IT: {frames: 2}}\naxes: {timestep: [1, 2, 3, 4, 5, 6, 7, 8]}\n"
    head, *lines = edit.describe(edit.changes(before, build(write, grid)) or ())
    assert head == "Since the last run: 8 added, 1 invalidated, 3 dropped"
    assert lines[0].startswith("  invalidated: VD-IT (seed 0): config.data ") and "--accept" not in lines[0]
    shown = "; ".join(f"timestep={step} (seed 0)" for step in range(1, 7))
    assert lines[1:] == [f"  added: {shown}; 2 more arms", "  dropped: VD-T (seed 0, 1); VD-IT (seed 1)"]


def test_levels_that_a_group_does_not_have_in_common_are_not_printed_as_if_they_were(write: Write) -> None:
    before = through_json(build(write, ARMS))
    (_, line) = edit.describe(edit.changes(before, build(write, ARMS + "model: {head: {queries: 4}}\n")) or ())
    assert line.endswith("config.model (differently)")


def test_the_first_run_older_files_and_provisional_keys_are_compared_with_nothing(write: Write) -> None:
    made = build(write, ARMS)
    assert edit.changes(None, made) is None and edit.document(None) is None
    older = through_json(made)
    del older["trials"][0]["digests"]
    assert edit.changes(older, made) is None
    elsewhere = "arms: {a: {}}\ndata: {benchmark: ref_youtube_vos}\n"
    assert edit.changes(through_json(made), build(write, elsewhere, provisional=True)) is None


def test_the_json_has_every_point_with_before_and_now(write: Write) -> None:
    before = through_json(build(write, ARMS))
    after = build(write, ARMS + "train: {epochs: 1}\n")
    rows = edit.document(edit.changes(before, after))
    assert rows is not None and json.loads(json.dumps(rows)) == rows
    old, new = before["trials"][0]["digests"], after.document()["trials"][0]["digests"]
    moved = {"config.train": [old["config.train"], new["config.train"]]}
    assert rows[0] == {"arm": "VD-IT", "seed": 0, "fate": "invalidated", "moved": moved}
    assert len(rows) == 4
