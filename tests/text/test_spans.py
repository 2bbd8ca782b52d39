"""What must not be translated is found, whatever the text."""

import pytest

from nmt.text.spans import KINDS, find_spans

EXAMPLES = [(example, kind) for kind in KINDS for example in kind.examples]


@pytest.mark.parametrize(
    "sentence", ["{}", "Turn off {} now, please.", "Turn off {}", "電気を{}消す"]
)
def test_every_example_is_one_span_of_its_kind(sentence):
    for example, kind in EXAMPLES:
        line = sentence.replace("{}", example)
        start = sentence.index("{}")
        assert find_spans(line) == [(start, start + len(example), kind)], line
