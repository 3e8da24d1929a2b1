"""The identity of a frozen stage: a name for all its outputs that come of the same code, weights, settings and data.

It is what `vdit plan` can say without running anything. Which clip an output is of, its pixels decide (vdit/train/shelf.py).
"""

from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from vdit.config.canonical import Memo, canonical
from vdit.config.code import code_digest
from vdit.config.key import data_section
from vdit.config.trial import Trial

Stored: TypeAlias = Literal["VAE latents", "image tokens"]
# All that a stage computes after a clip is padded and before anything that is trained; a test holds it to what is imported.
CODE = ("model/autoencoder.py", "model/collate.py", "model/encode.py", "model/noise.py", "model/portions.py", "model/tokens.py")


class Digests(NamedTuple):
    """Of the data and the weights, as they enter the trial key, and of the stages' code."""

    data: str
    weights: str
    code: str


def stage_code(manifests: Path | None) -> str:
    """The digest of the code of the stages; an edit of the head or of a loss leaves it as it is."""
    return code_digest(CODE, manifests)


def stored(trial: Trial) -> tuple[Stored, ...]:
    """The stages of a trial that a store keeps: none where the backbone is trained itself."""
    if trial.model.backbone.is_swin:
        return ()
    return ("VAE latents",) if trial.model.prompt.kind == "text" else ("VAE latents", "image tokens")


def group(stage: Stored, trial: Trial, digests: Digests, memo: Memo | None = None) -> str:
    """The folder of a stage's outputs in the store; `memo` as for `canonical`."""
    model = trial.model
    settings: dict[Stored, list[object]] = {
        "VAE latents": [model.encode.posterior, model.architecture.vae],
        "image tokens": [model.encode.cast, model.encode.resize, model.architecture.image],
    }
    whole = [stage, settings[stage], data_section(trial), *digests]
    return f"{stage.replace(' ', '-').lower()}-{sha256(canonical(whole, memo).encode()).hexdigest()[:16]}"
