"""Workers come together, or say whom they waited for; sockets of this machine are the oracle."""

import socket
import subprocess
import sys

import psutil
import pytest
import torch

from vdit.train.group import Member, NotTogetherError, arrive, interface, listen, meet

HOST = "127.0.0.1"


def member(rank: int, world: int) -> Member:
    return Member(rank, world, torch.device("cpu"))


def test_the_meeting_place_listens_on_its_address_alone() -> None:
    store = listen(HOST, 2)
    ours = [
        entry for entry in psutil.Process().net_connections("tcp") if entry.status == psutil.CONN_LISTEN and entry.laddr.port == store.port
    ]
    assert [entry.laddr.ip for entry in ours] == [HOST]


def test_who_is_missing_is_named() -> None:
    store = listen(HOST, 3)
    other = meet(member(2, 3), HOST, store.port)
    other.set("arrived/2", "")
    with pytest.raises(NotTogetherError, match=r"worker 0 of 3 waited 0\.3 s for worker 1 of its gang"):
        arrive(member(0, 3), store, 0.3)


def test_a_worker_that_finds_nobody_says_where_it_looked() -> None:
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(NotTogetherError, match=rf"worker 1 of 2 waited 1 s for worker 0 at {HOST}:{port}"):
        meet(member(1, 2), HOST, port, 1.0)


def test_the_interface_of_an_address() -> None:
    assert HOST in {entry.address for entry in psutil.net_if_addrs()[interface(HOST)]}
    with pytest.raises(NotTogetherError, match=r"no network interface of this node has the address 203\.0\.113\.1"):
        interface("203.0.113.1")


GANG = """
import sys, torch
from vdit.train import group
rank, port = int(sys.argv[1]), int(sys.argv[2])
member = group.Member(rank, 2, torch.device("cpu"))
store = group.meet(member, "127.0.0.1", port) if rank else group.listen("127.0.0.1", 2)
if not rank:
    print(store.port, flush=True)
group.join(member, store, "127.0.0.1")
print("mean", group.mean(float(rank), member.device), flush=True)
if len(sys.argv) > 3:
    try:
        with group.beside_peers():
            while True:
                group.mean(float(rank), member.device)
    except group.PeerLostError as error:
        print("lost", error)
"""


def pair(*more: str) -> list[subprocess.Popen[str]]:
    """Two workers; the first says where the second finds it."""
    first = subprocess.Popen([sys.executable, "-c", GANG, "0", "0", *more], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    port = next(line for line in iter(first.stdout.readline, "") if line.strip().isdigit()).strip()
    return [first, subprocess.Popen([sys.executable, "-c", GANG, "1", port, *more], stdout=subprocess.PIPE, text=True)]


def test_two_processes_that_met_compute_together() -> None:
    assert all("mean 0.5" in process.communicate(timeout=120)[0] for process in pair())


def test_a_killed_peer_is_known_as_lost() -> None:
    first, second = pair("on and on")
    assert second.stdout is not None
    assert any("mean" in line for line in iter(second.stdout.readline, ""))
    second.kill()
    assert "lost" in first.communicate(timeout=120)[0]
    second.wait()
