"""HTML: which texts change, and that nothing else does."""

from html.parser import HTMLParser

import pytest

from nmt.documents import html
from nmt.documents.units import Options, spliced
from nmt.errors import UserError
from nmt.inference.translation import Translation
from tests.fakes import UpperCase, shouted

PAGE = b"""\
<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8">
<title>The page</title>
<meta name="description" content="About the page"><meta name="author" content="Ann">
<style>p > b { color: red }</style>
<script>if (a < b) { document.write("<p>Hello</p>") }</script></head>
<body class=wide><!-- The comment -->
<h1>  Welcome to
   my <em>home</em>&nbsp;</h1>
<ul><li><a href="/?a=1&amp;b=2" title="Go there">Start</a><li>42 &middot; 43</ul>
<p>Don&#39;t open the <b>door</b>, &quot;Ann&quot; &amp; Bob, at 5 &lt; 6.
<img src=a.png alt='The door'><br/>Run <code class="x">make it</code>.</p>
<pre>
  As <b>it</b> is
</pre><textarea>As it is</textarea>
</body></html>
"""
SHOUTED = b"""\
<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8">
<title>THE PAGE</title>
<meta name="description" content="ABOUT THE PAGE"><meta name="author" content="Ann">
<style>p > b { color: red }</style>
<script>if (a < b) { document.write("<p>Hello</p>") }</script></head>
<body class=wide><!-- The comment -->
<h1>  WELCOME TO MY <em>HOME</em>&nbsp;</h1>
<ul><li><a href="/?a=1&amp;b=2" title="GO THERE">START</a><li>42 &middot; 43</ul>
<p>DON'T OPEN THE <b>DOOR</b>, "ANN" &amp; BOB, AT 5 &lt; 6.
<img src=a.png alt='THE DOOR'><br/>RUN <code class="x">make it</code>.</p>
<pre>
  As <b>it</b> is
</pre><textarea>As it is</textarea>
</body></html>
"""


def shout(texts):
    return [shouted(text) for text in texts]


def filled(data):
    edits = []
    for unit in html.read(data, Options()).units:
        edits += unit.edits([best for best, *_ in UpperCase().candidates(unit.sources)])
    return spliced(data, edits)


def test_only_texts_change():
    assert filled(PAGE) == SHOUTED
    assert html.read(PAGE, Options()).source_language == "en-GB"


@pytest.mark.parametrize("form", ["plain", "windows", "mark", "unended"])
def test_line_ends_marks_and_a_missing_last_newline_survive(form):
    formed = {
        "plain": lambda data: data,
        "windows": lambda data: data.replace(b"\n", b"\r\n"),
        "mark": lambda data: b"\xef\xbb\xbf" + data,
        "unended": lambda data: data.removesuffix(b"\n"),
    }[form]
    assert spliced(formed(PAGE), []) == formed(PAGE)
    assert filled(formed(PAGE)) == formed(SHOUTED)
    assert filled(filled(formed(PAGE))) == formed(SHOUTED)


