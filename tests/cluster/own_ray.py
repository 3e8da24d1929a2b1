"""`ray` of a node that shares this machine with other Rays: `ray stop` ends every Ray that it sees, so it sees those of its node only."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil

TEMPORARY = "RAY_TMPDIR"


def ours(temporary: Path | str) -> list[psutil.Process]:
    """Those that have Ray's temporary folder in their environment, and their children: Ray's workers overwrite their own."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(TEMPORARY) == str(temporary):
                found |= {member.pid: member for member in (process, *process.children(recursive=True))}
        except psutil.Error:
            continue
    return list(found.values())


def main() -> None:
    from ray.scripts import scripts

    mine = ours(os.environ[TEMPORARY])

    def seen(*attributes: object) -> Iterator[psutil.Process]:
        return iter(mine)

    psutil.process_iter = seen
    scripts.main()
