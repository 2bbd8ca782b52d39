"""Markdown: which texts change, and that nothing else does."""

import random

import pytest
from markdown_it import MarkdownIt

from nmt.documents import markdown
from nmt.documents.units import Options, spliced
from nmt.inference.translation import Translation
from tests.fakes import UpperCase

PAGE = """\
---
title: The page
---
# The *first* page {#first}

The **door** is [open](https://a.b/c_(d) "A title"), because the `motor`
cannot move. See [the book], [Foo][bar] and ![a picture](x.png)[^1].

> A quote that goes over
> two lines.
>
> > [!NOTE]
> > Inner text

1. Open it.
   - [ ] Close it
     again.

     More of it.
2) `code` alone: `only`

| Name | State |
|:-----|------:|
| door | open \\| shut |
| `x` | 42 |

A hard break \x20
and a\\
second one, <kbd>Ctrl</kbd> or <b>bold</b> at $x_1$.

    indented code

~~~ python
print("Hello")
~~~

```{note}
:class: x
A note.
```

```{code-block} python
The code
```

:::{tip} Title
:name: y
A tip.
:::

!!! warning "Title"
    An admonition
    of two lines.

<div>
HTML block
</div>

[^1]: A footnote.

Term
: A definition

$$
x = y
$$

(target)=
Set heading
===

***

[the book]: https://a.b "The title"
[bar]: x.html
"""
SHOUTED = """\
---
title: The page
---
# THE *FIRST* PAGE {#first}

THE **DOOR** IS [OPEN](https://a.b/c_(d) "A title"), BECAUSE THE `motor`
CANNOT MOVE. SEE [THE BOOK][the book], [FOO][bar] AND ![A
PICTURE](x.png)[^1].

> A QUOTE THAT GOES OVER TWO LINES.
>
> > [!NOTE]
> > INNER TEXT

1. OPEN IT.
   - [ ] CLOSE IT AGAIN.

     MORE OF IT.
2) `code` ALONE: `only`

| NAME | STATE |
|:-----|------:|
| DOOR | OPEN \\| SHUT |
| `x` | 42 |

A HARD BREAK \x20
AND A\\
SECOND ONE, <kbd>Ctrl</kbd> OR <b>BOLD</b> AT $x_1$.

    indented code

~~~ python
print("Hello")
~~~

```{note}
:class: x
A NOTE.
```

```{code-block} python
The code
```

:::{tip} Title
:name: y
A TIP.
:::

!!! warning "Title"
    AN ADMONITION OF TWO LINES.

<div>
HTML block
</div>

[^1]: A FOOTNOTE.

TERM
: A DEFINITION

$$
x = y
$$

(target)=
SET HEADING
===

***

[the book]: https://a.b "The title"
[bar]: x.html
"""


def filled(data):
    edits = []
    for unit in markdown.read(data, Options()).units:
        edits += unit.edits([best for best, *_ in UpperCase().candidates(unit.sources)])
    return spliced(data, edits)


def sources(text):
    units = markdown.read(text.encode(), Options()).units
    return [source for unit in units for source in unit.sources]


def test_only_texts_change():
    assert filled(PAGE.encode()).decode() == SHOUTED


