"""A trial's frozen stages, from the store or into it: what the model's `keep` does when a store is on."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor, nn

from vdit.config.canonical import digest
from vdit.config.model import Encode
from vdit.config.stage import Digests, Stored, group, stage_code, stored
from vdit.features import entry
from vdit.features.envelope import Bytes, DamagedError
from vdit.features.remote import RemoteError, remote_of
from vdit.features.store import Store, folder_of, open_store
from vdit.model.batch import Batch
from vdit.model.encode import Stage, Tensors
from vdit.model.frozen import FrozenDiffusion
from vdit.train.folder import Ticket

log = logging.getLogger(__name__)
NETWORKS: dict[Stage, str] = {"VAE latents": "vae", "image tokens": "image_tower"}
Counts: TypeAlias = dict[str, dict[str, float]]


@dataclass(slots=True)
class Count:
    """How often a stage was read, how often computed in how many seconds; `damaged` of these were there and had to be replaced."""

    read: int = 0
    encoded: int = 0
    damaged: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Weights:
    """What the stages are computed with: the contents of each network, and the settings of the image tower's input."""

    networks: Mapping[Stage, str]
    image: str

    @classmethod
    def of(cls, frozen: FrozenDiffusion) -> "Weights":
        """Reads all of them once: seconds for the published image tower."""
        networks = frozen.networks()
        contents = {stage: contents_of(networks[name]) for stage, name in NETWORKS.items()}
        return cls(contents, digest([frozen.image_size, frozen.image_mean, frozen.image_std]))


@dataclass(slots=True)
class Shelf:
    """`groups` are the folders of the trial's stages (vdit/config/stage.py). It is a `Keep`."""

    store: Store
    groups: Mapping[Stored, str]
    weights: Weights
    encode: Encode
    counts: dict[Stage, Count] = field(default_factory=dict)
    full: bool = False

    def __call__(self, stage: Stage, clip: Batch, compute: Callable[[], Tensors]) -> Tensors:
        """The stage of a clip on the clip's device: read, or computed and published by one process while others wait for it."""
        name, count = f"{self.groups[stage]}/{self.key(stage, clip)}", self.counts.setdefault(stage, Count())
        found, damaged = self.read(name, fetch=False)
        if found is None:
            with self.store.writing(name) as mine:
                # Who held the lock has most likely written just this, or fetched it.
                torn, (found, damaged) = damaged, self.read(name)
                made = self.make(name, count, compute, mine, damaged) if found is None else None
            if made is not None:
                # Whoever waits for the lock need not wait for this.
                if mine and not self.full:
                    self.send(name)
                return made
            if torn:
                log.warning("store: %s was damaged (torn, or a byte flipped); a whole one is in its place", self.store.path(name))
        assert found is not None
        count.read += 1
        return {key: tensor.to(clip.frames_BT3HW.device) for key, tensor in found.items()}

    def make(self, name: str, count: Count, compute: Callable[[], Tensors], publish: bool, damaged: bool) -> Tensors:
        if damaged:
            log.warning("store: %s is damaged (torn, or a byte flipped); computed again", self.store.path(name))
        started = time.perf_counter()
        made = compute()
        parts = entry.pack(made)
        count.seconds += time.perf_counter() - started
        count.encoded += 1
        count.damaged += damaged
        if publish and not self.full:
            self.publish(name, parts)
        return made

    def publish(self, name: str, parts: list[Bytes]) -> None:
        """A store that takes no more, a full disk for example, ends no trial; its log says so once."""
        try:
            self.store.publish(name, parts)
        except OSError as error:
            self.full = True
            log.warning("store: %s cannot be written (%s); the trial goes on and publishes nothing more", self.store.root, error.strerror)

    def send(self, name: str) -> None:
        try:
            self.store.send(name)
        except RemoteError as error:
            self.lost(error)

    def read(self, name: str, fetch: bool = True) -> tuple[Tensors | None, bool]:
        """The entry, and whether there is one that is damaged; what is not here is fetched where a URL lies behind."""
        try:
            contents = self.store.read(name) if fetch else self.store.here(name)
        except DamagedError:
            return None, True
        except RemoteError as error:
            self.lost(error)
            return self.read(name)
        return (None if contents is None else entry.unpack(contents)), False

    def lost(self, error: RemoteError) -> None:
        """A URL that fails in the middle of a study ends no trial; its log says so once."""
        url = "" if self.store.remote is None else self.store.remote.url
        log.warning("store: %s cannot be used (%s); the trial goes on with %s alone", url, error, self.store.root)
        self.store = replace(self.store, remote=None)

    def key(self, stage: Stage, clip: Batch) -> str:
        """All that decides the values to the bit, beside what the group stands for: the pixels, and how this process computes."""
        frames = clip.frames_BT3HW
        drawn = stage == "VAE latents" and self.encode.posterior == "sample"
        return digest(
            {
                "pixels": sha256(_bytes(frames)).hexdigest(),
                "shape": list(frames.shape),
                "noise": [clip.noise_seeds[0], *clip.sizes_B2[0].tolist()] if drawn else None,
                "weights": self.weights.networks[stage],
                "image": self.weights.image if stage == "image tokens" else None,
                "arithmetic": arithmetic(frames.device),
            }
        )

    def report(self) -> Counts:
        """For result.json."""
        return {stage: asdict(count) for stage, count in self.counts.items()}


def shelve(ticket: Ticket, runs: Path, weights: Weights) -> Shelf | None:
    """The shelf of a trial; None where its store is off. Raises ValueError where this node does not see the store."""
    setting = ticket.trial.launch.store
    root = folder_of(setting, runs)
    if root is None:
        return None
    trial, digests = ticket.trial, Digests(ticket.data, ticket.weights, stage_code(None))
    groups = {stage: group(stage, trial, digests) for stage in stored(trial)}
    return Shelf(open_store(root, remote_of(setting)), groups, weights, trial.model.encode)


def added(reports: list[Counts]) -> Counts:
    """The counts of all workers."""
    total: Counts = {}
    for report in reports:
        for stage, counts in report.items():
            for name, value in counts.items():
                own = total.setdefault(stage, {})
                own[name] = own.get(name, 0) + value
    return total


def arithmetic(device: torch.device) -> list[object]:
    """On what rounding depends: library, processor, threads, precision."""
    half = torch.is_autocast_enabled(device.type)
    precision = str(torch.get_autocast_dtype(device.type)) if half else "as it is"
    if device.type == "cuda":
        return [torch.__version__, torch.cuda.get_device_name(device), torch.backends.cudnn.allow_tf32, precision]
    return [torch.__version__, torch.backends.cpu.get_cpu_capability(), torch.get_num_threads(), precision]


def contents_of(network: nn.Module) -> str:
    """SHA-256 over name, kind and value of every tensor of a network."""
    whole = sha256()
    for name, tensor in sorted(network.state_dict().items()):
        whole.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        whole.update(_bytes(tensor))
    return whole.hexdigest()


def _bytes(tensor: Tensor) -> memoryview:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
