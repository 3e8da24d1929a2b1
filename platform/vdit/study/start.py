"""Which trained parameters a trial goes on from: those of its arm and seed in another study, or of a file (spec section 5, fine-tuning)."""

import json
from dataclasses import dataclass, replace
from hashlib import file_digest
from pathlib import Path

from vdit.config.key import folder_name
from vdit.config.trial import Trial
from vdit.study import explain
from vdit.study.spec import Study

CHECKPOINT = Path("checkpoint") / "last.safetensors"  # in a trial's folder
UNKNOWN = "not known"  # never the identity of anything


@dataclass(frozen=True, slots=True)
class Start:
    """`identity` enters the trial key: another trial's key, or "file:" and a digest. `file` holds the parameters."""

    identity: str
    file: str


class Starts:
    """Where the trials of a study begin; with `provisional`, what is not there yet is `UNKNOWN` instead of an error."""

    def __init__(self, study: Study, runs: Path, provisional: bool) -> None:
        self.study, self.runs, self.provisional = study, runs, provisional
        given = study.base.launch.start
        self.file = Start(f"file:{_digest(Path(given))}", given) if given else None
        self.keys = self._planned() if study.start else {}

    def of(self, trial: Trial) -> Trial:
        """The trial with its beginning: drawn, where the study names none."""
        start = self.file or (self._of_study(trial) if self.study.start else None)
        if start is None:
            return trial
        return replace(trial, train=replace(trial.train, start=start.identity), launch=replace(trial.launch, start=start.file))

    def _planned(self) -> dict[tuple[str, int], str]:
        """Keys by arm and seed, of the other study's last run."""
        plan = self.runs / "studies" / self.study.start / "plan.json"
        if not plan.exists():
            if self.provisional:
                return {}
            raise self._complaint(f"study {self.study.start!r} has not been run here ({plan} is missing)")
        trials = json.loads(plan.read_text())["trials"]
        return {(arm, row["seed"]): row["key"] for row in trials for arm in (row["arm"], *row["shared_with"])}

    def _of_study(self, trial: Trial) -> Start:
        key = self.keys.get((trial.arm, trial.seed))
        if key is not None and (self.runs / "trials" / folder_name(key) / "result.json").exists():
            return Start(key, str(self.runs / "trials" / folder_name(key) / CHECKPOINT))
        if self.provisional:
            return Start(key or UNKNOWN, "")
        state = "has not finished" if key else "is not planned"
        raise self._complaint(f"arm {trial.arm!r} with seed {trial.seed} {state} in study {self.study.start!r}")

    def _complaint(self, message: str) -> ValueError:
        return explain.complaint(self.study.path, ("start",), f"{message}; `vdit run {self.study.start}` first")


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror}; give the file of trained parameters to start from") from error
