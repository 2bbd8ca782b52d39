"""What must be copied: lost, added and repaired spans of each group are counted."""

import pytest

from nmt.evaluation.copied_spans import copied_spans, lines


@pytest.mark.parametrize(
    ("source", "output", "reference", "group", "expected"),
    [
        ("{a} and {b}", "{b} und {a}", "{a} und {b}", "placeholder", (2, 0, 0)),
        ("{a} and {a}", "{a} und", "{a} und {a}", "placeholder", (2, 1, 0)),
        ("{a}", "{b}", "{a}", "placeholder", (1, 1, 1)),
        ("{a}", "{a} {a}", "{a}", "placeholder", (1, 0, 1)),
        ("an S3 bucket", "AWS-S3-Bucket", "S3-Bucket", "code", (1, 0, 1)),
        ("none", "{a}", "keiner", "placeholder", (0, 0, 1)),
        ("<b>On</b>", "<b>An", "<b>An</b>", "tag", (2, 1, 0)),
        ("in 2026-11-28", "am 2026-11-82", "am 2026-11-28", "number", (1, 1, 1)),
        # Its reference writes it in another way, so both are right.
        ("11/28/2026", "28.11.2026", "28.11.2026", "number", (0, 0, 0)),
        ("11/28/2026", "11/28/2026", "28.11.2026", "number", (0, 0, 0)),
        ("at https://x.org/a.", "bei https://x.org!", "bei https://x.org/a.", "code", (1, 1, 1)),
    ],
)
def test_each_span_is_counted(source, output, reference, group, expected):
    counts = copied_spans([source] * 2, [output, reference], [reference] * 2, {})
    copied, lost, added = expected
    assert counts[group] == {"copied": 2 * copied, "lost": lost, "added": added, "repaired": 0}


def test_groups_without_any_span_are_not_shown():
    counts = copied_spans(
        ["{a} <b>", "x"], ["{a}", "x"], ["{a}", "x"], {"placeholder": 4, "tag": 1}
    )
    assert list(lines(counts)) == [
        "1 placeholders: 0 lost, 0 added, 4 repaired",
        "0 tags: 0 lost, 0 added, 1 repaired",
    ]
