"""`vdit doctor`: whether this machine can run studies. A row per check; it changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

State = Literal["ok", "problem", "not checked"]
SHOWN = ("torch", "ray", "deepspeed", "diffusers", "transformers", "open-clip-torch", "mlflow", "optuna", "pandas")
# A rule of thumb, for a database and a few checkpoints: what a study needs says `vdit plan`, and `vdit run` holds it against the disk.
LEAST_BYTES = 1e9
PROBE_SECONDS = 3.0
DRIVER = Path("/proc/driver/nvidia/version")
INSTALL = "make setup in the project's folder, or pip install -r requirements.lock"


@dataclass(frozen=True, slots=True)
class Check:
    """What was looked at, what was found, and where that is a problem what would help."""

    check: str
    state: State
    found: str
    remedy: str = ""


def command(
    context: typer.Context,
    tracking_uri: Annotated[str, typer.Option(envvar="MLFLOW_TRACKING_URI", help="MLflow server that should answer.")] = "",
    address: Annotated[str, typer.Option(envvar="RAY_ADDRESS", help="Ray cluster that should answer, as HOST:PORT.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
) -> None:
    """Check packages, disk, locks, weights, servers and devices of this machine; exit code 1 where one of them is a problem."""
    import json
    from dataclasses import asdict

    checks = list(examine(Path(context.obj["runs"]), tracking_uri, address))
    well = all(one.state != "problem" for one in checks)
    if as_json:
        typer.echo(json.dumps({"ok": well, "checks": [asdict(one) for one in checks]}, indent=1, ensure_ascii=False))
    else:
        show(checks)
    if not well:
        raise typer.Exit(1)


def show(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("check", "state", box=None, pad_edge=False)
    table.add_column("found", overflow="fold")
    table.add_column("remedy", overflow="fold")
    for one in checks:
        table.add_row(one.check, one.state, escape(one.found), escape(one.remedy))
    Console(highlight=False).print(table)


def examine(runs: Path, tracking_uri: str, address: str) -> Iterator[Check]:
    """torch, which takes seconds to import, comes last."""
    place = nearest_folder(runs.resolve())
    yield python()
    yield from packages(locked())
    yield disk(runs, place)
    yield from writing(runs, place)
    yield weights()
    if tracking_uri:
        yield tracking(tracking_uri)
    if address:
        yield cluster(address)
    seen, gpus = devices()
    yield seen
    yield compiler(gpus)


def nearest_folder(runs: Path) -> Path:
    """The runs folder, or the one in which it, or its parent, would be made."""
    return next(place for place in (runs, *runs.parents) if place.exists())


def python() -> Check:
    import sys
    from importlib.metadata import PackageNotFoundError, metadata

    here = ".".join(map(str, sys.version_info[:3]))
    try:
        needed = metadata("vdit")["Requires-Python"]
    except PackageNotFoundError:
        return Check("python", "problem", f"{here} does not have the project installed", INSTALL)
    if sys.version_info[:3] < release(needed.removeprefix(">=")):
        return Check("python", "problem", f"{here}, but the project needs {needed}", f"make setup PYTHON=python{needed.removeprefix('>=')}")
    return Check("python", "ok", f"{here} in {sys.prefix}")


def release(version: str) -> tuple[int, ...]:
    """ "2.14.1+cpu" -> (2, 14, 1)."""
    import re

    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def plain(name: str) -> str:
    """A package's name as indices compare it."""
    import re

    return re.sub(r"[-_.]+", "-", name).lower()


def locked() -> dict[str, str]:
    """The versions of requirements.lock; none where it is not at hand, as in an installed wheel."""
    from vdit.study.locate import roots

    file = next((root / "requirements.lock" for root in roots() if (root / "requirements.lock").is_file()), None)
    lines = file.read_text().splitlines() if file is not None else []
    return {plain(name): version for name, found, version in (line.partition("==") for line in lines) if found}


def packages(lock: Mapping[str, str]) -> Iterator[Check]:
    """A row for each that is missing or too old, and one for the others. One that is newer than the lock's will do, and is named."""
    import re
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        needed = requires("vdit") or []
    except PackageNotFoundError:
        return  # the row of Python says so
    found: dict[str, str] = {}
    # What an extra needs ends with a condition.
    for name, least in re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?>=([\d.]+)$", "\n".join(needed), re.MULTILINE):
        try:
            here = version(name)
        except PackageNotFoundError:
            yield Check(name, "problem", f"not installed; {least} or newer is needed", INSTALL)
            continue
        if release(here) < release(least):
            yield Check(name, "problem", f"{here}, but {least} or newer is needed", INSTALL)
            continue
        found[name] = here
    other = [f"{name} {here} (lock: {lock[plain(name)]})" for name, here in found.items() if differs(here, lock.get(plain(name)))]
    compared = "as in requirements.lock" if lock and not other else f"not as in requirements.lock: {', '.join(other)}" if other else ""
    names = ", ".join(f"{name} {here}" for name, here in found.items() if plain(name) in SHOWN)
    told = f"{len(found)} packages{', ' * bool(compared)}{compared}; {names}"
    yield Check("packages", "ok", told, f"{INSTALL}, for the lock's" if other else "")


