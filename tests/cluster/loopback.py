"""A cluster of one machine, this one: Ray's own launcher, with a shell in a home folder of its own in place of ssh and rsync."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
from ray.autoscaler.command_runner import CommandRunnerInterface
from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import TAG_RAY_NODE_KIND

ADDRESS = "127.0.0.1"


class Shell(CommandRunnerInterface):  # type: ignore[misc]
    """Runs what Ray's ssh runner would run on the node, in the shell it would use, with the node's environment and nothing else."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    def place(self, remote: str) -> Path:
        return Path(remote.replace("~", self.environment["HOME"], 1))

    def run(
        self,
        cmd: str | None = None,
        *,
        with_output: bool = False,
        environment_variables: dict[str, object] | None = None,
        **others: object,
    ) -> str:
        extra = {name: json.dumps(value) for name, value in (environment_variables or {}).items()}
        ran = subprocess.run(
            ["bash", "--login", "-c", "-i", f"source ~/.bashrc; export OMP_NUM_THREADS=1 PYTHONWARNINGS=ignore && ({cmd})"],
            env={**self.environment, **extra},
            cwd=self.environment["HOME"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if with_output else None,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise click.ClickException(f"{cmd} failed")
        return ran.stdout or ""

    def run_rsync_up(self, source: str, target: str, options: dict[str, Any] | None = None) -> None:
        place = self.place(target)
        if Path(source).is_dir():
            ignored = shutil.ignore_patterns(*(options or {}).get("rsync_exclude") or [])
            shutil.copytree(source, place, dirs_exist_ok=True, ignore=ignored)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, place)

    def run_rsync_down(self, source: str, target: str, options: dict[str, Any] | None = None) -> None:
        shutil.copytree(self.place(source), target, dirs_exist_ok=True)

    def remote_shell_command_str(self) -> str:
        return f"HOME={self.environment['HOME']} bash --login -i"


class Loopback(NodeProvider):  # type: ignore[misc]
    """Its configuration: `state`, a file of what was started, and `environment`, of the node. There is one node, the head."""

    def nodes(self) -> dict[str, dict[str, str]]:
        file = Path(self.provider_config["state"])
        return json.loads(file.read_text()) if file.exists() else {}

    def keep(self, nodes: dict[str, dict[str, str]]) -> None:
        Path(self.provider_config["state"]).write_text(json.dumps(nodes))

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        return [name for name, tags in self.nodes().items() if tag_filters.items() <= tags.items()]

    def is_running(self, node_id: str) -> bool:
        return node_id in self.nodes()

    def is_terminated(self, node_id: str) -> bool:
        return not self.is_running(node_id)

    def node_tags(self, node_id: str) -> dict[str, str]:
        return self.nodes()[node_id]

    def external_ip(self, node_id: str) -> str:
        return ADDRESS

    def internal_ip(self, node_id: str) -> str:
        return ADDRESS

    def create_node(self, node_config: dict[str, Any], tags: dict[str, str], count: int) -> None:
        if tags[TAG_RAY_NODE_KIND] != "head":
            raise ValueError("there is one machine, the head; the study asked for a worker")
        self.keep({"head": tags})

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        nodes = self.nodes()
        nodes[node_id] |= tags
        self.keep(nodes)

    def terminate_node(self, node_id: str) -> None:
        self.keep({name: tags for name, tags in self.nodes().items() if name != node_id})

    def get_command_runner(self, *arguments: object, **named: object) -> Shell:
        return Shell(self.provider_config["environment"])
