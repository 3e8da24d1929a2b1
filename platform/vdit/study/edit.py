"""What has become of a study since its last run: trials kept, added, invalidated and dropped, and the digest that moved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vdit.config.canonical import Memo
from vdit.study.plan import ABSENT, Plan, PlannedTrial
from vdit.study.start import UNKNOWN

Fate = Literal["kept", "added", "invalidated", "dropped"]
SHOWN = 6


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to an arm and seed. `moved` has, where it is invalidated, each digest that moved: name, before, now."""

    arm: str
    seed: int
    fate: Fate
    moved: tuple[tuple[str, str, str], ...]


def changes(last: Mapping[str, Any] | None, plan: Plan) -> tuple[Change, ...] | None:
    """Against plan.json of the last run. None where there is none, where an older version wrote it, or where keys are provisional.

    A trial that only has another arm's name now is kept.
    """
    if last is None or not all("digests" in row for row in last["trials"]) or _provisional(plan):
        return None
    before = {(arm, row["seed"]): row for row in last["trials"] for arm in (row["arm"], *row["shared_with"])}
    now = {(arm, planned.trial.seed): planned for planned in plan.trials for arm in (planned.trial.arm, *planned.shared_with)}
    old_keys, new_keys = {row["key"] for row in before.values()}, {planned.key for planned in plan.trials}
    memo: Memo = {}
    found = [
        Change(*point, "kept", ()) if planned.key in old_keys else _change(point, planned, before.get(point), memo)
        for point, planned in now.items()
    ]
    gone = [point for point, row in before.items() if point not in now and row["key"] not in new_keys]
    return (*found, *(Change(arm, seed, "dropped", ()) for arm, seed in gone))


def describe_accepted(plan: Plan) -> list[str]:
    """How many trials stand on results of older code; nothing where none was ever accepted."""
    if not plan.accepted:
        return []
    codes = ", ".join(dict.fromkeys(older.code[:12] for older in plan.accepted.values()))
    return [f"Accepted: results of code {codes} stand for {len(plan.older)} of {len(plan.trials)} trials of code {plan.code[:12]}"]


def describe(changes: Sequence[Change]) -> list[str]:
    """For people, first the counts; nothing where all trials are kept."""
    counts: dict[Fate, int] = {"kept": 0, "added": 0, "invalidated": 0, "dropped": 0}
    groups: dict[tuple[Fate, tuple[str, ...]], list[Change]] = {}
    for change in changes:
        counts[change.fate] += 1
        if change.fate != "kept":
            groups.setdefault((change.fate, tuple(name for name, _, _ in change.moved)), []).append(change)
    if not groups:
        return []
    head = ", ".join(f"{count} {fate}" for fate, count in counts.items() if count)
    return [f"Since the last run: {head}", *(f"  {fate}: {_names(group)}{_reason(group)}" for (fate, _), group in groups.items())]


def document(changes: Sequence[Change] | None) -> list[dict[str, Any]] | None:
    """For `vdit plan --json`."""
    if changes is None:
        return None
    return [
        {"arm": change.arm, "seed": change.seed, "fate": change.fate, "moved": {name: [old, new] for name, old, new in change.moved}}
        for change in changes
    ]


def _provisional(plan: Plan) -> bool:
    return any(planned.data == ABSENT or planned.trial.train.start == UNKNOWN for planned in plan.trials)


def _change(point: tuple[str, int], now: PlannedTrial, before: Mapping[str, Any] | None, memo: Memo) -> Change:
    if before is None:
        return Change(*point, "added", ())
    old, new = {**before["digests"], "code": before["code"]}, {**now.digests(memo), "code": now.code}
    pairs = [(name, old.get(name, "none"), new.get(name, "none")) for name in {**old, **new}]
    return Change(*point, "invalidated", tuple([pair for pair in pairs if pair[1] != pair[2]]))


def _names(group: Sequence[Change]) -> str:
    seeds: dict[str, list[str]] = {}
    for change in group:
        seeds.setdefault(change.arm, []).append(str(change.seed))
    shown = [f"{arm} (seed {', '.join(values)})" for arm, values in list(seeds.items())[:SHOWN]]
    return "; ".join([*shown, *([f"{len(seeds) - SHOWN} more arms"] if len(seeds) > SHOWN else [])])


def _reason(group: Sequence[Change]) -> str:
    """The digests that moved, and how results are kept over a change of code."""
    moved = group[0].moved
    if not moved:
        return ""
    shown = []
    for position, (name, _, _) in enumerate(moved):
        pairs = list(dict.fromkeys((change.moved[position][1][:12], change.moved[position][2][:12]) for change in group))
        shown.append(f"{name} {pairs[0][0]} -> {pairs[0][1]}" if len(pairs) == 1 else f"{name} (differently)")
    old = next((before[:12] for name, before, _ in moved if name == "code"), "")
    remedy = f"; if the change of code does not affect them, --accept {old} keeps them" if old else ""
    return f": {', '.join(shown)}{remedy}"