def differs(here: str, lock: str | None) -> bool:
    """Builds of one version, such as for CPU, do not."""
    return lock is not None and here.partition("+")[0] != lock.partition("+")[0]


def disk(runs: Path, place: Path) -> Check:
    import shutil

    from vdit.commands.plan import size

    free = shutil.disk_usage(place).free
    if free < LEAST_BYTES:
        remedy = "free some, or name another folder with --runs DIR; vdit plan STUDY says what a study needs"
        return Check("disk", "problem", f"{size(free)} are free for {runs}", remedy)
    return Check("disk", "ok", f"{size(free)} are free for {runs}")


def writing(runs: Path, place: Path) -> Iterator[Check]:
    """Whether files can be made in the folder; where they can, whether its file system locks them."""
    import tempfile

    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".vdit-doctor-") as file:
            file.write(b"written")
            file.flush()
            yield Check("writing", "ok", f"{runs} can be written" if place == runs.resolve() else f"{runs} can be made in {place}")
            yield locks(runs, Path(file.name))
    except OSError as error:
        yield Check("writing", "problem", f"{runs}: {error}", "make it writable for this user, or name another folder with --runs DIR")


def locks(runs: Path, file: Path) -> Check:
    """Two drivers of one study are kept apart by a lock that a second one does not get (schedule/drivers.py)."""
    import fcntl

    remedy = "mount it with locks (NFS: without nolock), or name a folder of a local disk with --runs DIR"
    with file.open() as first, file.open() as second:
        try:
            fcntl.flock(first, fcntl.LOCK_SH | fcntl.LOCK_NB)
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return Check("locks", "ok", f"the file system of {runs} keeps them")
        except OSError as error:
            return Check("locks", "problem", f"the file system of {runs} has none ({error}): a study may get two drivers", remedy)
    return Check("locks", "problem", f"the file system of {runs} gives one to two: a study may get two drivers", remedy)


def weights() -> Check:
    """The miniature that ships, by the digest that it was exported with (pretrain/export.py)."""
    import json
    from hashlib import sha256

    from vdit.config import shipped
    from vdit.config.canonical import digest

    folder, restore = shipped.ROOT / "miniature", "restore the folder from the project (git checkout), or install the project again"
    if not (folder / "vdit.json").is_file():
        return Check("weights", "problem", f"shipped:miniature is not in {shipped.ROOT}", restore)
    files = {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*.safetensors")}
    if digest(files) != json.loads((folder / "vdit.json").read_bytes())["weights"]:
        return Check("weights", "problem", f"{folder}: its {len(files)} files of weights are not those that were exported", restore)
    return Check("weights", "ok", f"shipped:miniature, {len(files)} files of weights")


def tracking(uri: str) -> Check:
    from vdit.track.mlflow import probe

    if not uri.startswith(("http://", "https://")):
        return Check("tracking", "not checked", f"{uri} is no server's address")
    try:
        probe(uri)
    except ValueError as error:
        found, _, remedy = str(error).partition("; ")
        return Check("tracking", "problem", found, remedy)
    return Check("tracking", "ok", f"{uri} answers")


def cluster(address: str) -> Check:
    """Whether somebody listens: to join would start a driver there."""
    import socket
    from urllib.parse import urlsplit

    remedy = (
        "start it (ray up, ray start --head) or its tunnel, or leave out --address and RAY_ADDRESS: vdit run starts Ray on this machine"
    )
    try:
        place = urlsplit(address if "://" in address else f"ray://{address}")
        if place.port is None:
            return Check("ray", "not checked", f"{address!r} names no port; vdit run looks for the cluster")
        socket.create_connection((place.hostname or "", place.port), timeout=PROBE_SECONDS).close()
    except (OSError, ValueError) as error:
        return Check("ray", "problem", f"the cluster at {address} does not answer ({error})", remedy)
    return Check("ray", "ok", f"{address} answers; vdit run compares its nodes with this machine before anything starts")


def devices() -> tuple[Check, bool]:
    """What torch computes on, and whether that is a GPU."""
    import os

    try:
        import torch
    except (ImportError, OSError) as error:
        return Check("devices", "problem", f"torch cannot be imported: {error}", INSTALL), False
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if names:
        many = [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
        return Check("devices", "ok", f"{', '.join(many)}, CUDA {torch.version.cuda}"), True
    if DRIVER.exists():
        found = f"NVIDIA's driver is loaded, but torch {torch.__version__} sees no GPU"
        remedy = "unset CUDA_VISIBLE_DEVICES, or install a driver that this torch's CUDA runs on (nvidia-smi), or a torch with CUDA"
        return Check("devices", "problem", found, remedy), False
    return Check("devices", "ok", f"no GPU, {os.cpu_count()} cores"), False


def compiler(gpus: bool) -> Check:
    """On GPUs the attention of the head is compiled (model/deformable_gather.py), by Triton, which calls a C compiler."""
    import shutil

    found = next((path for name in ("cc", "gcc", "clang") if (path := shutil.which(name))), None)
    if not gpus:
        return Check("compiler", "ok", "none is needed without a GPU")
    if found is None:
        return Check("compiler", "problem", "no C compiler on the PATH, which Triton needs on a GPU", "install gcc (apt-get install gcc)")
    return Check("compiler", "ok", found)
