"""Oracle: the tensors that were packed, bit for bit."""

import pytest
import torch

from vdit.features.entry import pack, unpack
from vdit.features.envelope import ALIGNMENT

TENSORS = {
    "a": torch.tensor([[1.5, -0.0, float("nan")], [float("inf"), 1e-45, 3.0]]),
    "half": torch.randn(3, 5, 7, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16),
    "none": torch.zeros(0, 4),
    "turned": torch.arange(12, dtype=torch.float16).view(3, 4).T,
}


def stored() -> memoryview:
    return memoryview(bytearray(b"".join(bytes(part) for part in pack(TENSORS))))


def test_tensors_come_back_bit_for_bit_in_their_precision() -> None:
    found = unpack(stored())
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        assert found[name].is_contiguous()
        assert torch.equal(found[name].view(torch.uint8), tensor.contiguous().view(torch.uint8))


@pytest.mark.parametrize("name", TENSORS)
def test_every_tensor_begins_at_a_multiple_of_the_alignment(name: str) -> None:
    contents = stored()
    start = torch.frombuffer(contents, dtype=torch.uint8).data_ptr()
    if TENSORS[name].numel():
        assert (unpack(contents)[name].data_ptr() - start) % ALIGNMENT == 0
