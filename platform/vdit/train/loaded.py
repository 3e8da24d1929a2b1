"""Whether what a worker runs is the code that its trial's key stands for: code may be edited while a study runs."""

import socket
import sys
from pathlib import Path

import vdit
from vdit.config.code import PACKAGES, code_digest

ROOT = Path(vdit.__file__).parent


class OtherCodeError(ValueError):
    """A result would be kept under the key of other code than computed it."""


class Loaded:
    """Made once a process, after its imports. Modules that are imported later are compared with their files as they were then."""

    def __init__(self, manifests: Path, root: Path = ROOT) -> None:
        self.root = root
        self.stamps = stamps(root)
        self.digest = code_digest(PACKAGES, manifests)
        self.early = frozenset(sys.modules)

    def check(self, code: str) -> None:
        """Before a trial. Raises OtherCodeError where its key is of other `code`."""
        if self.digest != code:
            raise OtherCodeError(
                f"this worker, on {socket.gethostname()}, has code {self.digest[:12]}, the trial's key is of {code[:12]}: it was edited "
                "after the study started, or this node has another copy; `vdit run` again plans for the code as it is"
            )

    def check_late(self) -> None:
        """Before a result is kept. Raises OtherCodeError naming a file that was edited and imported since."""
        now = stamps(self.root)
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None)
            if name in self.early or not name.startswith("vdit.") or file is None:
                continue
            if file in now and now[file] != self.stamps.get(file):
                raise OtherCodeError(f"{file} was edited after this worker started and before it was loaded; `vdit run` again plans for it")


def stamps(root: Path) -> dict[str, tuple[int, int]]:
    """Size and time of each file that the code digest is over."""
    files = [file for package in PACKAGES for file in (root / package).rglob("*.py")]
    return {str(file): ((about := file.stat()).st_size, about.st_mtime_ns) for file in files}
