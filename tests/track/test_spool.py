"""The record told in the background. Oracle: a record in memory that goes away and comes back, and fails half-way."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from vdit.config.key import folder_name
from vdit.track import spool
from vdit.track.entry import Entry, RecordLostError
from vdit.track.memory import Memory
from vdit.track.spool import Spool

ARMS = ("VD-I", "VD-T", "VD-IT")
ENTRIES = {arm: Entry(arm.lower().ljust(64, "0"), arm, 0, {}, "c", "d", "w", "", {}) for arm in ARMS}


class Server(Memory):
    """Memory that does not answer while `down`, and fails `tears` times after it did what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.tears, self.asked = False, 0, 0
        self.calls: list[tuple[str, str]] = []
        self.tags: dict[str, str] = {}
        self.ended: list[str] = []
        self.poison = "nothing"

    def answer(self, verb: str, key: str, act: Callable[[], None]) -> None:
        self.asked += 1
        if self.down or key == self.poison:
            raise RecordLostError("no answer")
        act()
        if self.tears:
            self.tears -= 1
            raise RecordLostError("torn")
        self.calls.append((verb, key))

    def opened(self) -> "Server":
        self.answer("open", "", lambda: None)
        return self

    def start(self, entry: Entry) -> None:
        self.answer("start", entry.key, lambda: Memory.start(self, entry))

    def log(self, key: str, rows: Sequence[Mapping[str, float]]) -> None:
        self.answer("log", key, lambda: Memory.log(self, key, rows))

    def finish(self, entry: Entry, folder: Path) -> None:
        self.answer("finish", entry.key, lambda: Memory.finish(self, entry, folder))

    def fail(self, key: str, reason: str) -> None:
        self.answer("fail", key, lambda: Memory.fail(self, key, reason))

    def skip(self, key: str, reason: str) -> None:
        self.answer("skip", key, lambda: Memory.skip(self, key, reason))

    def study(self, plan: Mapping[str, Any]) -> None:
        self.answer("study", str(plan["study"]), lambda: Memory.study(self, plan))

    def note(self, name: str, value: str) -> None:
        self.answer("note", name, lambda: self.tags.update({name: value}))

    def close(self, status: str) -> None:
        self.answer("close", status, lambda: self.ended.append(status))


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def news() -> list[str]:
    return []


@pytest.fixture
def told(server: Server, news: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Spool:
    monkeypatch.setattr(spool, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(spool, "LONGEST_PAUSE", 0.04)
    monkeypatch.setattr(spool, "PATIENCE", 0.2)
    return Spool(server, server.opened, tmp_path, news.append)


def row(step: int) -> dict[str, float]:
    return {"step": float(step), "time": 1e9 + step, "loss": 10.0 - step}


def study(told: Spool, arm: str, runs: Path, steps: range = range(3)) -> None:
    """A trial from its start to its end."""
    told.start(ENTRIES[arm])
    for step in steps:
        told.log(ENTRIES[arm].key, [row(step)])
    told.finish(ENTRIES[arm], runs / arm)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for too long"
        time.sleep(0.005)


def finished(server: Server) -> list[str]:
    return [key for verb, key in server.calls if verb == "finish"]


def test_everything_arrives_in_order_and_the_study_is_closed_last(told: Spool, server: Server, tmp_path: Path, news: list[str]) -> None:
    for arm in ARMS:
        study(told, arm, tmp_path)
    told.note("vdit.ray.dashboard", "http://127.0.0.1:8265")
    assert told.close("FINISHED") == ""
    assert {key: sorted(rows) for key, rows in server.rows.items()} == {entry.key: [0, 1, 2] for entry in ENTRIES.values()}
    assert finished(server) == [ENTRIES[arm].key for arm in ARMS]
    assert server.calls[-1] == ("close", "FINISHED") and server.ended == ["FINISHED"]
    assert server.tags == {"vdit.ray.dashboard": "http://127.0.0.1:8265"}
    assert [key for verb, key in server.calls if verb == "start"] == [ENTRIES[arm].key for arm in ARMS]
    assert not news


def test_a_study_never_waits_for_its_record(told: Spool, server: Server, tmp_path: Path) -> None:
    free = threading.Event()
    server.answer = lambda *_: free.wait(5)  # type: ignore[assignment, method-assign, return-value]
    started = time.monotonic()
    study(told, "VD-I", tmp_path, range(2000))
    assert time.monotonic() - started < 2
    free.set()
    assert told.close("FINISHED") == ""


def test_what_a_dead_server_missed_arrives_when_it_is_back_once(told: Spool, server: Server, tmp_path: Path, news: list[str]) -> None:
    study(told, "VD-I", tmp_path)
    until(lambda: finished(server))
    server.down = True
    study(told, "VD-T", tmp_path)
    told.start(ENTRIES["VD-IT"])
    told.log(ENTRIES["VD-IT"].key, [row(0)])
    until(lambda: server.asked > 12)
    assert len(finished(server)) == 1
    server.down = False
    until(lambda: len(finished(server)) == 2)
    told.log(ENTRIES["VD-IT"].key, [row(1)])
    told.finish(ENTRIES["VD-IT"], tmp_path)
    assert told.close("FINISHED") == ""
    assert finished(server) == [ENTRIES[arm].key for arm in ARMS]
    assert sorted(server.rows[ENTRIES["VD-T"].key]) == [0, 1, 2] and sorted(server.rows[ENTRIES["VD-IT"].key]) == [0, 1]
    assert len(news) == 2 and "no answer" in news[0] and "answers again" in news[1]


def test_attempts_become_rarer(told: Spool, server: Server, tmp_path: Path) -> None:
    server.down = True
    study(told, "VD-I", tmp_path)
    time.sleep(0.5)
    assert 3 <= server.asked <= 20  # pauses of 0.01, 0.02, 0.04, 0.04 ... seconds


def test_a_server_that_stays_away_is_left_with_a_word(told: Spool, server: Server, tmp_path: Path) -> None:
    server.down = True
    study(told, "VD-I", tmp_path)
    started = time.monotonic()
    assert told.close("FINISHED") == "VD-I (seed 0) not recorded yet: no answer"
    assert time.monotonic() - started < 5


def test_an_answer_that_is_lost_half_way_is_asked_for_again(told: Spool, server: Server, tmp_path: Path) -> None:
    server.tears = 5
    study(told, "VD-I", tmp_path)
    assert told.close("FINISHED") == ""
    assert finished(server) == [ENTRIES["VD-I"].key]
    assert sorted(server.rows[ENTRIES["VD-I"].key]) == [0, 1, 2]


def test_a_trial_that_the_record_refuses_holds_up_no_other(told: Spool, server: Server, tmp_path: Path) -> None:
    server.poison = ENTRIES["VD-I"].key
    for arm in ARMS:
        study(told, arm, tmp_path)
    assert "VD-I (seed 0) not recorded yet" in told.close("FINISHED")
    assert finished(server) == [ENTRIES["VD-T"].key, ENTRIES["VD-IT"].key]


def test_a_long_outage_is_read_from_the_folder_not_kept_in_memory(told: Spool, server: Server, tmp_path: Path) -> None:
    outage(told, server, tmp_path / "trials" / folder_name(ENTRIES["VD-I"].key))


def test_steps_that_a_driver_died_before_it_told_of_arrive_with_the_next_drivers_first(told: Spool, server: Server, tmp_path: Path) -> None:
    entry = ENTRIES["VD-I"]
    folder = tmp_path / "trials" / folder_name(entry.key)
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row(step)) + "\n" for step in (0, 1)))
    told.start(entry)
    told.log(entry.key, [row(2)])
    told.fail(entry.key, "loss is nan at step 3")
    assert told.close("FINISHED") == ""
    assert sorted(server.rows[entry.key]) == [0, 1, 2] and entry.key in server.failed


