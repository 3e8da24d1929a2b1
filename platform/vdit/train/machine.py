"""What a worker's machine does while it trains, under MLflow's own names, so that its pages show them as system metrics."""

import importlib.util

import psutil
import torch

MEGABYTE = 1e6


class Machine:
    """Read once a report, not once a step. How busy the cores were is since the reading before."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.process = device, psutil.Process()
        self.counts_gpu = device.type == "cuda" and importlib.util.find_spec("pynvml") is not None
        psutil.cpu_percent()

    def sample(self) -> dict[str, float]:
        memory = psutil.virtual_memory()
        return {
            "system/cpu_utilization_percentage": psutil.cpu_percent(),
            "system/system_memory_usage_megabytes": memory.used / MEGABYTE,
            "system/system_memory_usage_percentage": memory.percent,
            "system/worker_memory_usage_megabytes": self.process.memory_info().rss / MEGABYTE,
            **(self.gpu() if self.device.type == "cuda" else {}),
        }

    def gpu(self) -> dict[str, float]:
        """Of the worker's own; how busy it was is only known where NVIDIA's library is installed (pip install nvidia-ml-py)."""
        free, total = torch.cuda.mem_get_info(self.device)
        found = {
            "system/gpu_0_memory_usage_megabytes": (total - free) / MEGABYTE,
            "system/gpu_0_memory_usage_percentage": 100 * (total - free) / total,
        }
        if self.counts_gpu:
            found["system/gpu_0_utilization_percentage"] = float(torch.cuda.utilization(self.device))
        return found
