"""What MLflow holds of a study: its plan, and for every arm and seed the trial behind it, joined on the trial key (interface.md, Files)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vdit.config.identity import CONTROL, PARTLY
from vdit.registry import nearest
from vdit.study import document, locate
from vdit_analysis import methods
from vdit_analysis.kept import Kept
from vdit_analysis.methods import Method
from vdit_analysis.record import Record, RunRecord, Tracked
from vdit_analysis.rows import EXPRESSIONS, Rows
from vdit_analysis.trial import Planned, TrialRun, finished


@dataclass(frozen=True, kw_only=True)
class StudyRuns:
    """A study as planned, and what has been recorded of it.

    `trials` and `refused` are keyed by (arm, seed); `refused` says why a finished trial is not used (its code or data differ from the
    study's: "mixed"). What is in neither has not finished. `methods` are those of the study that were scored and not trained here; they
    are rows of tables, no arms.
    """

    study: str
    run_id: str
    plan: Mapping[str, Any]
    planned: tuple[Planned, ...]
    trials: Mapping[tuple[str, int], TrialRun]
    refused: Mapping[tuple[str, int], str]
    methods: Mapping[str, Method]

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.plan.get("arms", ()), *(entry.arm for entry in self.planned)]))

    @property
    def reference(self) -> str:
        """The arm that the others are compared with."""
        return str(self.plan.get("reference", ""))

    @property
    def measure(self) -> tuple[str, ...]:
        return tuple(self.plan.get("measure", ()))

    @property
    def complete(self) -> bool:
        return len(self.trials) == len(self.planned)

    @property
    def first(self) -> TrialRun | None:
        """A finished trial, which says what data the study is on; None before there is one."""
        return next(iter(self.trials.values()), None)

    @property
    def benchmark(self) -> str:
        """What the study's trials are on; "" before one has finished."""
        return str(self.first.data.get("benchmark", "")) if self.first else ""

    def of(self, arm: str, rows: Rows = EXPRESSIONS) -> tuple[TrialRun, ...]:
        """The usable trials of an arm, or the measurements of a method that have such rows of the study's data, by seed."""
        if arm in self.methods:
            return self.methods[arm].fit(rows, self.first).trials
        return tuple(self.trials[entry.arm, entry.seed] for entry in self.planned_of(arm) if (entry.arm, entry.seed) in self.trials)

    def planned_of(self, arm: str, rows: Rows = EXPRESSIONS) -> tuple[Planned, ...]:
        if arm in self.methods:
            return self.methods[arm].fit(rows, self.first).planned
        return tuple(sorted((entry for entry in self.planned if entry.arm == arm), key=lambda entry: entry.seed))

    def levels(self, arm: str) -> Mapping[str, object]:
        return next((entry.levels for entry in self.planned if entry.arm == arm), {})

    def is_control(self, arm: str) -> bool:
        """Whether its features are those of a random control, all of whose networks are drawn."""
        backbone = str(self.levels(arm).get("backbone", ""))
        return backbone.startswith(CONTROL) and backbone != PARTLY

    @property
    def untrained(self) -> bool:
        """Whether every backbone has random weights. An arm on a random control is then a second draw, and no control."""
        return "random weights" in str(self.plan.get("notice", ""))

    def refusals(self, arm: str, rows: Rows = EXPRESSIONS) -> tuple[str, ...]:
        if arm in self.methods:
            return (self.methods[arm].fit(rows, self.first).refused,)
        return tuple(dict.fromkeys(why for (name, _), why in self.refused.items() if name == arm))

    @property
    def notice(self) -> str:
        """What every output must say before its numbers: whose weights, whose size. Empty only at the paper's own size and weights."""
        recorded = [
            self._mixed_data(),
            str(self.plan.get("notice") or ""),
            *(trial.tags.get("vdit.notice", "") for trial in self.trials.values()),
        ]
        sentences = list(dict.fromkeys(_sentence(text) for text in recorded if text.strip()))
        preset = str(self.plan.get("preset", ""))
        if preset != "paper" or sentences:
            sentences.insert(0, f"Preset {preset}: not a reproduction of the paper's numbers.")
        return " ".join(sentences)

    def _mixed_data(self) -> str:
        count = len({trial.tags.get("vdit.data") for trial in self.trials.values()})
        return f"Mixed: the arms were measured on {count} different data sets, so that their numbers do not compare." if count > 1 else ""


def load(study: str, tracking_uri: str) -> StudyRuns:
    """The newest plan of `study` and the finished trials it uses, whichever study ran them. A folder that was kept is a record too.

    Raises ValueError when the server does not answer within 3 s, when nothing is recorded there, or when there is no such study (names the
    nearest). Files of trials are read when they are asked for.
    """
    record: Record = Kept.open(Path(tracking_uri)) if Path(tracking_uri).is_dir() else Tracked.open(tracking_uri)
    study_run = _newest_study(record, study)
    plan = record.document(study_run.run_id, "plan.json", f"study {study!r}; run it again: vdit run {study}")
    planned = tuple(_planned(plan))
    found = _by_key(record, study, {entry.key for entry in planned})
    there = [entry for entry in planned if entry.key in found]
    recorded = {(entry.arm, entry.seed): finished(record, entry, found[entry.key]) for entry in there}
    refused = dict(_mixed(plan, there, recorded))
    trials = {place: trial for place, trial in recorded.items() if place not in refused}
    return StudyRuns(
        study=study,
        run_id=study_run.run_id,
        plan=plan,
        planned=planned,
        trials=trials,
        refused=refused,
        methods={name: methods.find(record, name) for name in plan.get("methods", ())},
    )


def study_name(word: str) -> str:
    """The study that `word` means: by the `study:` key of the file of that path or name, or, where the file is gone, the name itself."""
    try:
        file = locate.resolve(word)
    except ValueError:
        if Path(word).suffix:
            raise
        return word
    name = document.read(file).get("study")
    if not isinstance(name, str):
        raise ValueError(f"{document.shown(file)}: study: expected the study's name, given {name!r}")
    return name


def _newest_study(record: Record, study: str) -> RunRecord:
    runs = record.search({"vdit.kind": "study", "vdit.study": study}, newest_first=True)
    if runs:
        return runs[0]
    known = {run.tags["vdit.study"] for run in record.search({"vdit.kind": "study"}) if "vdit.study" in run.tags}
    hint = nearest(study, known) if known else "none is recorded there yet"
    raise ValueError(f"no study {study!r} in {record.uri}; {hint} (run it first: vdit run {study})")


def _by_key(record: Record, study: str, keys: set[str]) -> dict[str, RunRecord]:
    """Newest finished run of each key: first those this study ran in one query, then the shared ones key by key."""
    found: dict[str, RunRecord] = {}
    for run in record.search({"vdit.kind": "trial", "vdit.study": study}, finished=True, newest_first=True):
        if run.tags.get("vdit.key") in keys:
            found.setdefault(run.tags["vdit.key"], run)
    for key in sorted(keys - found.keys()):
        shared = record.search({"vdit.kind": "trial", "vdit.key": key}, finished=True, newest_first=True)
        if shared:
            found[key] = shared[0]
    return found


def _planned(plan: Mapping[str, Any]) -> Iterator[Planned]:
    for entry in plan["trials"]:
        names = (entry["arm"], *entry["shared_with"])
        code = entry.get("code", plan["code"])
        for arm in names:
            yield Planned(
                key=entry["key"],
                arm=arm,
                seed=int(entry["seed"]),
                levels=entry["levels"],
                shared_with=tuple(name for name in names if name != arm),
                code=code,
                accepted_for=plan["code"] if code != plan["code"] else "",
            )


def _mixed(
    plan: Mapping[str, Any], planned: Sequence[Planned], trials: Mapping[tuple[str, int], TrialRun]
) -> Iterator[tuple[tuple[str, int], str]]:
    """Trials whose code or data are not what the plan says of them."""
    for entry in planned:
        place = entry.arm, entry.seed
        for word, expected in (("code", [entry.code]), ("data", list(plan["data"]))):
            given = trials[place].tags.get(f"vdit.{word}", "")
            if given not in expected:
                known = ", ".join(digest[:12] for digest in expected)
                yield place, f"mixed: its {word} {given[:12] or 'unknown'} is not the study's {known}; run the study again"


def _sentence(text: str) -> str:
    text = text.strip()
    return f"{text[0].upper()}{text[1:]}{'' if text.endswith(('.', '!')) else '.'}"
