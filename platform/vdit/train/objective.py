"""What DeepSpeed runs: the model and the losses of its outputs in one forward pass, tensors out (spec section 4)."""

import torch
from torch import Tensor, nn

from vdit.config.train import Train
from vdit.model.batch import Batch
from vdit.model.losses import losses, total
from vdit.model.vdit import VDIT


class Objective(nn.Module):
    """Holds nothing of its own: its parameters are the model's."""

    def __init__(self, model: VDIT, train: Train) -> None:
        super().__init__()
        self.model, self.weights = model, train

    def forward(self, batch: Batch, boxes: float) -> tuple[Tensor, Tensor]:
        """The weighted loss, and its terms in the order of `losses.term_names`. `boxes` as in `losses.losses`."""
        assert batch.targets is not None
        terms = losses(self.model(batch, self.weights.match), batch.targets, self.weights.loss, boxes)
        return total(terms, self.weights.loss), torch.stack(list(terms.values())).detach()
