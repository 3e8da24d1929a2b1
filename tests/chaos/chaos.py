"""Kills every part of a running study, at random, and then wants what an undisturbed study gives: `make chaos`.

The victims are a DeepSpeed worker, the actor of a trial, the raylet of a node, `vdit run` and the MLflow server. What dies is started again
after a moment, as a user or a cluster's autoscaler would. Kinds, moments and pauses are drawn from the seed; the machine's own timing is
not. Half of the kills wait for a file that is being written.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import verdict
from drafts import Drafts, Written
from house import NODES, House
from victims import KINDS, Kind, alive, present

STUDY = """
study: chaos
preset: miniature
data:
  benchmark: miniature
  seed: 0
  frames: 2
  world: {{train_videos: 3, valid_videos: 2, frames: 4, height: 32, width: 64, objects: 2}}
train: {{max_steps: {steps}, epochs: 20}}
evaluate: {{light: [0.4], light_draws: 1, drift_clips: 2, drift_frames: 3}}
launch: {{workers: 2, checkpoint_every: 2, report_every: 1}}
design: listed
reference: VD-IT
seeds: {seeds}
arms:
  VD-IT: {{prompt: image+text, noise: predicted}}
  VD-T: {{prompt: text, noise: gaussian}}
measure: [components, consistency, quality, drift, light]
"""
STEPS = 8
TICK_SECONDS = 0.05
STALL_SECONDS = 900
# Whoever waits for a file to be written kills without it after that.
PATIENCE_SECONDS = 15
# At most, until what was killed is started again: a person, a new machine, whoever looks after the server.
PAUSE_SECONDS = {"driver": 2.0, "raylet": 5.0, "server": 8.0}


@dataclass(frozen=True, slots=True)
class Kill:
    """At this share of the study's work, after so many seconds, or then in the middle of a write; `pick` chooses among several victims."""

    share: float
    kind: Kind
    seconds: float
    writing: bool
    pick: float


def draw(kills: int, seed: int) -> list[Kill]:
    """As many of each kind as possible, in random order, over the first four fifths of the study: the rest must be there to be met."""
    generator = random.Random(seed)
    kinds = [KINDS[index % len(KINDS)] for index in range(kills)]
    generator.shuffle(kinds)
    shares = sorted(generator.uniform(0, 0.8) for _ in range(kills))
    return [
        Kill(share, kind, generator.uniform(0, 1), generator.random() < 0.5, generator.random())
        for share, kind in zip(shares, kinds, strict=True)
    ]


@dataclass
class Chaos:
    """Runs the study to its end under `kills`, what is dead being started again after pauses drawn from `generator`."""

    house: House
    trials: int
    kills: list[Kill]
    generator: random.Random
    killed: Counter[str] = field(default_factory=Counter)
    writing: int = 0
    torn: int = 0
    later: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        self.drafts = Drafts(self.house.runs)
        self.next: float | None = None
        self.moved, self.work = time.monotonic(), 0.0
        try:
            while not (self.finished() and not self.kills):
                self.restart()
                self.watch_progress()
                written = list(self.drafts.wait(TICK_SECONDS))
                if self.kills:
                    self.strike(self.kills[0], written)
        finally:
            self.drafts.close()

    def finished(self) -> bool:
        """Whether `vdit run` says that all is done. It may refuse to start without a server or a node; no trial may fail."""
        driver = self.house.driver
        if driver is None or driver.poll() is None:
            return False
        code = driver.poll()
        assert code != 0 or not self.kills, f"done with {len(self.kills)} kills to go; give the study more trials"
        assert code in (0, 2) or code < 0, f"vdit run ended with {code}: {self.said()}"
        return code == 0

    def said(self) -> str:
        driver = self.house.driver
        return "nothing" if driver is None else self.house.said(driver)

    def restart(self) -> None:
        house = self.house
        if house.complete() and (house.driver is None or house.driver.poll() is not None):
            self.after("driver", house.start_driver)
        if house.server is None or house.server.poll() is not None:
            self.after("server", house.start_server)
        house.nodes = present(house.nodes)
        if len(house.nodes) < NODES:
            self.after("raylet", house.add_node)

    def after(self, what: str, start: Callable[[], None]) -> None:
        """Once the pause is over that began when it was first missed."""
        now = time.monotonic()
        due = self.later.setdefault(what, now + self.generator.uniform(0, PAUSE_SECONDS[what]))
        if now >= due:
            del self.later[what]
            start()

    def watch_progress(self) -> None:
        """The study's work is its steps and, as much again, its scoring. Raises AssertionError where nothing goes on."""
        runs = self.house.runs
        steps = sum(path.read_bytes().count(b"\n") for path in runs.glob("trials/*/metrics.jsonl"))
        done = len(list(runs.glob("trials/*/result.json")))
        work = (steps + done * STEPS) / (2 * STEPS * self.trials)
        if work > self.work:
            self.work, self.moved = work, time.monotonic()
        waited = time.monotonic() - self.moved
        assert present([self.house.head]), f"Ray's head is gone; see {self.house.logs}"
        assert waited < STALL_SECONDS, f"no step in {waited:.0f} s, {done} of {self.trials} done; the driver said: {self.said()}"

    def strike(self, kill: Kill, written: list[Written]) -> None:
        """Kills when the moment has come and there is a victim."""
        now = time.monotonic()
        if self.work < kill.share:
            return
        self.next = self.next or now + kill.seconds
        if now < self.next:
            return
        met = meets(kill, written)
        if kill.writing and met is None and now < self.next + PATIENCE_SECONDS:
            return
        victims = alive(self.house, kill.kind)
        if not victims:
            return
        if kill.kind != "server":
            writer = [victim for victim in victims if met and victim.pid == met.writer]
            victims = writer or [victims[int(kill.pick * len(victims))]]
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue
        self.count(kill, met)

    def count(self, kill: Kill, met: Written | None) -> None:
        self.killed[kill.kind] += 1
        if met:
            self.writing += 1
            self.torn += met.path.exists()
        self.kills.pop(0)
        self.next, self.moved = None, time.monotonic()