def test_that_of_a_stage_is_read_from_the_stages_folder(told: Spool, server: Server, tmp_path: Path) -> None:
    outage(Spool(server, server.opened, tmp_path, print, lambda entry: tmp_path / "stages" / entry.arm), server, tmp_path / "stages/VD-I")
    assert told.close("FINISHED") == ""


def outage(told: Spool, server: Server, folder: Path) -> None:
    """Longer than memory takes rows."""
    entry, steps = ENTRIES["VD-I"], 3 * spool.ROWS_KEPT
    folder.mkdir(parents=True)
    server.down = True
    told.start(entry)
    with (folder / "metrics.jsonl").open("w") as file:
        for step in range(steps):
            file.write(json.dumps(row(step)) + "\n")
            told.log(entry.key, [row(step)])
            assert sum(len(due.rows) for due in told.due.values()) <= spool.ROWS_KEPT
        file.write('{"step": 1')  # a line that is being written
    server.down = False
    assert told.close("KILLED") == ""
    assert sorted(server.rows[entry.key]) == list(range(steps))


def test_a_failure_is_recorded_with_its_reason(told: Spool, server: Server) -> None:
    server.down = True
    told.start(ENTRIES["VD-I"])
    told.fail(ENTRIES["VD-I"].key, "ValueError: a.jpg")
    server.down = False
    assert told.close("FAILED") == ""
    assert server.failed == {ENTRIES["VD-I"].key: "ValueError: a.jpg"}


def test_what_is_left_without_a_result_is_ended_and_a_result_that_comes_after_all_counts(
    told: Spool, server: Server, tmp_path: Path
) -> None:
    server.down = True
    for arm in ("VD-I", "VD-T"):
        told.start(ENTRIES[arm])
        told.skip(ENTRIES[arm].key, "PREEMPTED: interrupted")
    told.finish(ENTRIES["VD-T"], tmp_path)
    server.down = False
    assert told.close("KILLED") == ""
    assert server.skipped == {ENTRIES["VD-I"].key: "PREEMPTED: interrupted"}
    assert finished(server) == [ENTRIES["VD-T"].key]


def test_the_newest_plan_arrives_also_where_the_record_was_opened_again_with_the_first(told: Spool, server: Server) -> None:
    told.study({"study": "s", "trials": [1]})
    until(lambda: server.plans)
    server.down = True
    told.study({"study": "s", "trials": [1, 2]})
    told.note("name", "value")
    until(lambda: server.asked > 4)
    server.down = False
    assert told.close("FINISHED") == ""
    assert server.plans[-1]["trials"] == [1, 2]
    assert server.calls[-1] == ("close", "FINISHED")
