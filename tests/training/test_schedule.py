"""The learning rate, by hand."""

import pytest

from nmt.training.schedule import WarmUp


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # Steps 1 and 4 of 4 of warm-up; 8, 16 and 20 of 20; one beyond.
        ("linear", [0.25, 1.0, 13 / 17, 5 / 17, 1 / 17, 0.0]),
        ("inverse_sqrt", [0.25, 1.0, 0.5**0.5, 0.5, 0.2**0.5, (4 / 21) ** 0.5]),
        ("none", [0.25, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_to_its_peak_and_decays(decay, expected):
    schedule = WarmUp(peak=2e-3, warmup=4, total=20, decay=decay)
    updates_done = [step - 1 for step in (1, 4, 8, 16, 20, 21)]
    rates = [float(schedule(n)) / 2e-3 for n in updates_done]
    assert rates == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("decay", "expected"),
    [("linear", [20 / 21, 1 / 21]), ("inverse_sqrt", [1.0, 0.05**0.5]), ("none", [1.0, 1.0])],
)
def test_without_warm_up_it_decays_from_the_first_step(decay, expected):
    schedule = WarmUp(peak=1.0, warmup=0, total=20, decay=decay)
    assert [float(schedule(n)) for n in (0, 19)] == pytest.approx(expected, abs=1e-6)


def test_a_schedule_comes_back_from_its_config():
    schedule = WarmUp(peak=1.0, warmup=3, total=9, decay="inverse_sqrt")
    again = WarmUp.from_config(schedule.get_config())
    assert [float(again(n)) for n in range(9)] == [float(schedule(n)) for n in range(9)]
