"""Whether every node can take part in a study: it has our packages in the versions that are here, and sees the runs folder."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vdit.schedule.placement import Machine, Shape, amounts

ANSWER_SECONDS = 120.0  # a node starts a Python process first; a busy one takes its time
PACKAGES = ("ray", "torch", "deepspeed")
REMEDY = "Install the project there as it is here (cluster/setup.sh), or take the node out of the cluster"
ALIVE = ("PENDING", "PREPARED", "CREATED", "RESCHEDULING")  # states in which a placement group holds or awaits resources


def present() -> list[Machine]:
    """The nodes that are alive."""
    return list(by_id().values())


def by_id() -> dict[str, Machine]:
    """The same under Ray's ids."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"]]
    addresses = [node["NodeManagerAddress"] for node in alive]
    # Several nodes on one machine, as in tests, share its address.
    names = [
        f"{address}/{node['NodeID'][:6]}" if addresses.count(address) > 1 else address
        for node, address in zip(alive, addresses, strict=True)
    ]
    return {node["NodeID"]: Machine(name, node["Resources"]) for node, name in zip(alive, names, strict=True)}


def check(shape: Shape, runs: Path, seconds: float = ANSWER_SECONDS) -> int:
    """Asks every node that holds a worker of `shape` for its versions, with a small task; returns how many nodes there are.

    Raises ValueError naming each node that lacks a package, has another version than this process, does not see `runs` or does not answer.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = {key: machine.name for key, machine in by_id().items() if machine.room(shape)}
    with tempfile.NamedTemporaryFile(dir=runs, prefix=".seen-by-") as marker:
        look = ray.remote(num_cpus=0, max_retries=0)(questions(marker.name))
        asked = {look.options(scheduling_strategy=NodeAffinitySchedulingStrategy(key, soft=False)).remote(): key for key in nodes}
        ready, late = ray.wait(list(asked), num_returns=len(asked), timeout=seconds) if asked else ([], [])
        here = questions(marker.name)()
        wrong = [
            f"{nodes[asked[answer]]}: {trouble}"
            for answer in ready
            if (trouble := told(answer, lambda there: differences(there, here, runs)))
        ]
    wrong += [f"{nodes[asked[answer]]}: no answer within {seconds:g} s; look at the logs of its Ray" for answer in late]
    if wrong:
        raise ValueError(f"not every node can take part: {'; '.join(sorted(wrong))}. {REMEDY}")
    return len(nodes)


def admit(expected: Mapping[str, str], runs: Path, node: str) -> None:
    """Of the node of this process, which may have joined after `check`; `expected` are the driver's `versions`.

    Raises ValueError where it has others or does not see `runs`. Its copy of our code is compared trial by trial (train/loaded.py).
    """
    wrong = differences({**versions()(), "runs": "seen" if runs.exists() else "not seen"}, expected, runs)
    if wrong:
        raise ValueError(f"node {node} cannot take part: {wrong}. {REMEDY}")


def versions() -> Callable[[], dict[str, str]]:
    """Of Python and of what a node has to have of it. Made inside a function, so that it travels whole."""
    packages = PACKAGES

    def look() -> dict[str, str]:
        import importlib.metadata
        import platform

        found = {"python": ".".join(platform.python_version_tuple()[:2])}
        for name in packages:
            try:
                found[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                found[name] = "none"
        return found

    return look


def questions(marker: str) -> Callable[[], dict[str, str]]:
    """What is asked. It travels whole: a node without our package can answer too."""
    installed = versions()

    def look() -> dict[str, str]:
        from pathlib import Path

        found = installed()
        try:
            from vdit.config.code import code_digest

            found["vdit"] = f"code {code_digest()[:16]}"
        except ImportError:
            found["vdit"] = "none"
        found["runs"] = "seen" if Path(marker).exists() else "not seen"
        return found

    return look


def told(answer: object, wrong: Callable[[Any], str]) -> str:
    """What is wrong with a node, by its answer: "" where nothing is. One that has gone away since does no harm."""
    import ray
    from ray.exceptions import NodeDiedError, RayError

    try:
        return wrong(ray.get(answer))
    except NodeDiedError:
        return ""
    except RayError as error:
        return f"could not run a task ({str(error).strip().splitlines()[-1]})"


def differences(there: Mapping[str, str], here: Mapping[str, str], runs: Path) -> str:
    """ "" where there are none."""
    wrong = [f"{name} {there[name]}, here {here[name]}" for name in here if name != "runs" and there[name] != here[name]]
    if there["runs"] != "seen":
        wrong.append(f"does not see {runs}, which must be one folder on all nodes (--runs)")
    return ", ".join(wrong)


def leftovers() -> list[str]:
    """Placement groups of jobs that have ended, which keep resources from every other job; a line for each."""
    import ray
    from ray.util import placement_group_table

    ended = {job["JobID"] for job in ray._private.state.jobs() if job["IsDead"]}
    lines = []
    for key, group in placement_group_table().items():
        # The last four bytes of a group's id are those of the job that made it.
        if group["state"] in ALIVE and key[-8:] in ended:
            held = ", ".join(f"{{{amounts(bundle)}}}" for bundle in group["bundles"].values())
            lines.append(f"placement group {key} of job {key[-8:]}, which has ended, still holds {held}")
    return lines
