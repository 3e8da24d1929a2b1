"""RoBERTa in a released checkpoint beside the published one: pre-training on RefCOCO trains it, and then it is kept (spec section 5)."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from vdit.model.released import FROZEN
from vdit.model.released_sgmg import roberta_state
from vdit.weights import fit, network
from vdit.weights.network import TOKENIZER
from vdit.weights.output import Draft

Finding: TypeAlias = Literal["as published", "trained", "not compared"]
FILE = "roberta/model.safetensors"


@dataclass(frozen=True, slots=True)
class Words:
    """`tensors` are those of the checkpoint, without a pooler; `folder` is where the published ones are, if that is known."""

    folder: Path | None
    tensors: Mapping[str, Tensor]
    finding: Finding

    def keep(self, draft: Draft) -> str:
        """Writes a RoBERTa that is not the published one, with the settings and the vocabulary of that one; returns a line about it."""
        if self.folder is None:
            return "RoBERTa: not compared with the published one; --roberta DIR does, and keeps one that was trained"
        if self.finding == "as published":
            return f"RoBERTa: that of {self.folder}"
        draft.copy("roberta", self.folder, ("config.json", *TOKENIZER))
        return draft.write(FILE, self.tensors, {})


def compare(path: Path, tensors: Mapping[str, Tensor], folder: Path | None) -> Words:
    """Raises ValueError naming the keys of the checkpoint `path` that are no RoBERTa of the size of `folder`'s."""
    if folder is None:
        return Words(None, {}, "not compared")
    found = network.roberta(folder)
    published = {name: tensor for name, tensor in found.tensors()[0].items() if not name.startswith("pooler.")}
    mine = roberta_state(tensors)
    fit.check(path, mine, {name: tuple(tensor.shape) for name, tensor in published.items()}, f"{FROZEN['roberta']}{{}}".format)
    same = all(torch.equal(mine[name], tensor) for name, tensor in published.items())
    return Words(folder, mine, "as published" if same else "trained")
