"""Which loss is retried and when: each budget is used up by hand, the backoff is checked against its formula."""

from dataclasses import replace

import pytest

from vdit.schedule.attempts import Attempts, Kind, Loss
from vdit.schedule.budgets import Again, Over, backoff, spent, verdict

KEY = "5" * 64


def loss(kind: Kind, reason: str = "why", progressed: bool = False, waited: float = 0.0) -> Loss:
    return Loss(kind, reason, "", 0.0, progressed, waited)


def lost(kind: Kind, times: int) -> Attempts:
    return Attempts((loss(kind),) * times)


@pytest.mark.parametrize(("kind", "retries"), [("infrastructure", 20), ("code", 2), ("value", 0)])
def test_a_budget_allows_so_many_retries_and_no_more(kind: Kind, retries: int) -> None:
    for times in range(1, retries + 1):
        assert isinstance(verdict(KEY, lost(kind, times)), Again)
        assert spent(lost(kind, times)) is None
    over = verdict(KEY, lost(kind, retries + 1))
    assert isinstance(over, Over) and over.final
    assert spent(lost(kind, retries + 1)) == over


def test_the_budgets_are_apart() -> None:
    both = Attempts((*lost("infrastructure", 20).losses, *lost("code", 2).losses))
    assert isinstance(verdict(KEY, both), Again)
    assert isinstance(verdict(KEY, both.lost(loss("code"))), Over)


def test_a_day_of_waiting_is_the_end_and_a_day_of_running_is_not() -> None:
    day = 24 * 3600.0
    ran = Attempts((replace(loss("infrastructure"), at=0.0), replace(loss("infrastructure"), at=30 * day)))
    assert isinstance(verdict(KEY, ran), Again)
    waited = Attempts((loss("infrastructure", waited=0.6 * day), loss("infrastructure", waited=0.5 * day)))
    over = verdict(KEY, waited)
    assert isinstance(over, Over) and "it waited 26.4 h" in over.reason


def test_a_refusal_of_input_ends_the_trial_for_this_run_only() -> None:
    refused = Attempts((loss("input", "no such file"),))
    assert verdict(KEY, refused) == Over("no such file", final=False)
    assert spent(refused) is None


def test_waiting_doubles_up_to_half_an_hour_less_a_share_drawn_by_the_key() -> None:
    for losses in range(1, 30):
        longest = min(1800.0, 2.0 ** (losses - 1))
        seconds = backoff(KEY, losses)
        assert longest / 2 <= seconds <= longest
        assert seconds == backoff(KEY, losses), "the draw is seeded"
    assert len({backoff(f"{key:064x}", 3) for key in range(100)}) == 100
    assert backoff(KEY, 10**6) <= 1800


def test_a_trial_that_gets_on_between_losses_waits_no_longer_each_time() -> None:
    stuck, moving = Attempts((loss("infrastructure"),) * 10), Attempts((loss("infrastructure", progressed=True),) * 10)
    assert stuck.stalled() == 10 and moving.stalled() == 1
    mixed = (loss("infrastructure"), loss("infrastructure", progressed=True), loss("infrastructure"), loss("infrastructure"))
    # What progressed is the attempt that was lost: the wait after it is the first again.
    assert [Attempts(mixed[:count]).stalled() for count in range(5)] == [0, 1, 1, 2, 3]
    after, before = verdict(KEY, moving), verdict(KEY, stuck)
    assert isinstance(after, Again) and isinstance(before, Again)
    assert after.seconds <= 1 and before.seconds >= 256
