"""What a study has spent, by a clock of our own; disk by `os.walk` over files of known size."""

from pathlib import Path

import pytest

from vdit.schedule import spending
from vdit.schedule.spending import Spending, size


def test_wall_and_gpus_count_while_trials_run_and_outlive_the_driver(tmp_path: Path) -> None:
    first = Spending(tmp_path, [], False, now=100.0)
    first.tick(130.0, 0, [])
    first.tick(160.0, 4, [tmp_path / "a"])
    first.keep(160.0)
    assert spending.read(tmp_path) == (30.0, 120.0)
    second = Spending(tmp_path, [], False, now=5000.0)
    amount = second.tick(5060.0, 2, [tmp_path / "a"])
    assert (amount.wall_hours, amount.gpu_hours) == pytest.approx((90 / 3600, 240 / 3600))


def test_a_killed_driver_forgets_ten_seconds_at_most(tmp_path: Path) -> None:
    counting = Spending(tmp_path, [], False, now=0.0)
    for second in range(1, 96):
        counting.tick(float(second), 1, [tmp_path / "a"])
    assert spending.read(tmp_path)[0] >= 85


def test_disk_is_that_of_all_trials_measured_again_while_they_run(tmp_path: Path) -> None:
    done, begun = tmp_path / "done", tmp_path / "begun"
    (done / "checkpoint").mkdir(parents=True)
    (done / "checkpoint" / "a").write_bytes(b"x" * 3000)
    (done / "b").write_bytes(b"x" * 500)
    assert size(done) == 3500 and size(begun) == 0
    counting = Spending(tmp_path / "study", [done, begun], True, now=0.0)
    begun.mkdir()
    (begun / "c").write_bytes(b"x" * 1000)
    assert counting.tick(1.0, 0, [begun]).disk_gb == 3500 / 1e9
    counting.tick(20.0, 0, [begun])
    assert counting.amount().disk_gb == 4500 / 1e9
    (begun / "c").write_bytes(b"x" * 10)
    counting.ended(begun)
    assert counting.amount().disk_gb == 3510 / 1e9


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "spent.json").write_text('{"wall_seconds": 1}')
    with pytest.raises(ValueError, match=r"spent\.json: .*remove it"):
        spending.read(tmp_path)
