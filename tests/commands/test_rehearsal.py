"""`vdit run --local` of a study with an arm that varies nothing: exit code 1, both arms and the axis named, nothing started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

VDIT = Path(sys.executable).parent / "vdit"


@pytest.mark.slow
def test_a_noop_is_refused_and_without_the_rehearsal_it_runs(tiny: Path, folder: Path) -> None:
    text = tiny.read_text().replace("noise: predicted}", "noise: predicted, backbone: miniature}").replace("max_steps: 6", "max_steps: 1")
    tiny.write_text(
        text.replace("  VD-T: {prompt: text, noise: gaussian}", "  same: {prompt: image+text, noise: predicted, backbone: modelscope}")
    )
    command = [str(VDIT), "run", str(tiny), "--local", "--weights", str(folder), "--runs", str(tiny.parent / "runs")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    refused = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert refused.returncode == 1, refused.stderr
    assert "vdit: arm 'same' is a no-op: with backbone modelscope for miniature" in refused.stderr
    assert "those of 'VD-IT'" in refused.stderr
    assert not (tiny.parent / "runs/trials").exists()
    done = subprocess.run([*command, "--no-rehearsal"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    assert len(list((tiny.parent / "runs/trials").glob("*/result.json"))) == 2
