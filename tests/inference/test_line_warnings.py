"""Warnings about lines: one message for each kind, however many lines it is about."""

import pytest

from nmt.inference.line_warnings import log_warnings
from nmt.inference.translation import Translation
from tests.fakes import messages

LONG = "long, translated in parts"


@pytest.mark.parametrize(
    ("warnings", "expected"),
    [
        ([[], []], []),
        ([[], [LONG]], [f"line 12: {LONG}"]),
        ([[LONG], [], [LONG, LONG]], [f"2 lines (11, 13): {LONG}"]),
        ([[LONG]] * 300, [f"300 lines (11, 12, 13, 14, 15, …): {LONG}"]),
        ([["put back: {a}"], [LONG]], ["line 11: put back: {a}", f"line 12: {LONG}"]),
        ([["put back: {a}"], ["put back: {b}"]], ["2 lines (11, 12): put back"]),
    ],
)
def test_each_kind_is_one_message(warnings, expected):
    with messages() as logged:
        log_warnings([Translation("", warnings=list(of_line)) for of_line in warnings], first=11)
    assert logged == expected
