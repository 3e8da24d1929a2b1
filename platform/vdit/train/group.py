"""The process group of a trial's workers, and DeepSpeed told not to compile anything at start-up (runtime.md, sections 1 and 8)."""

import datetime
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil
import torch
import torch.distributed as dist
from torch._C._distributed_c10d import HashStore, Store, TCPStore

TIMEOUT = datetime.timedelta(minutes=5)  # of a collective: how long a worker waits for one that is slow or stuck
MEETING_SECONDS = 120.0  # how long workers wait for each other when they come together; all have their imports behind them


class NotTogetherError(RuntimeError):
    """The workers of a gang did not find each other in time: the network or a node is at fault, not the trial."""


class PeerLostError(RuntimeError):
    """Another worker of the gang went away, or stopped answering, in the middle of a collective."""


# How gloo and NCCL say so; they have no type for it.
_LOST = ("closed by peer", "reset by peer", "Broken pipe", "Timed out waiting", "remote process exited")


@dataclass(frozen=True, slots=True)
class Member:
    """One worker of a gang: which of how many, and where it computes."""

    rank: int
    world: int
    device: torch.device


@contextmanager
def beside_peers() -> Iterator[None]:
    """Turns what a collective raises when a peer is lost into PeerLostError. A peer that raises an error keeps its connections."""
    try:
        yield
    except RuntimeError as error:
        if any(words in str(error) for words in _LOST):
            raise PeerLostError(str(error)) from error
        raise


@contextmanager
def alone(device: torch.device) -> Iterator[None]:
    """A process group of this process only, for as long as the block lasts."""
    join(Member(0, 1, device))
    try:
        yield
    finally:
        dist.destroy_process_group()


def listen(host: str, world: int) -> TCPStore:
    """The meeting place of a gang: a store that listens on a free port of `host`, an address of this machine, and on no other address."""
    listener = socket.create_server((host, 0))
    port = listener.getsockname()[1]
    # The store closes the socket that it is given.
    return TCPStore(host, port, world, is_master=True, wait_for_workers=False, master_listen_fd=listener.detach())


def meet(member: Member, host: str, port: int, seconds: float = MEETING_SECONDS) -> TCPStore:
    """The store that worker 0 listens with. Raises NotTogetherError where it does not answer in time."""
    try:
        return TCPStore(host, port, member.world, is_master=False, timeout=datetime.timedelta(seconds=seconds))
    except dist.DistError as error:
        raise NotTogetherError(
            f"worker {member.rank} of {member.world} waited {seconds:g} s for worker 0 at {host}:{port}; is that port reachable from here?"
        ) from error


def join(member: Member, store: Store | None = None, host: str = "", seconds: float = MEETING_SECONDS) -> None:
    """Makes the process group of all who share `store`; a worker alone needs none. `host` is this worker's address among the nodes.

    Raises NotTogetherError where the others do not come in time.
    """
    # A worker sees one device, its own, whatever its rank.
    os.environ.update(RANK=str(member.rank), WORLD_SIZE=str(member.world), LOCAL_RANK="0")
    if member.device.type == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"
    if host:
        # gloo would ask the resolver, which on many machines knows this one as 127.0.1.1.
        os.environ["GLOO_SOCKET_IFNAME"] = interface(host)
    backend = "nccl" if member.device.type == "cuda" else "gloo"
    store = HashStore() if store is None else store
    arrive(member, store, seconds)
    dist.init_process_group(backend, store=store, rank=member.rank, world_size=member.world, timeout=TIMEOUT)
    settle(backend)


def settle(backend: str) -> None:
    """Has DeepSpeed take the process group that is there."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    import deepspeed
    import deepspeed.ops

    # It would compile a shared-memory all-reduce for a minute and a half; gloo does without it.
    deepspeed.ops.__compatible_ops__ = {**deepspeed.ops.__compatible_ops__, "deepspeed_shm_comm": False}
    deepspeed.init_distributed(dist_backend=backend, auto_mpi_discovery=False, verbose=False)


def arrive(member: Member, store: Store, seconds: float) -> None:
    """Waits until every worker of the gang has arrived at its meeting place, and says who has not."""
    store.set(f"arrived/{member.rank}", "")
    names = [f"arrived/{rank}" for rank in range(member.world)]
    try:
        store.wait(names, datetime.timedelta(seconds=seconds))
    except dist.DistError as error:
        missing = [str(rank) for rank, name in enumerate(names) if not store.check([name])]
        raise NotTogetherError(
            f"worker {member.rank} of {member.world} waited {seconds:g} s for worker {', '.join(missing)} of its gang"
        ) from error


def interface(host: str) -> str:
    """The network interface that has this address. Raises NotTogetherError where none has."""
    addresses = {entry.address: name for name, entries in psutil.net_if_addrs().items() for entry in entries}
    if host not in addresses:
        raise NotTogetherError(f"no network interface of this node has the address {host} that Ray knows it by: {', '.join(addresses)}")
    return addresses[host]


def mean(value: float, device: torch.device) -> float:
    """Mean of a number over the workers."""
    tensor = torch.tensor(value, dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return float(tensor) / dist.get_world_size()
