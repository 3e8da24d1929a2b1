"""The gate's table in the report: read from beside the weights that the trials name, and left out where there is none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vdit.pretrain.gate import table
from vdit.pretrain.gate.interval import Interval
from vdit.pretrain.gate.table import Gate, verdict
from vdit_analysis import gate, report
from vdit_analysis.outputs import Outputs
from vdit_analysis.runs import StudyRuns

Make = Callable[[str], Outputs]
Load = Callable[[str], StudyRuns]
DIGEST = "d" * 64
MADE = Gate(
    about={
        "weights": "shipped",
        "digest": DIGEST,
        "seeds": [0, 1, 2],
        "sizes": {"clips": 24, "same_colour": 25},
        "features at timestep": 50,
    },
    rows=(
        verdict("a", "wrong & <colours>", "%", Interval(12.0, 10.0, 14.0), 192, bound="at least +5 %", passed=True),
        verdict("b", "exchanged", "%", Interval(0.1, -0.2, 0.4), 192, bound="above 0", passed=False),
        verdict("e", "random control", "IoU", Interval(0.45, 0.44, 0.46), 400),
    ),
)


class Over:
    """A recorded trial whose config.json names other weights."""

    def __init__(self, trial: Any, weights: str, digest: str) -> None:
        self.trial, self.config = trial, {"weights": digest, "trial": {"launch": {"weights": weights}}}

    def document(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.config if name == "config" else self.trial.document(name)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.trial, name)


@pytest.fixture
def on(load: Load) -> Callable[..., StudyRuns]:
    """The study, its trials on these folders, of the weights that the gate was asked of, unless another digest is given."""

    def made(*folders: Path | str, digest: str = DIGEST) -> StudyRuns:
        runs = load("shared")
        trial = next(iter(runs.trials.values()))
        return replace(runs, trials={(str(place), 0): Over(trial, str(folder), digest) for place, folder in enumerate(folders)})  # type: ignore[arg-type]

    return made


def test_a_folder_is_read_once_however_many_trials_name_it(on: Callable[..., StudyRuns], tmp_path: Path) -> None:
    table.write(MADE, tmp_path / "weights")
    assert gate.found(on(tmp_path / "weights", tmp_path / "weights")) == (MADE,)


def test_a_gate_of_other_weights_is_not_shown(on: Callable[..., StudyRuns], tmp_path: Path) -> None:
    """The folder holds others by now, or the arm read others beside them."""
    table.write(MADE, tmp_path)
    assert gate.found(on(tmp_path, digest="e" * 64)) == ()


def test_folders_without_a_gate_and_random_weights_have_none(on: Callable[..., StudyRuns], load: Load, tmp_path: Path) -> None:
    assert gate.found(on("", tmp_path, tmp_path / "gone")) == () == gate.found(load("full"))


def test_a_shipped_checkpoint_is_found_where_it_is_installed(
    on: Callable[..., StudyRuns], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vdit.config.shipped.ROOT", tmp_path)
    table.write(MADE, tmp_path / "miniature")
    assert gate.found(on("shipped:miniature", "shipped:of another version")) == (MADE,)


def test_the_page_shows_every_row_and_what_is_not_supported(on: Callable[..., StudyRuns], outputs: Make, tmp_path: Path) -> None:
    table.write(MADE, tmp_path)
    text = report.page(on(tmp_path), outputs("shared"))
    assert text.count('id="gate"') == 1
    assert text.index('id="arms"') < text.index('id="gate"') < text.index('id="table')
    assert "wrong &amp; &lt;colours&gt;</th><td>+12.0 %</td><td>[+10.0, +14.0]</td>" in text
    assert f"Not supported by this backbone: {table.WORDS}." in text
    assert "on 24 clips that are denoised and 25 pairs of one colour, features at timestep 50" in text
    assert table.QUESTIONS["b"] in text and table.QUESTIONS["c"] not in text


def test_claims_that_the_gate_does_not_support_are_said_to_be_so_beside_their_verdicts(
    on: Callable[..., StudyRuns], outputs: Make, tmp_path: Path
) -> None:
    """Once, however many folders the trials' weights lie in."""
    for name in ("one", "other"):
        table.write(replace(MADE, about={**MADE.about, "weights": name}), tmp_path / name)
    text = report.page(on(tmp_path / "one", tmp_path / "other"), outputs("full"))
    assert text.count(table.WORDS) == 3
    claims = text[text.index('id="claims"') :]
    assert claims.index(f": {table.WORDS}. Of such claims") < claims.index("<table>")


def test_a_page_without_a_gate_says_nothing_of_one(load: Load, outputs: Make) -> None:
    assert "backbone supports" not in report.page(load("shared"), outputs("shared"))


def test_a_damaged_table_is_named(on: Callable[..., StudyRuns], tmp_path: Path) -> None:
    (tmp_path / table.JSON).write_text("{")
    with pytest.raises(ValueError, match=r"gate\.json holds no gate table"):
        gate.found(on(tmp_path))
