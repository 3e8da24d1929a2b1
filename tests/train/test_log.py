"""A trial's one log. Oracle: what processes of several ranks were told to write."""

import logging
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from vdit.train import log

WRITER = """
import logging, os, sys
from pathlib import Path
from vdit.train import log
rank = int(sys.argv[2])
log.redirect(Path(sys.argv[1]), rank)
for number in range(300):
    print(f"line {number} of {rank} " + "x" * 300)
print("a warning", file=sys.stderr)
logging.getLogger("lib").info("a message\\nof two lines")
os.write(2, b"compiled\\n")
try:
    with log.failures():
        raise ValueError("no such clip")
except ValueError:
    os._exit(3)
"""


def test_all_workers_write_whole_lines_with_their_rank(tmp_path: Path) -> None:
    """Four at once, each ending without any clean-up."""
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(rank)], stdout=-1, stderr=-1) for rank in range(4)]
    assert [(*writer.communicate(), writer.returncode) for writer in writers] == [(b"", b"", 3)] * 4
    assert [path.name for path in tmp_path.iterdir()] == [log.NAME]
    lines = (tmp_path / log.NAME).read_text().splitlines()
    for rank in range(4):
        own = [line.removeprefix(f"[{rank}] ") for line in lines if line.startswith(f"[{rank}] ")]
        assert own[:300] == [f"line {number} of {rank} " + "x" * 300 for number in range(300)]
        assert own[300] == "a warning" and own[301].endswith("lib: a message") and own[302] == "of two lines"
        assert "Traceback (most recent call last):" in own and own[-1] == "ValueError: no such clip"
    assert Counter(line for line in lines if not re.match(r"\[[0-3]\] ", line)) == {"compiled": 4}


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    with (tmp_path / "log.txt").open("ab") as file:
        lines = log.Lines(file.fileno(), 7)
        lines.write("a" * (log.LONGEST + 1))
        lines.write("b\n")
    assert (tmp_path / "log.txt").read_text() == f"[7] {'a' * log.LONGEST}\n[7] ab\n"


def test_a_trial_in_this_process_has_its_log_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such clip"), log.beside(tmp_path):
        logging.getLogger("vdit.train.session").info("at step 1 of 2")
        raise ValueError("no such clip")
    logging.getLogger("vdit").info("afterwards")
    said = (tmp_path / log.NAME).read_text()
    assert "[0] " in said and "vdit.train.session: at step 1 of 2" in said
    assert said.endswith("[0] ValueError: no such clip\n")
