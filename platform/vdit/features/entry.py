"""The inside of a stored entry: named tensors, byte for byte as they were, read in place from a mapped file."""

import json
from collections.abc import Mapping

import torch
from torch import Tensor

from vdit.features.envelope import ALIGNMENT, Bytes


def pack(tensors: Mapping[str, Tensor]) -> list[Bytes]:
    """A line of JSON that says what they are, then their bytes; every tensor begins at a multiple of ALIGNMENT."""
    flat = {name: tensor.detach().cpu().contiguous().flatten().view(torch.uint8) for name, tensor in tensors.items()}
    about = {name: {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)} for name, tensor in tensors.items()}
    parts: list[Bytes] = [_padded(json.dumps(about).encode(), b" ", b"\n")]
    for values in flat.values():
        parts += [values.numpy().data, _padding(values.numel())]
    return parts


def unpack(contents: memoryview) -> dict[str, Tensor]:
    """The tensors of `contents`, which stays mapped as long as one of them lives."""
    # The first line ends at a multiple of ALIGNMENT; JSON itself has no line break in it.
    end = bytes(contents[:4096]).index(b"\n") + 1
    found, start = {}, end
    for name, about in json.loads(bytes(contents[:end])).items():
        dtype, shape = getattr(torch, about["dtype"]), about["shape"]
        count = torch.Size(shape).numel()
        # Of no bytes at all torch makes no tensor.
        values = torch.frombuffer(contents, dtype=dtype, count=count, offset=start) if count else torch.empty(0, dtype=dtype)
        found[name] = values.view(shape)
        size = count * dtype.itemsize
        start += size + len(_padding(size))
    return found


def _padding(size: int) -> bytes:
    return b"\0" * (-size % ALIGNMENT)


def _padded(line: bytes, fill: bytes, end: bytes) -> bytes:
    return line + fill * (-(len(line) + 1) % ALIGNMENT) + end
