"""What a study runs on, every part in processes of our own that may be killed: a Ray of three nodes, an MLflow server, `vdit run`."""

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import psutil
from machine import free_port
from own_ray import ours

NODES = 2
RUNS = "Ray runtime started"  # `ray start` says so when it has
START = "import sys; from vdit.cli import main; sys.exit(main())"
# Prints the groups that are not removed and the CPUs that are taken.
LEFT = """
import json, sys, ray
ray.init(address=sys.argv[1], log_to_driver=False, logging_level="ERROR")
groups = [name for name, group in ray.util.placement_group_table().items() if group["state"] != "REMOVED"]
free = ray.available_resources().get("CPU", 0)
print("LEFT", json.dumps({"groups": groups, "taken": ray.cluster_resources()["CPU"] - free}))
"""
WAIT_SECONDS = 240
HEAD_ATTEMPTS = 5


class House:
    """`study` is the file that is run into `runs`.

    Ray's head holds no trial. The nodes beside it have a CPU each, so a gang of two workers is on both.
    """

    def __init__(self, study: Path, runs: Path, temporary: Path) -> None:
        self.study, self.runs, self.temporary = study, runs, temporary
        self.logs = temporary / "logs"
        self.logs.mkdir()
        runs.mkdir()
        self.environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "RAY_TMPDIR": str(temporary),
            "TMPDIR": str(temporary),
            # Nodes of one cluster cannot meet on loopback: without the token nobody gets in.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "PYTHONUNBUFFERED": "1",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "RAY_USAGE_STATS_ENABLED": "0",
            # Ray's workers give way to everything else on the machine, for minutes on a busy one.
            "RAY_worker_niceness": "0",
        }
        self.environment.pop("RAY_ADDRESS", None)
        self.address, self.uri = f"127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        self.nodes: list[psutil.Popen] = []
        self.server: psutil.Popen | None = None
        self.driver: psutil.Popen | None = None
        self.started = dict.fromkeys(("head", "node", "server", "driver"), 0)
        self.log: dict[int, Path] = {}
        self.head: psutil.Popen | None = None

    def start_head(self) -> None:
        """Ray gives itself thirty seconds, which a busy machine may exceed: then once more."""
        for _ in range(HEAD_ATTEMPTS):
            port = self.address.split(":")[1]
            self.head = self.start("head", *self.ray("--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false"))
            while self.head.poll() is None:
                if RUNS in self.said(self.head):
                    return
                time.sleep(0.1)
        raise AssertionError(f"Ray's head does not start; see {self.logs}")

    def start(self, name: str, *command: str) -> psutil.Popen:
        """In a session of its own, so that nobody's Ctrl-C is everybody's; what it prints goes to a log of this name."""
        self.started[name] += 1
        path = self.logs / f"{name}-{self.started[name]}.txt"
        with path.open("wb") as log:
            process = psutil.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.log[process.pid] = path
        return process

    def wait_for_server(self) -> None:
        port = int(self.uri.rsplit(":", 1)[1])
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(found.laddr.port == port and found.status == "LISTEN" for found in psutil.net_connections("tcp")):
            assert time.monotonic() < deadline, f"nothing listens on {port}; see {self.logs}"
            time.sleep(0.1)

    def ray(self, *arguments: str) -> list[str]:
        """`ray start` that stays; on free ports, because the nodes share a machine."""
        ports = [f"--{name}={free_port()}" for name in ("dashboard-agent-listen-port", "metrics-export-port", "runtime-env-agent-port")]
        program = str(Path(sys.executable).parent / "ray")
        memory = "--object-store-memory=100000000"
        return [program, "start", "--block", memory, "--min-worker-port=0", "--max-worker-port=0", *ports, *arguments]

    def add_node(self) -> None:
        self.nodes.append(self.start("node", *self.ray(f"--address={self.address}", "--num-cpus=1")))

    def complete(self) -> bool:
        """Whether all nodes are there: with fewer, no trial has room."""
        running = [node for node in self.nodes if node.poll() is None]
        return len(running) == NODES and all(RUNS in self.said(node) for node in running)

    def start_server(self) -> None:
        """As cluster/mlflow.sh does."""
        port = self.uri.rsplit(":", 1)[1]
        program = str(Path(sys.executable).parent / "mlflow")
        store = ["--backend-store-uri", f"sqlite:///{self.runs}/mlflow.db", "--artifacts-destination", str(self.runs / "artifacts")]
        self.server = self.start("server", program, "server", "--host", "127.0.0.1", "--port", port, "--workers", "1", *store)

    def start_driver(self, *arguments: str) -> None:
        run = ["--runs", str(self.runs), "run", str(self.study), "--address", self.address, "--tracking-uri", self.uri]
        self.driver = self.start("driver", sys.executable, "-c", START, *run, *arguments)

    def said(self, process: psutil.Popen) -> str:
        return self.log[process.pid].read_text()

    def left(self) -> dict[str, object]:
        """What trials hold of the cluster."""
        asked = subprocess.run(
            [sys.executable, "-c", LEFT, self.address],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=True,
        )
        (line,) = [line for line in asked.stdout.splitlines() if line.startswith("LEFT ")]
        found: dict[str, object] = json.loads(line.removeprefix("LEFT "))
        return found

    def close(self) -> list[psutil.Process]:
        """Ends everything, by process id; returns what would not end, or came after."""
        started = ours(self.temporary)
        for process in started:
            if process.is_running():
                process.kill()
        left = psutil.wait_procs(started, timeout=30)[1]
        return [*left, *ours(self.temporary)]