@pytest.mark.parametrize("form", ["plain", "windows", "mark", "unended"])
def test_line_ends_marks_and_a_missing_last_newline_survive(form):
    formed = {
        "plain": lambda text: text.encode(),
        "windows": lambda text: text.replace("\n", "\r\n").encode(),
        "mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
        "unended": lambda text: text.removesuffix("\n").encode(),
    }[form]
    assert spliced(formed(PAGE), []) == formed(PAGE)
    assert filled(formed(PAGE)) == formed(SHOUTED)
    assert filled(filled(formed(PAGE))) == formed(SHOUTED)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Blocks.
        ("one\ntwo\n\nthree", ["one two", "three"]),
        ("one\n    two", ["one two"]),
        ("- one\n\n      code\n- two\nlazy", ["one", "two lazy"]),
        ("> one\ntwo\n\n> three", ["one two", "three"]),
        ("## one ##\ntwo\n---\n***", ["one", "two"]),
        ("```\none\n\ntwo", []),
        ("- ```\n  one\n  ```\n  two", ["two"]),
        ("````{note}\none\n```python\ntwo\n```\nthree\n````\nfour", ["one", "three", "four"]),
        ("<!-- one\n\ntwo -->\nthree", ["three"]),
        ("one | two\n--- | ---\nthree | `a\\|b` four", ["one", "two", "three", "⟦1⟧ four"]),
        ("+++\none = 1\n+++\ntwo", ["two"]),
        ("{% if one %}\ntwo\n{% endif %}", ["two"]),
        ("> [!TIP]\n> one", ["one"]),
        ("% one\n\ntwo 5 % of", ["two 5 % of"]),
        # Code and math without a fence.
        ("one\n{% highlight ruby %}\ntwo\n\n- three\n{% endhighlight %}\nfour", ["one", "four"]),
        ("{%- comment -%}\none\n```\n{%- endcomment -%}\ntwo", ["two"]),
        ("- one\n\n  {{< highlight go >}}\n  two\n  {{< /highlight >}}\n  three", ["one", "three"]),
        ("\\begin{align*}\nx &= one \\\\\n\n\\end{align*}\ntwo", ["two"]),
        ("> \\[\n> one\n> \\]\n> two", ["two"]),
        ("\\begin{a} one \\end{a}\n\\[ x = one \\]\n\\[one^2\\]\ntwo", ["two"]),
        ("import A from '@b/A';\nimport {\n  C,\n} from 'd';\n\none", ["one"]),
        ("---\na: b\n---\nexport const a = {\n  b: 'one',\n};\n\ntwo", ["two"]),
        # Of these there is no end, or no beginning.
        ("{% raw %}\none\n{% endraw %}", ["one"]),
        ("{% comment %}\none {% endhighlight %}", ["one {% endhighlight %}"]),
        ("```\n{% comment %}\n```\none\n\n{% endcomment %}", ["one"]),
        (
            "\\begin{a} starts one.\n\ntwo\n\n`\\end{a}` ends it.",
            ["\\begin{a} starts one.", "two", "⟦1⟧ ends it."],
        ),
        ("- \\[ ] one\n\nSee \\[two\\]\n\nthree", ["\\[ ] one", "See \\[two\\]", "three"]),
        ("\\[my_one\\]\n\n\\[See a=b\\]", ["\\[my_one\\]", "\\[See a=b\\]"]),
        (
            "import 'one.csv' into it.\n\nexport class names { here",
            ["import 'one.csv' into it.", "export class names { here"],
        ),
        ("import { and export } are one.", ["import { and export } are one."]),
        ("import A from 'a';\n# one", ["one"]),
        ("\\[one\\] \\[two\\]\n\\[three\n\\]", ["\\[one\\] \\[two\\] \\[three \\]"]),
        ("one\nimport two from 'three'", ["one import two from 'three'"]),
        ("import data from a file, export all", ["import data from a file, export all"]),
        # What stands in a text.
        ("**one** two_three *four*", ["**one** two_three *four*"]),
        ("``a ` b`` one `c", ["⟦1⟧ one `c"]),
        ("{ref}`one` two {doc}`three <x>`", ["⟦1⟧ two ⟦2⟧"]),
        ("[one](<a b> 'c') two", ["<1>one</1> two"]),
        ("[![one](x.png)](y) two", ["<1><2>one</2></1> two"]),
        ("[one] \\[two](x) [`three`](x) four", ["[one] \\[two](x) ⟦1⟧ four"]),
        ("<https://a.b/one> two <!-- three -->", ["⟦1⟧ two"]),
        ("cost $5 or $6, but $a = b$ is", ["cost $5 or $6, but ⟦1⟧ is"]),
        ("`a`, 42 & ![](x.png)", []),
        ("", []),
    ],
)
def test_texts(text, expected):
    assert [source.strip() for source in sources(text)] == expected


