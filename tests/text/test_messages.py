"""Of ICU messages the branches are translated, the syntax stays."""

import random
import time

import pytest

from nmt.text.messages import Part, split_message
from nmt.text.spans import find_spans

# a message, what of it is translated
MESSAGES = [
    (
        "{count, plural, =0 {No devices} one {# device} other {# devices}} found",
        ["No devices", "# device", "# devices", "found"],
    ),
    (
        "{gender, select, male {He} female {She} other {They}} turned off the light.",
        ["He", "She", "They", "turned off the light."],
    ),
    (
        "You are {n,selectordinal,one{#st}two{#nd} few{#rd} other{#th}}!",
        ["You are", "#st", "#nd", "#rd", "#th", "!"],
    ),
    (
        "{n, plural, offset:1 =1 {{name} is here} other {{name} and {x, number} others}}",
        ["{name} is here", "{name} and {x, number} others"],
    ),
    (
        "{g, select, f {{n, plural, one {her dog} other {her # dogs}} barks} other {a cat}}",
        ["her dog", "her # dogs", "barks", "a cat"],
    ),
    ("Don't {n, plural, other {it''s '{'# dogs'}'}}", ["Don't", "it''s '{'# dogs'}'"]),
    ("{n, plural, one {} other { # dogs\u00a0}}", ["# dogs"]),
    ("{ n , plural , one {a} many-few {b} }", ["a", "b"]),
    ("{n, plural, one {犬} other {犬が#匹}}いる", ["犬", "犬が#匹", "いる"]),
]
# a line that is translated as a whole
WHOLE = [
    "",
    "Turn off the lights.",
    "{n, number} of {d, date, short}",
    "{n, plural, one {a} other {b}",
    "{n, plural, one {a} other {b}}}",
    "{n, plural, }",
    "{n, plural, one a other b}",
    "{n, plural, one {a} other {b}} and a { brace",
    "{n, plural, one {a} other {{{b}}}}",
    "{n, plural, " * 30,
    "{n, plural, other {" * 30 + "}}" * 30,
]


@pytest.mark.parametrize(("line", "translated"), MESSAGES)
def test_the_branches_are_translated(line, translated):
    parts = split_message(line)
    assert [part.text for part in parts if part.translated] == translated
    assert "".join(part.text for part in parts) == line


@pytest.mark.parametrize("line", WHOLE)
def test_what_is_no_message_is_one_part(line):
    assert split_message(line) == [Part(line, True)]


def test_the_number_in_a_branch_is_a_span():
    for text in ("# devices", "you and # others", "犬が#匹", "(#)"):
        assert [text[span.start : span.end] for span in find_spans(text)] == ["#"]


def test_any_line_is_the_parts_joined():
    rng = random.Random(3)
    fragments = ["{n, plural,", "{g,select, ", "one {", "other {", "{n}", "=1", "offset:1 "]
    fragments += ["{", "}", "}}", "'", "''", "'{", "#", "dog", " ", "{n, plural, other {# dogs}}"]
    several = 0
    for _ in range(3000):
        line = "".join(rng.choices(fragments, k=rng.randrange(8)))
        parts = split_message(line)
        assert "".join(part.text for part in parts) == line
        several += len(parts) > 1
    assert several > 60


@pytest.mark.parametrize("repeated", ["{n, plural, other {'{' a}} c ", "{n, plural, ", "'{", "{n}"])
def test_the_time_is_linear(repeated):
    line = "{n, plural, other {a}}" + repeated * (30_000 // len(repeated))
    start = time.process_time()
    split_message(line)
    assert time.process_time() - start < 3
