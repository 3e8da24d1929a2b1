"""A server's score log. Oracles: hand-computed means, and the metrics on the same numbers as a trial's scores."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from vdit.metrics import components, consistency, quality
from vdit.submit import score_log

LOG = """Unzipping the submission, 202 videos
v1,0,00005,0.5,0.25
v1, 0 ,00000,0.95,1.0
v1,0,00010,1.0,0.75
v1,1,00000,0.0,0.0
v1,1,00005,0.6,0.5
v0,0,00000,1,1
Overall: J 0.64, F 0.63
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "stdout.txt"
    path.write_text(LOG)
    return path


def test_lines_of_five_fields_are_scores_and_others_are_passed_over(log: Path) -> None:
    table = score_log.read(log)
    assert list(table.columns) == ["video", "expression", "frame", "j", "f"]
    assert table.iloc[:2].to_numpy().tolist() == [["v0", "0", "00000", 1.0, 1.0], ["v1", "0", "00000", 0.95, 1.0]]
    assert len(table) == 6


def test_the_metrics_of_the_paper_read_it(log: Path) -> None:
    table = score_log.read(log)
    j = (1.0 + (0.5 + 0.95 + 1.0) / 3 + 0.3) / 3
    assert components.measure(table).j == pytest.approx(100 * j)
    assert quality.measure(table) == pytest.approx(100 * 3 / 4)
    assert consistency.measure(table, 1) == pytest.approx(100 * ((0.45 + 0.5) / 2 + 0.6) / 2)
    assert consistency.measure(table, 2) == pytest.approx(5.0)
    with pytest.raises(ValueError, match="no column 'present'"):
        consistency.measure(table, 1, "present")


def test_the_file_has_the_logs_columns_and_nothing_invented(log: Path, tmp_path: Path) -> None:
    table = score_log.read(log)
    score_log.write(tmp_path / "scores/log.parquet", table)
    written = pq.read_table(tmp_path / "scores/log.parquet")
    assert written.schema.equals(score_log.SCHEMA)
    assert written.to_pandas().equals(table)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("v2,0,00000,nan,0.5", "line 9: J is 'nan'"),
        ("v2,0,00000,0.5,1.5", "line 9: F is '1.5'"),
        ("video,expression,frame,J,F", "line 9: J is 'J'"),
        ("v2,0,00000,0.5", "line 9 has 4 fields"),
        ("v2,0,00000,0.5,0.5,1", "line 9 has 6 fields"),
        ("v2,0,", "line 9 has 3 fields"),
        ("v1,0", "line 9 has 2 fields"),
        ("v2,0,00000,0.5,0.5v2,0,00005,0.5,0.5", "line 9 has 9 fields"),
        ("v0,0,00000,1,1", "1 frames come twice, the first is v0/0/00000"),
    ],
)
def test_a_bad_line_is_named(log: Path, line: str, said: str) -> None:
    log.write_text(LOG + line + "\n")
    with pytest.raises(ValueError, match=said):
        score_log.read(log)


def test_a_file_without_scores_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "mask.png").write_bytes(b"\x89PNG\xff\xfe")
    for name, said in (("empty.txt", "no line of five fields"), ("none.txt", "cannot be read"), ("mask.png", "cannot be read")):
        with pytest.raises(ValueError, match=said):
            score_log.read(tmp_path / name)
