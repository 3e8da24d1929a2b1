"""The process group of a trial's workers, and DeepSpeed told not to compile anything at start-up (runtime.md, sections 1 and 8)."""

import datetime
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore

TIMEOUT = datetime.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Member:
    """One worker of a gang: which of how many, and where it computes."""

    rank: int
    world: int
    device: torch.device


@contextmanager
def alone(device: torch.device) -> Iterator[None]:
    """A process group of this process only, for as long as the block lasts."""
    join(Member(0, 1, device), "")
    try:
        yield
    finally:
        dist.destroy_process_group()


def join(member: Member, rendezvous: str) -> None:
    """Joins the process group; alone, makes one. `rendezvous` is a torch init method such as "tcp://host:port", not used alone."""
    os.environ.update(RANK=str(member.rank), WORLD_SIZE=str(member.world), LOCAL_RANK=str(member.rank))
    if member.device.type == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    import deepspeed
    import deepspeed.ops

    # DeepSpeed would compile a shared-memory all-reduce for a minute and a half; gloo does without it.
    deepspeed.ops.__compatible_ops__ = {**deepspeed.ops.__compatible_ops__, "deepspeed_shm_comm": False}
    backend = "nccl" if member.device.type == "cuda" else "gloo"
    if member.world == 1:
        dist.init_process_group(backend, store=HashStore(), rank=0, world_size=1, timeout=TIMEOUT)
    else:
        dist.init_process_group(backend, init_method=rendezvous, rank=member.rank, world_size=member.world, timeout=TIMEOUT)
    deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False, verbose=False)


def mean(value: float, device: torch.device) -> float:
    """Mean of a number over the workers."""
    tensor = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return float(tensor) / dist.get_world_size()
