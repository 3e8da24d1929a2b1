"""A study's file and the code as they were when a run started, to say at its end what was edited meanwhile and what that means."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from vdit.config.code import PACKAGES, code_digest
from vdit.study import edit
from vdit.study.document import shown
from vdit.study.locate import resolve
from vdit.study.plan import Plan


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`content` is the digest of the study's file."""

    path: Path
    content: str

    @classmethod
    def of(cls, study: str) -> Self:
        """Taken before the file is read as a study."""
        path = resolve(study)
        return cls(path, _content(path))

    def describe(self, plan: Plan, make: Callable[[], Plan], manifests: Path) -> list[str]:
        """Nothing where nothing was edited; else what another run would do. `make` plans the study as it is now, for the code of `plan`."""
        lines = []
        if _content(self.path) != self.content:
            lines += [f"{shown(self.path)} was edited while it ran; what ran is the study as it was at the start.", *self._now(plan, make)]
        # The digest of this process is that of its start.
        code = code_digest.__wrapped__(PACKAGES, manifests)
        if code != plan.code and code_digest(PACKAGES, manifests) == plan.code:
            lines.append(
                f"The code was edited while it ran ({plan.code[:12]} -> {code[:12]}): another `vdit run {plan.study.study}` computes every "
                f"trial again, unless --accept {plan.code[:12]} keeps these results"
            )
        return lines

    def _now(self, plan: Plan, make: Callable[[], Plan]) -> list[str]:
        try:
            now = make()
        except ValueError as error:
            return [f"  As it is now it does not run: {error}"]
        changes = edit.changes(plan.document(), now)
        todo = sum(not planned.done for planned in now.trials)
        told = edit.describe(changes or ())
        return [f"  Another `vdit run {now.study.study}` would run {todo} of {len(now.trials)} trials.", *(f"  {line}" for line in told)]


def _content(path: Path) -> str:
    """ "" where the file is gone."""
    return sha256(path.read_bytes()).hexdigest() if path.exists() else ""
