"""RoBERTa on the miniature world's referring sentences, by masked language modelling. It serves the head, not the backbone.

B sentences, L tokens with padding.
"""

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional
from transformers import RobertaForMaskedLM

from vdit.benchmarks.world import captions
from vdit.model.networks import roberta_config
from vdit.model.tokenizers import roberta_style
from vdit.pretrain import clips
from vdit.pretrain.given import Given
from vdit.pretrain.training import CPU, Draws, Report, draws, train
from vdit.train.seeds import derive, drawing

HIDDEN, EXCHANGED = 0.8, 0.1  # of the tokens that are to be predicted; the rest stay as they are (BERT)
IGNORED = -100
SHOWN_SCENES = 128


class Guessing:
    """The task (training.Task)."""

    def __init__(self, given: Given) -> None:
        self.settings, recipe = given.recipe.words, given.recipe
        self.words = roberta_style(given.architecture.roberta.vocab_size)
        self.scenes = clips.scenes(recipe, range(recipe.trained_on))
        self.shown = clips.scenes(recipe, range(recipe.trained_on, recipe.trained_on + min(SHOWN_SCENES, recipe.held_out)))
        with drawing(derive(recipe.seed, "words", "weights"), CPU):
            self.module = RobertaForMaskedLM(roberta_config(given.architecture.roberta))

    def loss(self, draws: Draws) -> Tensor:
        picked = draws.rng.integers(len(self.scenes), size=self.settings.batch)
        return self.of([captions.refer(self.scenes[number], draws.rng) for number in picked], draws)[0]

    def of(self, said: list[str], draws: Draws) -> tuple[Tensor, Tensor]:
        """Cross entropy of the tokens to be predicted, and the share that is guessed right."""
        found = self.words(said, padding="longest", return_tensors="pt")
        given_BL, wanted_BL = self.mask(found.input_ids, draws)
        scores_BLV = self.module(input_ids=given_BL, attention_mask=found.attention_mask).logits
        loss = functional.cross_entropy(scores_BLV.flatten(0, 1), wanted_BL.flatten(), ignore_index=IGNORED)
        asked = wanted_BL != IGNORED
        return loss, (scores_BLV.argmax(dim=-1) == wanted_BL)[asked].float().mean()

    def mask(self, ids_BL: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """What is shown, and what is to be predicted: `IGNORED` where nothing is. Of each sentence at least one token is."""
        special = torch.isin(ids_BL, torch.tensor(self.words.all_special_ids))
        chance_BL = torch.rand(ids_BL.shape, generator=draws.generator).masked_fill(special, 2.0)
        chosen = (chance_BL < self.settings.masked) | (chance_BL == chance_BL.amin(dim=1, keepdim=True))
        fate_BL = torch.rand(ids_BL.shape, generator=draws.generator)
        others_BL = torch.randint(len(self.words), ids_BL.shape, generator=draws.generator)
        shown = ids_BL.masked_fill(chosen & (fate_BL < HIDDEN), self.words.mask_token_id)
        shown = torch.where(chosen & (fate_BL >= HIDDEN) & (fate_BL < HIDDEN + EXCHANGED), others_BL, shown)
        return shown, ids_BL.masked_fill(~chosen, IGNORED)

    def held_out(self) -> Mapping[str, float]:
        fixed = draws("words", "held out")
        loss, right = self.of([captions.refer(scene, fixed.rng) for scene in self.shown], fixed)
        return {"loss": float(loss), "guessed": float(right)}

    def weights(self) -> Mapping[str, Tensor]:
        return dict(self.module.roberta.state_dict())


def run(given: Given, report: Report) -> None:
    train(Guessing(given), given.recipe.words, given.place("words"), report)
