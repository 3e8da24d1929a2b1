"""Tensors to a safetensors file, whole or not at all."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from vdit.appearing import appearing


def save(tensors: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    """Written beside `path` and moved over it, for whoever may read new files here: the library writes for the owner alone.

    Raises OSError where the disk is full; the library's own error would hide that.
    """
    try:
        with appearing(path) as draft:
            draft.touch()
            mode = draft.stat().st_mode
            save_file(dict(tensors), draft, metadata=dict(metadata))
            draft.chmod(mode)
    except SafetensorError as error:
        if f"os error {errno.ENOSPC}" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
