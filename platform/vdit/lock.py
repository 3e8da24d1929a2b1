"""A lock of the kernel's on an open file: it goes with the process that held it, whatever ends that process."""

import fcntl
import time

LONGEST_PAUSE = 0.05


def locked(descriptor: int, patience: float) -> bool:
    """Whether the file is locked now for whoever opened it; False where another has held it for `patience` seconds."""
    deadline, pause = time.monotonic() + patience, 0.001
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