@pytest.mark.parametrize(
    ("fragment", "sources"),
    [
        ("text alone", ["text alone"]),
        ("<p>one<p>two", ["one", "two"]),
        ("one<br>two<hr>three", ["one", "two", "three"]),
        # Tags around all of it stay outside; others go with their words.
        ("<b><i>one</i></b>", ["one"]),
        ("<b>one</b> <i>two</i>", ["<1>one</1> <2>two</2>"]),
        ("<i class=icon></i> one <a id=x></a>", ["one"]),
        ("one <a id=x></a><img src=x>two", ["one <1/><2/>two"]),
        ("one <b>two <i>three</b> four</i>", ["one <1>two <2/>three</1> four"]),
        ("one <!-- note --> two", ["one <1/> two"]),
        # Code stands for words.
        ("press <kbd>Ctrl <b>X</b></kbd> now", ["press ⟦1⟧ now"]),
        ("see <a href=x><code>f</code></a> there", ["see ⟦1⟧ there"]),
        ('the <span translate="no">Big <span>One</span></span> is', ["the ⟦1⟧ is"]),
        ("the <b class='x notranslate'>One</b> is", ["the ⟦1⟧ is"]),
        ("<div translate=no><div>a</div> b</div> c", ["c"]),
        ("<code>a</code>", []),
        ("one <svg><title>x</title></svg> two", ["one <1/> two"]),
        # Nothing to translate, or nothing that can be.
        ("<p>42 &copy; &eacute</p> &nbsp; ♪", ["42 &copy; &eacute"]),
        ("<p>42 &copy;</p> &nbsp; ♪", []),
        # Letters and punctuation are read, other entities come back.
        ("caf&eacute; &ndash; it&rsquo;s &copy; &lt;b&gt;", ["café – it’s &copy; &lt;b&gt;"]),
        # What looks like a mask is none.
        ("⟦1⟧ is <b>x</b> or", ["⟦1⟧ is <2>x</2> or"]),
        # End tags that may be missing.
        ("<ul><li class=notranslate>Foo<li>Bar</ul><p>More", ["Bar", "More"]),
        ("<ul><li translate=no>a<ul><li>b<li>c</ul>d<li>e</ul>f", ["e", "f"]),
        ("<ul><li translate=no><p>a</ul>b", ["b"]),
        ("<ul><li translate=no><b>a</b> b</li><li>c</ul>", ["c"]),
        ("<div><p translate=no>a<p>b</div>c", ["b", "c"]),
        ("<div><p translate=no>a</div>c", ["c"]),
        ("<p translate=no>a<br>b<img src=x><ul><li>c</ul>", ["c"]),
        ("<dl><dt translate=no>a<dd>b<dt>c</dl>", ["b", "c"]),
        (
            "<table><tr><td translate=no>a<td>b<tr translate=no><td>c<td>d<tr><td>e</table>f",
            list("bef"),
        ),
        ("<table><tr translate=no><td><table><tr><td>a</table>b<tr><td>c</table>", ["c"]),
        ("<select><option translate=no>a<option>b</select>", ["b"]),
        # Code of PHP, in which a tag may seem to end.
        ("<?php foreach ($a as $b => $c) { $x->name; } ?>one<?php end(); ?>two", ["one", "two"]),
        ("by <?php echo $x->name; ?> and <?= $y->n ?>", ["by ⟦1⟧ and ⟦2⟧"]),
        # And of templates.
        ("<p>You have <%= count->n > 1 %> lights</p>", ["You have ⟦1⟧ lights"]),
        ("<% if (x > 1) { %><p>On</p><% } %>", ["On"]),
        # Attributes, those of tags within a text with it.
        ('<img alt="a &quot;dog&quot;" title=cat>', ['a "dog"', "cat"]),
        ('see <a title="more" href=x>it</a> now', ["see <1>it</1> now", "more"]),
        ('<input placeholder="Name" value="x" aria-label="">', ["Name"]),
        ('<p title="42">7</p>', []),
        ('<textarea placeholder="Name">x</textarea>', ["Name"]),
        ('<textarea placeholder="Name" translate=no>x</textarea>', []),
        # Code in tags: it stands for words, is all of a value, or ends a text.
        ('<p title="Hello <?= $name ?> there">', ["Hello ⟦1⟧ there"]),
        ('<input placeholder="<%= t("search.hint") %>" type="text">', []),
        (
            '<a href="<%= url_for(action: "show") %>" data-confirm="Are you sure">Delete</a>',
            ["Delete"],
        ),
        (
            "<img <%= link title: 'x' %> title='<% if a > b %>one<% else %> two<% end %>'>",
            ["one", "two"],
        ),
        ("<div<?php if ($a > 1) echo ' title=\"x\"'; ?>>one</div>", ["one"]),
        ("<img alt=<%= one > two %>><img alt=one<%= two %>>", []),
        ("<b data-<%= 'a>b' %>=x>one</b>", ["one"]),
        ('<img alt="a <% b"> one', ["a <% b", "one"]),
        # Tags that are none.
        ("a < b and c > d", ["a < b and c > d"]),
        ('<p title="it>is', ["is"]),
        ("one <b", ["one <b"]),
        ("one <!-- two", ["one <!-- two"]),
        ("one <!-- <b>two</b> --> three", ["one <1/> three"]),
        ("one <!-- two> three", ["one <1/> three"]),
        ("one<![CDATA[ <b>two</b> ]]>three", ["one", "three"]),
        ("<script>one", []),
        ("", []),
    ],
)
def test_texts(fragment, sources):
    found = html.blocks(fragment)
    assert [source for block in found for source in block.sources] == sources
    once = html.translated(fragment, shout)
    assert html.translated(once, shout) == once


