"""The process group of a trial's workers, and DeepSpeed told not to compile anything at start-up (runtime.md, sections 1 and 8)."""

import datetime
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist

TIMEOUT = datetime.timedelta(minutes=5)


@contextmanager
def alone(device: torch.device) -> Iterator[None]:
    """A process group of this process only, for as long as the block lasts."""
    join(0, 1, "", device)
    try:
        yield
    finally:
        dist.destroy_process_group()


def join(rank: int, world: int, rendezvous: str, device: torch.device) -> None:
    """Joins (or, alone, makes) the process group. `rendezvous` is a torch init method such as "tcp://host:port", unused where `world` is 1."""
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(world), LOCAL_RANK=str(rank))
    if device.type == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    import deepspeed
    import deepspeed.ops

    # DeepSpeed would compile a shared-memory all-reduce for a minute and a half; gloo does without it.
    deepspeed.ops.__compatible_ops__ = {**deepspeed.ops.__compatible_ops__, "deepspeed_shm_comm": False}
    backend = "nccl" if device.type == "cuda" else "gloo"
    if world == 1:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1, timeout=TIMEOUT)
    else:
        dist.init_process_group(backend, init_method=rendezvous, rank=rank, world_size=world, timeout=TIMEOUT)
    deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False, verbose=False)


def mean(value: float, device: torch.device) -> float:
    """Mean of a number over the workers."""
    tensor = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return float(tensor) / dist.get_world_size()
