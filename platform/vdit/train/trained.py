"""A finished trial as the model it trained, ready to predict."""

from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import torch

from vdit import registry
from vdit.config.identity import weights_identity
from vdit.model.vdit import VDIT
from vdit.train import checkpoint, folder
from vdit.train.folder import Ticket

NAME_LENGTH = 16  # of a trial's folder: so many digits of its key
SHOWN = 5  # trials that an error message names


@dataclass(frozen=True, slots=True)
class Trained:
    """`parameters` is the digest of the checkpoint's file: a trial that was forgotten and run again has the same key, not always that."""

    ticket: Ticket
    model: VDIT
    parameters: str


def find(runs: Path, name: str) -> Path:
    """The folder of a finished trial, by the beginning of its key or by its path.

    Raises ValueError where there is none, or more than one, or where it is not finished.
    """
    given = Path(name)
    place = given if (given / "config.json").is_file() else by_key(runs, name)
    if not (place / "result.json").is_file():
        raise ValueError(f"{place} is not finished (no result.json); run its study to the end, vdit status STUDY shows how it stands")
    return place


def by_key(runs: Path, key: str) -> Path:
    folders = sorted(path.parent for path in (runs / "trials").glob("*/config.json"))
    alike = [path for path in folders if path.name.startswith(key[:NAME_LENGTH])]
    found = [path for path in alike if folder.read_ticket(path).key.startswith(key)] if key else []
    if len(found) == 1:
        return found[0]
    there = [f"{path.name} ({folder.read_ticket(path).trial.arm})" for path in (found or folders)]
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    said = f"{len(found)} trials whose keys begin with {key!r}" if found else f"no trial {key!r}"
    raise ValueError(f"{runs / 'trials'} has {said}; give more of a key of: {', '.join(there[:SHOWN]) or '(none)'}{more}")


def load(place: Path, runs: Path, device: torch.device) -> Trained:
    """The trial's model with its trained parameters on its frozen weights.

    Raises ValueError where the frozen weights are not those it was trained on, or the checkpoint is missing or of another architecture.
    """
    ticket = folder.read_ticket(place)
    trial = ticket.trial
    weights = folder.weights_folder(trial, ticket.weights, runs)
    if weights_identity(trial, runs / "manifests") != ticket.weights:
        raise ValueError(f"{weights} has other frozen weights than {place} was trained on ({ticket.weights}); put those back")
    model = VDIT(trial.model, registry.find("backbones", trial.model.backbone.name).load(trial.model, weights, device), trial.seed)
    path = place / "checkpoint" / checkpoint.NAME
    checkpoint.begin(model, path, "keep")
    with path.open("rb") as file:
        return Trained(ticket, model.eval(), file_digest(file, "sha256").hexdigest())
