"""System metrics. Oracle: what the process itself has allocated."""

import numpy as np
import torch

from vdit.train.machine import Machine


def test_memory_and_load_are_the_machines() -> None:
    machine = Machine(torch.device("cpu"))
    before = machine.sample()
    held = np.ones(100_000_000, np.uint8)
    after = machine.sample()
    grown = after["system/worker_memory_usage_megabytes"] - before["system/worker_memory_usage_megabytes"]
    assert 90 <= grown <= 120 and held[-1] == 1
    assert 0 <= after["system/cpu_utilization_percentage"] <= 100
    assert 0 < after["system/system_memory_usage_percentage"] < 100
    assert not any("gpu" in name for name in after)