@pytest.mark.parametrize(
    ("fragment", "expected"),
    [
        ("a < b", "A &lt; B"),
        ("<p>\n one\n two </p>\n", "<p>\n ONE TWO </p>\n"),
        # No tags and entities come up.
        ("a & b &amp; c &copy; &x", "A &amp; B &amp; C &copy; &amp;X"),
        ("<b title='a & b < c'>d</b>", "<b title='A &amp; B &lt; C'>D</b>"),
        # A word that white space around it has, too.
        ("<td>&nbsp;s</td>", "<td>&nbsp;S</td>"),
        ("<td> &#160; 0x &nbsp;</td>", "<td> &#160; 0X &nbsp;</td>"),
        ('<a title="x &quot;y&quot;">z</a>', '<a title="X &quot;Y&quot;">Z</a>'),
        ("<a title='it&#39;s'>z</a>", "<a title='IT&#39;S'>Z</a>"),
        ("<a title=x>z</a>", '<a title="X">Z</a>'),
        ('go <a title="x">there</a> now', 'GO <a title="X">THERE</a> NOW'),
        ("<P>one <B>two</B> three</P>", "<P>ONE <B>TWO</B> THREE</P>"),
        # Code stays letter for letter.
        (
            """<p title=' "it" by <?= $a["b"] && 'c' ?> ' class="<?= 'd>e' ?>">f</p>""",
            """<p title=' "IT" BY <?= $a["b"] && 'c' ?> ' class="<?= 'd>e' ?>">F</p>""",
        ),
        (
            'go <a title="<% if x %>a <%= "b" %><% end %>" href="<%= c("d") %>">there</a> now',
            'GO <a title="<% if x %>A <%= "b" %><% end %>" href="<%= c("d") %>">THERE</a> NOW',
        ),
    ],
)
def test_fragments(fragment, expected):
    assert html.translated(fragment, shout) == expected


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        # Any order in which tags nest.
        ("<2><1>a</1></2> b<3/>", "<i><b>a</b></i> b<img>"),
        ("<3/><2>b</2> <1>a</1>", "<img><i>b</i> <b>a</b>"),
        ("<1>a <2>b</1></2><3/>", None),
        ("</1>a<1> <2>b</2><3/>", None),
        ("<1>a</1> <2>b</2>", None),
        ("<1>a</1> <2>b</2><3/><3/>", None),
        ("  ", None),
    ],
)
def test_tags_must_come_back_in_an_order_that_nests(translation, expected):
    fragment = "x <b>a</b> <i>b</i><img> y"
    (block,) = html.blocks(fragment)
    if expected is None:
        with pytest.raises(ValueError):
            block.content([translation])
        # A text that cannot be put in stays.
        assert html.translated(fragment, lambda texts: [translation]) == fragment
    else:
        assert block.content([translation]) == expected
    (unit,) = html.read(fragment.encode(), Options()).units
    if expected:
        assert len(unit.edits([Translation(translation)])) == 1


@pytest.mark.parametrize(
    ("translation", "expected"),
    [
        ("<1>b<2/>a</1>d<3/>c", "<b>b<i>a</b>d</i>c"),
        ("<1>a</1> <3/>c <2/>b", None),
        ("<3/>c <1>a</1> <2/>b", None),
    ],
)
def test_tags_that_cross_already_stay_in_their_order(translation, expected):
    fragment = "<b>a<i>b</b>c</i>d"
    written = html.translated(fragment, lambda texts: [translation])
    assert written == (expected or fragment)


class Events(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, [name for name, _ in attributes]))

    def handle_endtag(self, tag):
        self.found.append(tag)


def test_another_parser_sees_the_same_tags():
    assert Events(filled(PAGE).decode()).found == Events(PAGE.decode()).found


def test_long_pages_take_linear_time():
    for part in (
        "<a ",
        '<a b="',
        "<?>",
        "<!-- >",
        "<![CDATA[>",
        "<p translate=no>",
        "<li translate=no><p>",
        "<!--",
        "&",
        "<b>",
        "x ",
        " ",
        "<p title=' ",
        "<%",
        "<a <%",
        "<a <%%>",
        "<a b=<?",
        "<a/b=<%%>",
        "<a a=c' b='>",
        '<a b="<%"%>',
        '<a b="<? ',
        "<a b='<%><a b='%>",
    ):
        assert html.blocks("x" + part * 5_000) is not None


def test_other_encodings_are_refused():
    with pytest.raises(UserError, match=r"line 2: not valid UTF-8; it seems to be WINDOWS-1252"):
        html.read("<p>\nGrüße, schöne Tür".encode("latin-1"), Options())


@pytest.mark.parametrize(
    ("head", "letter"),
    [
        ("", "&#220;"),
        ("<meta charset=us-ascii>", "&#220;"),
        ("<meta charset='UTF-8'>", "Ü"),
        ('<?xml version="1.0" encoding="utf-8"?>', "Ü"),
        ("\ufeff", "Ü"),
        # It is UTF-8 already.
        ("<p>é</p>", "Ü"),
    ],
)
def test_letters_are_written_as_the_page_is_read(head, letter):
    data = f"{head}<p>ue <b title='ue'>ue</b></p>".encode()
    *_, unit = html.read(data, Options()).units
    (edit,) = unit.edits([Translation("Ü <1>Ü</1>"), Translation("Ü")])
    assert edit.content.decode() == f"{letter} <b title='{letter}'>{letter}</b>"


@pytest.mark.parametrize(
    "declaration",
    [
        '<meta charset="ISO-8859-1">',
        '<META http-equiv=Content-Type content="text/html; charset=iso-8859-1">',
        '<?xml version="1.0" encoding="iso-8859-1"?>',
    ],
)
def test_other_charsets_that_are_declared_are_refused(declaration):
    for text in ("<p>one</p>", "<p>é</p>"):
        with pytest.raises(UserError, match="^line 2: declares the charset iso-8859-1; convert"):
            html.read(f"\n{declaration}{text}".encode("latin-1"), Options())