def test_a_label_stays_what_it_is():
    page = b"See [Foo] and [bar][] and [baz][FOO] or [none].\n\n[foo]: x\n[bar]: y\n"
    assert filled(page).startswith(b"SEE [FOO][Foo] AND [BAR][bar] AND [BAZ][FOO] OR [NONE].")


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("[^note]: note\n", "[^note]: NOTE\n"),
        ("x[^a]\n\n> [^a]: a\n> b\n", "X[^a]\n\n> [^a]: A B\n"),
        ("- a\n\n  [^x]: x\n", "- A\n\n  [^x]: X\n"),
        ("# a #\n", "# A #\n"),
        ("ab | a | b\n--|--|--\na | ab | a\n", "AB | A | B\n--|--|--\nA | AB | A\n"),
    ],
)
def test_a_word_that_a_mark_has_too(page, expected):
    assert filled(page.encode()).decode() == expected


def kinds(text):
    return [token.type for token in MarkdownIt("commonmark").enable("table").parse(text)]


def test_no_translation_begins_another_block():
    rng = random.Random(0)
    hostile = ["- x", "+ y", "1. z", "2) w", "# h", "> q", "===", "---", "| a", "```", "~~~", "*"]
    hostile += ["***", "* * *", "___", "+++", ":::", "% x", "(x)=", "!!! x"]
    for _ in range(20):
        edits = []
        for unit in markdown.read(PAGE.encode(), Options()).units:
            words = unit.sources[0].split(" ")
            words.insert(rng.randrange(len(words) + 1), rng.choice(hostile))
            edits += unit.edits([Translation(" ".join(words))])
        done = spliced(PAGE.encode(), edits)
        assert kinds(done.decode()) == kinds(PAGE)
        # Nor one of an extension.
        assert len(markdown.read(done, Options()).units) == len(sources(PAGE))


@pytest.mark.parametrize("word", ["% x", ":::", "(x)=", "***", "* * *", "___", "+++", "!!! x"])
def test_no_line_begins_with_a_mark(word):
    (unit,) = markdown.read(b"a line\nand another one", Options()).units
    for text in (word, f"{'x' * 40} {word}"):
        (edit,) = unit.edits([Translation(text)])
        assert b"\\" + word.encode() in edit.content
        assert kinds(edit.content.decode()) == kinds("a")


def test_paragraphs_are_wrapped_as_wide_as_the_document_is():
    wide = b"word " * 15 + b"\n> " + b"word " * 10
    (unit,) = markdown.read(b"> " + wide, Options()).units
    (edit,) = unit.edits([Translation("word " * 40)])
    lines = spliced(b"> " + wide, [edit]).decode().splitlines()
    assert [line[:2] for line in lines] == ["> "] * 3
    assert max(map(len, lines)) == 76
    # What was on one line is on one line.
    (unit,) = markdown.read(b"short", Options()).units
    assert b"\n" not in unit.edits([Translation("word " * 40)])[0].content


def test_code_stays_what_it_is_wherever_lines_end():
    code = "`(prime - 1) / 2 + (x)= y`"
    page = f"A line that is long enough to be wrapped\nat its end, and {code} behind it."
    (unit,) = markdown.read(page.encode(), Options()).units
    for size in range(60):
        edits = unit.edits([Translation(f"{'x' * size} {unit.sources[0]}")])
        assert code in spliced(page.encode(), edits).decode()


def test_long_documents_take_linear_time():
    for line in ("\\[\n", "{% raw %}\n", "\\[=", "\\begin{a}\\end{", "- ", "export const "):
        markdown.read((line * 3_000).encode(), Options())


@pytest.mark.parametrize("translation", ["", "no link", "<1>a</1> <1>b</1>", "</1>a<1>"])
def test_links_must_come_back(translation):
    (unit,) = markdown.read(b"a [link](x) here", Options()).units
    with pytest.raises(ValueError):
        unit.edits([Translation(translation)])
