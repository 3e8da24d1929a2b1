"""Which deaths are the same death: a digest of a stack trace that does not depend on node, process, address or installation."""

import re
from hashlib import sha256

_FRAME = re.compile(r'^\s*File "(?P<path>[^"]+)", line (?P<line>\d+), in (?P<name>\S+)', re.MULTILINE)
_ERROR = re.compile(r"^(?:\w+\.)*(?P<type>\w*(?:Error|Exception|Interrupt|Exit|Iteration|Warning))\b", re.MULTILINE)
_PARTS = 3  # of a path: enough to tell files apart, not enough to tell where they are installed


def identify(trace: str) -> str:
    """16 hex digits over the frames (end of the path, line, function) and the type of the error; "" for a text without any frame.

    The message does not enter: it names videos and steps.
    """
    frames = [("/".join(found["path"].split("/")[-_PARTS:]), found["line"], found["name"]) for found in _FRAME.finditer(trace)]
    if not frames:
        return ""
    types = [found["type"] for found in _ERROR.finditer(trace)]
    return sha256(repr((frames, types[-1:])).encode()).hexdigest()[:16]
