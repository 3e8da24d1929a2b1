"""Methods that were scored (`vdit score --log`), not trained here, and which of their measurements stand beside a study's trials."""

from dataclasses import dataclass, field

from vdit_analysis.record import Record
from vdit_analysis.rows import Rows
from vdit_analysis.trial import Planned, TrialRun, finished


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The measurements of a method that a table can show, by seed. `refused` says why there is none, `left_out` of which seeds."""

    trials: tuple[TrialRun, ...] = ()
    refused: str = ""
    left_out: str = ""

    @property
    def planned(self) -> tuple[Planned, ...]:
        """One measurement where there is none yet: a study that lists a method expects it."""
        found = tuple(Planned(key=trial.key, arm=trial.arm, seed=trial.seed, levels=trial.levels) for trial in self.trials)
        return found or (Planned(key="", arm="", seed=0, levels={}),)

    @property
    def note(self) -> str:
        """Where its numbers are from, for a footnote."""
        protocols = dict.fromkeys(trial.tags.get("vdit.protocol", "") for trial in self.trials)
        said = f"Scored from its own masks (vdit score, protocol {', '.join(protocols)}), not trained in this study."
        return f"{said} {self.left_out}".strip() if self.trials else ""


@dataclass(frozen=True, kw_only=True)
class Method:
    """All that was logged under a name, the newest first. What fits which rows is found once."""

    name: str
    logged: tuple[TrialRun, ...]
    found: dict[tuple[Rows, str], Fit] = field(default_factory=dict, repr=False, compare=False)

    def fit(self, rows: Rows, trial: TrialRun | None) -> Fit:
        """Of each seed the newest measurement that has such rows, of the truth that `trial`, one of the study's, was measured on."""
        place = rows, trial.run_id if trial else ""
        if place not in self.found:
            self.found[place] = self._fit(rows, trial)
        return self.found[place]

    def _fit(self, rows: Rows, trial: TrialRun | None) -> Fit:
        if not self.logged:
            return Fit(refused=f"Not logged yet: {rows.way} ... --log {self.name!r} does it.")
        admitted = [one for one in self.logged if rows.admits(one.tags.get("vdit.protocol", ""))]
        if not admitted:
            protocols = ", ".join(dict.fromkeys(one.tags.get("vdit.protocol", "") for one in self.logged))
            return Fit(refused=f"Logged under protocol {protocols} only, of which these columns are not made; score it with {rows.way}.")
        if trial is None:
            return Fit(refused="No trial of this study has finished that its truth could be compared with.")
        return self._on_the_same_truth(admitted, rows, trial)

    def _on_the_same_truth(self, admitted: list[TrialRun], rows: Rows, trial: TrialRun) -> Fit:
        truth = trial.frame(rows.file)
        fitting: dict[int, TrialRun] = {}
        why: dict[int, str] = {}
        for one in admitted:
            if one.seed in fitting:
                continue
            differs = rows.difference(rows.read(one.frame(rows.file), truth), rows.read(truth, truth))
            if not differs:
                fitting[one.seed] = one
            else:
                why.setdefault(one.seed, f"seed {one.seed} was scored on another truth, {differs}")
        other = "; ".join(why[seed] for seed in sorted(why) if seed not in fitting)
        if not fitting:
            return Fit(refused=f"Mixed: {other}; score it on the study's data, with {rows.way}.")
        return Fit(trials=tuple(fitting[seed] for seed in sorted(fitting)), left_out=f"Left out: {other}." if other else "")


def find(record: Record, name: str) -> Method:
    """What the record has under a method's name."""
    runs = record.search({"vdit.kind": "method", "vdit.arm": name}, finished=True, newest_first=True)
    entries = [(Planned(key=run.tags["vdit.key"], arm=name, seed=int(run.tags["vdit.seed"]), levels={}), run) for run in runs]
    return Method(name=name, logged=tuple(finished(record, entry, run) for entry, run in entries))
