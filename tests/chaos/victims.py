"""Whom a kill can meet: only processes that this test's own ones started."""

from collections.abc import Iterable
from typing import Literal

import psutil
from house import House

Kind = Literal["worker", "gang", "raylet", "driver", "server"]
KINDS: tuple[Kind, ...] = ("worker", "gang", "raylet", "driver", "server")
# Ray names an actor's process after its class. Tune gives the class of a trial with resources of its own another name.
NAMES: dict[Kind, tuple[str, ...]] = {
    "worker": ("ray::Worker",),
    "gang": ("ray::Gang", "ray::ResourceTrainable"),
    "raylet": ("raylet",),
}


def alive(house: House, kind: Kind) -> list[psutil.Process]:
    """By process id. A server is its launcher, who would start the others again, and all it launched: one victim, killed together."""
    if kind == "driver":
        return present([house.driver])
    if kind == "server":
        return [member for server in present([house.server]) for member in (server, *server.children(recursive=True))]
    below = [child for node in present(house.nodes) for child in children(node)]
    return sorted((process for process in below if named(process, NAMES[kind])), key=lambda process: process.pid)


def present(processes: Iterable[psutil.Popen | None]) -> list[psutil.Popen]:
    return [process for process in processes if process is not None and process.poll() is None]


def children(process: psutil.Popen) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def named(process: psutil.Process, names: tuple[str, ...]) -> bool:
    try:
        return process.name().startswith(names) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