def meets(kill: Kill, written: list[Written]) -> Written | None:
    """A server is met in a transaction, all others while a worker or the driver writes a file."""
    fitting = [one for one in written if bool(one.writer) != (kill.kind == "server")]
    return fitting[0] if kill.writing and fitting else None


def study(folder: Path, trials: int) -> Path:
    path = folder / "chaos.yaml"
    path.write_text(STUDY.format(steps=STEPS, seeds=list(range(trials // 2))))
    return path


def finish(house: House, trials: int) -> None:
    """`vdit run` to its end, with all it needs, and without kills."""
    if house.server is None or house.server.poll() is not None:
        house.start_server()
    house.wait_for_server()
    house.driver = None
    Chaos(house, trials, [], random.Random(0)).run()


def with_house(file: Path, runs: Path, act: Callable[[House], None]) -> None:
    """All of its processes end with it. Its logs are kept where `act` fails."""
    # Sockets have short names.
    temporary = Path(tempfile.mkdtemp(prefix="vdit"))
    house = House(file, runs, temporary)
    try:
        house.start_head()
        act(house)
    except BaseException:
        shutil.copytree(house.logs, runs.parent / "logs", dirs_exist_ok=True)
        raise
    finally:
        left = house.close()
        shutil.rmtree(temporary, ignore_errors=True)
    assert not left, f"processes are left behind: {left}"


def disturbed(house: House, kills: int, seed: int, trials: int) -> str:
    """The study under kills; then the same command again, which finds nothing to do but what the record lacks. Returns the counts."""
    chaos = Chaos(house, trials, draw(kills, seed), random.Random(seed + 1))
    chaos.run()
    finish(house, trials)
    said = house.said(house.driver)
    assert f"{trials} done, 0 to run" in said, said
    actors = [actor for kind in ("worker", "gang") for actor in alive(house, kind)]
    assert not actors, f"still running: {actors}"
    assert house.left() == {"groups": [], "taken": 0}, house.left()
    verdict.clean(house.runs)
    runs = verdict.recorded(house.uri, house.runs)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(chaos.killed.items()))
    return (
        f"{chaos.killed.total()} kills: {kinds}; {chaos.writing} of them in the middle of a write, {chaos.torn} left a draft\n"
        f"{trials} trials, {verdict.attempts(house.runs)} attempts, {runs} runs; "
        f"{house.started['driver']} drivers, {house.started['node']} nodes, {house.started['server']} servers"
    )


def compare(folder: Path, kills: int, seed: int) -> str:
    """The whole test in an empty folder; returns the counts."""
    trials = max(6, 2 * (kills // 5))
    file, runs, alone = study(folder, trials), folder / "runs", folder / "undisturbed"
    with_house(file, alone, lambda house: finish(house, trials))
    counts: list[str] = []
    with_house(file, runs, lambda house: counts.append(disturbed(house, kills, seed, trials)))
    verdict.same(runs, alone)
    return counts[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    # So that everything is ended then, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    folder = Path(tempfile.mkdtemp(prefix="vdit-chaos-"))
    print(f"seed {given.seed}, in {folder}, which is kept where it fails", flush=True)
    print(compare(folder, given.kills, given.seed))
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
