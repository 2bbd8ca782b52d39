"""The table of what must not be translated: a row a kind of span, and the patterns around it.

A span of role SYMBOL has a place in the sentence: the model sees one symbol for it. A span of role
MARK has none: it is taken out, and put back where attention says. A plain number (one or two
digits) is text: it says singular or plural.
"""

from typing import NamedTuple

SYMBOL = "symbol"
MARK = "mark"


class Kind(NamedTuple):
    """A kind of span: a row of the table."""

    name: str
    # placeholder, tag, number, code or symbol
    group: str
    # SYMBOL or MARK
    role: str
    # A regular expression.
    pattern: str
    examples: tuple[str, ...] = ()


# Letters of words between spaces: beside Japanese or Thai letters a code may begin or end.
_LETTER = r"0-9A-Za-z_\xAA\xB5\xBA\xC0-\xD6\xD8-\xF6\xF8-\u052F\u1E00-\u1FFF"
_WORD = rf"(?<![{_LETTER}])"
_END = rf"(?![{_LETTER}])"
# Where a path, an option or a sign may begin: not behind letters or closing marks.
_FREE = rf"(?<![{_LETTER}!#$%&)+./;?@\\\]}}~’”°-])"
# Beside white space or letters of text without spaces.
_ALONE = r"(?<![!-~\xA1-\u1FFF\u2010-\u202E\u2030-\u2E7F])"
_ALONE_END = r"(?![!-~\xA1-\u1FFF\u2010-\u202E\u2030-\u2E7F])"
_HEX = "[0-9A-Fa-f]"
_NUMBER = r"[0-9]{1,40}(?:[.,'’\xA0\u202F][0-9]{1,40}){0,20}(?![0-9])"
_CURRENCY = r"¢£¤¥֏؋৲৳૱฿៛\u20A0-\u20C0﷼￠￡￥￦"
_RAISED = r"\xB2\xB3\xB9\u2070-\u208E"
_PICTURE = (
    r"\u2020-\u2023\u2043\u2300-\u23FF\u25A0-\u2767\u27B0\u27BF\u2B00-\u2BFF\u3030\u303D\u3297"
    r"\u3299\xA9\xAE\u2117\u2120\u2122\U0001F000-\U0001FAFF"
)
_VARIANT = r"[\uFE0E\uFE0F\u20E3\U0001F3FB-\U0001F3FF\U000E0020-\U000E007F]"
# A character of an address, which Japanese text may follow without a space.
_URL = r"[!#-&*-;=?-Z^_a-z~\xA1-\u1FFF]"
_REST_OF_URL = rf"(?:(?:{_URL}|\{{\w{{1,60}}\}}|\({_URL}{{1,60}}\)){{0,2000}}(?<![.,;:!?*_]))"
_TLD = (
    "com|org|net|edu|gov|io|dev|app|info|local|lan|home|internal|eu|uk|de|at|ch|fr|es|nl|pl|cz|se|"
    "dk|fi|pt|br|ru|ua|jp|cn|tw|kr|au|ca|nz|tv|ai|xyz|cloud"
)
_FILE = (
    "ya?ml|json5?|toml|ini|conf|cfg|xml|html?|css|jsx?|tsx?|py|rb|php|go|rs|java|kt|c|h|cpp|sh|"
    "bat|exe|dll|so|deb|rpm|dmg|iso|zip|gz|tgz|tar|bz2|xz|7z|rar|png|jpe?g|gif|svg|webp|ico|bmp|"
    "tiff?|mp[34]|m4a|wav|ogg|flac|avi|mkv|mov|pdf|docx?|xlsx?|pptx?|odt|ods|txt|md|rst|csv|tsv|"
    "log|db|sql|sqlite3?|bin|pem|crt|key|pot?|mo|tmx|xliff|srt|vtt|env|lock|bak"
)
# As cameras write it: IMG_0042.JPG
_FILE = f"{_FILE}|{_FILE.upper()}"
_HTML = (
    "a|abbr|b|big|blockquote|br|button|center|cite|code|dd|del|div|dl|dt|em|font|h[1-6]|hr|i|img|"
    "input|ins|kbd|label|li|mark|ol|p|pre|q|s|samp|section|small|span|strike|strong|sub|sup|svg|"
    "table|tbody|td|th|thead|tr|tt|u|ul|var|video|wbr"
)
_ATTRIBUTES = r"(?:\s(?:(?:[^<>\"']|\"[^\"]{0,500}\"|'[^']{0,500}'){0,300}+(?=>)|[^<>]{0,500}))?"
# What stands behind a printf format without a space: %ds %dpx %sGB
_UNIT = rf"(?:s|x|h|m|ms|min|sec|px|pt|[kKMGT]?i?[Bb]|[kMG]?Hz|[kM]?Wh?|C|F|K|V|st|nd|rd|th){_END}"
# `Several words` that begin as a sentence does.
_WORDS_IN_BACKTICKS = r"`[A-Z][A-Za-z']{0,40}(?: [A-Za-z']{1,40}){1,20}`"
_WIDTH = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3})?|\.[0-9]{1,3})"
_PRINTF = r"[-+#0,']{0,4}[0-9*]{0,4}(?:\.[0-9*]{1,3})?(?:hh?|ll?|[qLzjt])?"
_BRACED = (
    # {user.name} {user[name]} {$var} { -brand } { NUMBER($x) } {x|upper} {x!r}
    r"\s{0,5}-?\$?[\w.:/-]{0,100}(?:\[[^\[\]{}]{0,100}\]|\([^(){}]{0,200}\)|\.[\w-]{1,60}){0,8}"
    r"(?:\|[^{}]{1,60})?=?(?:![rsa])?(?:"
    # {x:>10} {x:.{n}f}
    r":(?:[^\s{}]|\{\w{0,60}\}){0,60}"
    # {0:d MMM yyyy} {0,-10:F2}
    r"|(?<=[0-9]):[^{}]{1,60}|,-?[0-9]{1,3}(?::[^{}]{1,40})?"
    # {day, date, short}
    r"|,\s?(?:number|date|time|ordinal|duration|spellout|list)\b[^{}]{0,80})?\s{0,5}"
)
_AFTER_CAPITAL = "|".join(rf"(?<=\b[A-Z][a-z]{{{n}}}&)" for n in range(12))

# The first kind that fits at a place is taken: longer and more specific ones stand first.
# Repeats are bounded, so that the time is linear.
# Letters are ASCII but where (?u:…) stands.
KINDS = (
    Kind(
        "own symbol",
        "placeholder",
        SYMBOL,
        r"[\uE000-\uF8FF\U000F0000-\U0010FFFD]",
        ("\ue000",),
    ),
    Kind(
        "template statement",
        "placeholder",
        MARK,
        r"\{%(?:[^{%]++|%(?!\})|\{(?!%)){0,500}%\}|\{#[^#{}]{0,300}#\}|\{\{!--[^{}]{0,300}--\}\}"
        r"|\{\{[-~]?\s?(?:[#/^!]|(?:if|else|end|range|with)\b)[^{}]{0,300}\}\}"
        r"|\{[#/](?:if|each|await|key)\b[^{}]{0,200}\}|<%(?!=)(?:[^<%]++|%(?!>)|<(?!%)){0,500}%>",
        ("{% if open %}", "{# note #}", "{{#each list}}", "{{/each}}", "{{ end }}", "<% end %>"),
    ),
    Kind(
        "template",
        "placeholder",
        SYMBOL,
        r"\$?\{\{\{?(?:[^{}]|\{[^{}]{0,100}\}){0,300}\}?\}\}"
        r"|<%=(?:[^<%]++|%(?!>)|<(?!%)){0,500}%>"
        r"|<\?(?:php\b|=)(?:[^<?]++|\?(?!>)|<(?!\?)){0,500}\?>",
        ("{{name}}", "{{ states('sensor.door') }}", "{{{html}}}", "<%= x %>", "<?php echo $x ?>"),
    ),
    Kind(
        "sign and braces",
        "placeholder",
        SYMBOL,
        r"[$%#@]\{(?:[^{}]|\{[^{}]{0,100}\}){1,200}\}",
        ("${name}", "%{count}", "#{user.name}", "${a ? 'b' : 'c'}"),
    ),
    Kind(
        "CAT bracket",
        "tag",
        MARK,
        r"\{[0-9]{1,3}[>\]]|[<\[][0-9]{1,3}\}",
        ("{1>", "<1}", "[1}", "{1]"),
    ),
    Kind(
        "subtitle code",
        "tag",
        MARK,
        r"\{\\[^{}]{1,200}\}",
        (r"{\an8}", r"{\i1}", r"{\c&H0000FF&\b1}"),
    ),
    Kind(
        "braces",
        "placeholder",
        SYMBOL,
        rf"\{{(?u:{_BRACED}|\s?\"[^\"]{{0,60}}\"\s?)\}}",
        ("{name}", "{}", "{0:.2f}", "{value!r}", "{user[name]}", "{name:>10}", "{$var}")
        + ("{ -brand }", "{n, number}", "{day, date, short}", "{ NUMBER($x, digits: 2) }"),
    ),
    Kind(
        "CAT marker",
        "placeholder",
        SYMBOL,
        r"\[[A-Z]{0,3}[0-9]{1,4}[A-Z]{0,3}\]|@@\w{1,60}@@|##\w{1,60}##|%%\w{1,60}%%"
        r"|\$\$\w{1,60}\$\$|[⟦⟨][^⟦⟧⟨⟩]{1,60}[⟧⟩]|\[%[^\[\]]{1,200}%\]",
        ("[X5X]", "[1]", "@@PH3@@", "##name##", "⟦1⟧", "[%key:common::on%]"),
    ),
    Kind(
        "double brackets",
        "placeholder",
        SYMBOL,
        r"\[\[[^\[\]]{1,200}\]\]",
        ("[[name]]",),
    ),
    Kind(
        "named per cent",
        "placeholder",
        SYMBOL,
        r"%<\w{1,60}>[0-9.]{0,6}[a-z]?|(?<![0-9])%[A-Za-z_][\w.]{1,60}%(?![%\w$(])"
        # A text of its own for each number, as Xcode has it.
        r"|%(?:[0-9]{1,2}\$)?#@(?u:[\w.-]){1,60}@",
        ("%<total>d", "%user_name%", "%APPDATA%", "%#@count@", "%1$#@files@"),
    ),
    Kind(
        "printf",
        "placeholder",
        SYMBOL,
        rf"%(?:\((?u:[\w.:-]){{1,60}}\)|[0-9]{{1,2}}\$){_PRINTF}[A-Za-z@]"
        rf"|(?<![0-9])%{_PRINTF}(?:@|[A-Za-z](?:{_END}|(?={_UNIT})))"
        # Behind "% " a letter is a word, unless it is d, or numbers stand before it.
        rf"|(?<![0-9])%(?<![0-9]\s%)\ (?:d(?!['’])|[-+#0]{{0,4}}{_WIDTH}[diouxXfFeEgG]){_END}"
        # 5%d is a format, 100%ig is none.
        rf"|(?<=[0-9])%[0-9.]{{0,4}}l?[dsiuf@]{_END}|%%",
        (
            "%s",
            "%1$s",
            "%(name)d",
            "%-10s",
            "%5.2f",
            "%lu",
            "%(a.b)s",
            "%@",
            "%%",
            "%02d",
            "%n",
            "% d",
            "% 5.2f",
            "% .2f",
        ),
    ),
    Kind(
        "Qt argument",
        "placeholder",
        SYMBOL,
        r"(?<![0-9])%L?[0-9]{1,2}(?:%(?!%)|(?![0-9]))",
        ("%1", "%L1", "%12", "%1%"),
    ),
    Kind(
        "per cent name",
        "placeholder",
        SYMBOL,
        rf"(?<![0-9])%[A-Za-z_]\w{{2,60}}{_END}",
        ("%count", "%username"),
    ),
    Kind(
        "amount of money",
        "number",
        SYMBOL,
        rf"[{_CURRENCY}][ \xA0\u202F]?{_NUMBER}"
        rf"|\$(?=[0-9][0-9.,]?[0-9]){_NUMBER}"
        rf"|{_WORD}{_NUMBER}[ \xA0\u202F]?[{_CURRENCY}$](?![\w{{(])",
        ("€5", "$5.00", "$1,000", "5 €", "5,00 €", "£20", "100¥", "5$"),
    ),
    Kind(
        "dollar name",
        "placeholder",
        SYMBOL,
        r"\$\w{0,40}\([^()]{0,200}\)|\$(?:[A-Za-z_]\w{0,60}|[0-9](?![0-9]))",
        ("$name", "$1", "$t(common.off)", "$(pwd)", "$HOME"),
    ),
    Kind(
        "linked message",
        "placeholder",
        SYMBOL,
        r"@(?:\.\w{1,30})?:(?:\([\w.-]{1,100}\)|[A-Za-z][\w-]{0,60}(?:\.[\w-]{1,60}){0,8})",
        ("@:common.off", "@:(common.off)", "@.lower:common.off"),
    ),
    Kind(
        "colon name",
        "placeholder",
        SYMBOL,
        rf"{_FREE}(?<!:):[a-z][a-z0-9_]{{1,60}}(?![{_LETTER}:])",
        (":name", ":max_size"),
    ),
    Kind(
        "comment",
        "tag",
        MARK,
        r"<!--(?:[^<-]++|-(?!->)|<(?!!--)){0,500}-->",
        ("<!-- note -->",),
    ),
    Kind(
        "tag",
        "tag",
        MARK,
        r"</?[0-9]{1,4}\s?/?>|</[A-Za-z][\w:.-]{0,60}\s{0,3}>"
        rf"|<(?:{_HTML})(?![\w:.-]){_ATTRIBUTES}/?>"
        r"|<[A-Za-z][\w:.-]{0,60}\s{0,3}/>"
        rf"|<[A-Za-z][\w:.-]{{0,60}}(?=\s[^<>=]{{1,60}}=){_ATTRIBUTES}/?>"
        r"|<(?P<tag>[A-Za-z][\w:.-]{0,60})>(?=.{0,300}?</(?P=tag)>)",
        ("<b>", "</b>", "<0>", "</0>", "<1/>", "<br/>", "</link>", "<Trans />")
        + ("<input disabled>", '<a href="a>b" class=x>', "<ph id='1'/>"),
    ),
    Kind(
        "escaped tag",
        "tag",
        MARK,
        r"&lt;/?[A-Za-z][^<>&;]{0,200}/?&gt;",
        ("&lt;b&gt;", "&lt;/b&gt;"),
    ),
    Kind(
        "entity",
        "tag",
        SYMBOL,
        r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});",
        ("&amp;", "&#38;", "&#x26;", "&nbsp;", "&apos;"),
    ),
    Kind(
        "code in a text",
        "code",
        SYMBOL,
        r"```[^`]{1,2000}```|```\w{0,20}|``[^`]{1,300}``"
        # Words are translated.
        rf"|(?!{_WORDS_IN_BACKTICKS})`[^`]{{1,300}}`",
        ("`turn_off`", "``x``", "```x = 1```", "`sudo reboot`"),
    ),
    Kind(
        "link",
        "tag",
        MARK,
        # The text of a link may hold a picture.
        r"!?\[(?=(?:[^\[\]]|\[[^\[\]]{0,200}\]\([^()\s]{1,500}\)){0,500}\]\([^()\s])"
        r"|\]\((?:[^()\s]|\([^()\s]{0,200}\)){1,2000}(?:\s\"[^\"]{0,200}\")?\)",
        ("](https://example.org/a_b)", "]({url})", '](a.html "A title")'),
    ),
    Kind(
        "forum code",
        "tag",
        MARK,
        r"\[/?(?:b|i|u|s|url|img|quote|code|color|size|list|\*)(?:=[^\[\]\s]{1,200})?\]",
        ("[b]", "[/b]", "[url=https://example.org]"),
    ),
    Kind(
        "address in angles",
        "code",
        SYMBOL,
        r"<(?:[a-z][a-z0-9+.-]{1,20}:|[\w.+-]{1,64}@)[^\s<>]{1,500}>",
        ("<https://example.org>", "<me@example.org>"),
    ),
    Kind(
        "name in angles",
        "placeholder",
        SYMBOL,
        r"<[A-Za-z][\w.:-]{0,60}>",
        ("<name>", "<device_id>"),
    ),
    Kind(
        "address",
        "code",
        SYMBOL,
        rf"{_WORD}(?:[A-Za-z][A-Za-z0-9+.-]{{1,20}}://{_REST_OF_URL}"
        rf"|(?:mailto|tel|data|urn):(?=[^\s]){_REST_OF_URL}|www\.(?=[A-Za-z0-9]){_REST_OF_URL})",
        ("https://example.org/a_b?c=d#e", "rtsp://{host}:554/live", "www.example.org", "http://"),
    ),
    Kind(
        "mail address",
        "code",
        SYMBOL,
        rf"(?<![{_LETTER}.+-])[A-Za-z0-9_.+-]{{1,64}}@"
        r"(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,20}",
        ("some.one+tag@example.co.uk",),
    ),
    Kind(
        "UUID",
        "code",
        SYMBOL,
        rf"{_WORD}{_HEX}{{8}}(?:-{_HEX}{{4}}){{3}}-{_HEX}{{12}}{_END}",
        ("123e4567-e89b-12d3-a456-426614174000",),
    ),
    Kind(
        "MAC address",
        "code",
        SYMBOL,
        rf"{_WORD}(?:{_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}{_END}",
        ("00:1A:2b:3c:4d:5e",),
    ),
    Kind(
        "IP address",
        "code",
        SYMBOL,
        rf"{_WORD}(?:(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}(?:/[0-9]{{1,2}}|:[0-9]{{1,5}})?{_END}"
        rf"|(?:{_HEX}{{1,4}}:){{7}}{_HEX}{{1,4}}{_END}"
        rf"|(?={_HEX}{{0,4}}[0-9:])(?:{_HEX}{{1,4}}:){{1,6}}(?::{_HEX}{{1,4}}){{1,6}}{_END}"
        rf"|{_HEX}{{2,4}}::(?![\w:]))|{_FREE}::1{_END}",
        ("192.168.178.21", "10.0.0.0/8", "127.0.0.1:8123", "fe80::1ff:fe23:4567:890a", "::1"),
    ),
    Kind(
        "date",
        "number",
        SYMBOL,
        rf"{_WORD}(?:[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
        r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
        r"|[0-9]{1,2}(?P<sep>[./-])[0-9]{1,2}(?P=sep)[0-9]{2,4}"
        r"|[0-9]{4}(?:/[0-9]{1,2}/[0-9]{1,2}|\.[0-9]{2}\.[0-9]{2}))"
        r"(?![0-9])(?![.-][0-9])",
        ("2026-11-28", "2026-11-28T14:05:09Z", "2026-11-28 14:05:09", "28.11.2026", "11/28/2026"),
    ),
    Kind(
        "time",
        "number",
        SYMBOL,
        rf"{_WORD}[0-9]{{1,3}}(?::[0-9]{{2}}){{1,2}}(?:[.,][0-9]{{1,9}})?(?![0-9:])",
        ("14:05", "14:05:09", "0:05.123"),
    ),
    Kind(
        "version",
        "code",
        SYMBOL,
        rf"{_WORD}(?:[vV][0-9]{{1,9}}(?:\.[0-9x*]{{1,9}}){{0,5}}"
        r"|[0-9]{1,9}(?:\.[0-9]{1,9}){2,5})"
        rf"(?:[-+.]?(?:alpha|beta|rc|dev|post|a|b)[.-]?[0-9]{{0,9}})?{_END}",
        ("v2", "v1.2", "2026.11.0", "1.2.3-beta.4", "2.0.0rc1"),
    ),
    Kind(
        "file name",
        "code",
        SYMBOL,
        rf"{_WORD}(?:[A-Za-z0-9_~.-]{{1,60}}/){{1,12}}[A-Za-z0-9_.*-]{{0,60}}\.(?:{_FILE}){_END}"
        rf"|{_WORD}[A-Za-z0-9_][A-Za-z0-9_.-]{{1,80}}\.(?:{_FILE}){_END}(?!\()"
        rf"|\*\.[A-Za-z0-9*]{{1,9}}{_END}|{_FREE}\.[a-z][a-z0-9_-]{{1,40}}{_END}",
        ("configuration.yaml", "README.md", "src/main.py", "a-b.tar.gz", "*.zip")
        + (".env", ".storage"),
    ),
    Kind(
        "path",
        "code",
        SYMBOL,
        # C:\Program Files\x \\server\x
        r"(?<![\w\\])(?:[A-Za-z]:\\|\\\\[A-Za-z0-9.-]{1,60}\\)"
        r"(?:[^\s\\/:*?\"<>|]{1,60}(?: [^\s\\/:*?\"<>|]{1,60}){0,3}\\){0,12}"
        rf"(?:[!#-&+.0-9=@A-Z\[\]^_`a-z{{}}~\xA1-\u1FFF-]{{1,80}}(?<![.]))?"
        # /dev/ttyUSB0 ~/x ../x
        rf"|{_FREE}(?:~|\.\.?)?"
        rf"(?:/(?:[{_LETTER}.@%+~=-]|\{{\w{{1,60}}\}}|\$\w{{1,60}}){{1,80}}){{1,20}}/?"
        r"(?<!\.)|(?<![\w/.~])(?:~|\.\.?)/"
        # a_b/+/c
        rf"|{_WORD}(?=[\w.+/-]{{0,80}}_)[\w.-]{{1,60}}(?:/(?:[\w.-]{{1,60}}|[+#])){{1,20}}(?<!\.)",
        (
            "/dev/ttyUSB0",
            "~/x",
            "../a/b",
            "C:\\x",
            r"C:\Program Files\a b\x.exe",
            "/config/{name}/",
        )
        + ("a_b/+/set", r"\\server\share"),
    ),
    Kind(
        "domain",
        "code",
        SYMBOL,
        rf"{_WORD}(?:(?:[A-Za-z0-9-]{{1,63}}\.){{1,6}}(?:{_TLD}){_END}"
        rf"(?:[:/?#]{_REST_OF_URL}(?<!:))?"
        r"|(?:localhost|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{2,63}){0,6})"
        rf":[0-9]{{2,5}}{_END}{_REST_OF_URL}"
        rf"|localhost(?=/){_REST_OF_URL})",
        (
            "example.org",
            "example.org/path?a=b",
            "homeassistant.local:8123",
            "GitHub.com",
        ),
    ),
    Kind(
        "call",
        "code",
        SYMBOL,
        rf"{_WORD}[A-Za-z_][A-Za-z0-9_.]{{0,100}}\(\)",
        ("foo()", "a.b_c()"),
    ),
    Kind(
        "assignment",
        "code",
        SYMBOL,
        rf"{_WORD}[A-Za-z_][A-Za-z0-9_.-]{{1,100}}="
        r"(?:\"[^\"]{0,200}\"|[A-Za-z0-9_./:+-]{1,200}(?<![.:]))",
        ("train.seed=2", 'lang="de"', "key=value"),
    ),
    Kind(
        "dotted name",
        "code",
        SYMBOL,
        rf"{_WORD}[a-z_][a-z0-9_-]{{0,60}}[a-z0-9_](?:\.[a-z_][a-z0-9_-]{{1,60}}){{1,8}}{_END}",
        ("sensor.living_room_temperature", "os.path", "a_b.d-e"),
    ),
    Kind(
        "name with underscores",
        "code",
        SYMBOL,
        rf"{_WORD}(?!(?-i:[A-Z][a-z]{{0,2}}_[a-z]{{1,40}}){_END})"
        r"(?:_{0,3}[A-Za-z][A-Za-z0-9]{0,60}(?:_{1,3}[A-Za-z0-9]{1,60}){1,20}_{0,3}"
        rf"|__[a-z][a-z0-9]{{0,60}}__|__[A-Z0-9]{{1,60}}__){_END}",
        ("entity_id", "MAX_SIZE", "__init__", "__PH3__", "_private_name"),
    ),
    Kind(
        "camel case",
        "code",
        SYMBOL,
        rf"{_WORD}[a-z]{{1,60}}(?:[A-Z][a-z0-9]{{0,60}}){{1,12}}{_END}",
        ("camelCase", "entityId"),
    ),
    Kind(
        "option",
        "code",
        SYMBOL,
        rf"{_FREE}(?:--[a-z][a-z0-9]{{1,40}}(?:-[a-z0-9]{{1,40}}){{0,8}}"
        r"(?:=[A-Za-z0-9_./:-]{1,100}(?<![.:]))?"
        rf"|-[A-Za-z]){_END}(?!-)",
        ("--verbose", "--dry-run", "--level=3", "-v"),
    ),
    Kind(
        "mention",
        "code",
        SYMBOL,
        rf"(?<![{_LETTER}@.])@[A-Za-z_][A-Za-z0-9_-]{{0,60}}(?:/[A-Za-z0-9_.-]{{1,60}}(?<!\.))?",
        ("@name", "@scope/package"),
    ),
    Kind(
        "colour or hash tag",
        "code",
        SYMBOL,
        rf"(?<![{_LETTER}&#/])#(?:{_HEX}{{3,8}}|[A-Za-z][A-Za-z0-9_]{{1,60}}|[0-9]{{1,9}}){_END}",
        ("#ff8800", "#release", "#12"),
    ),
    Kind(
        "hash",
        "code",
        SYMBOL,
        rf"{_WORD}(?=[a-f]{{0,64}}[0-9])(?=[0-9]{{0,64}}[a-f]){_HEX}{{7,128}}{_END}"
        rf"|{_WORD}0x{_HEX}{{1,64}}{_END}",
        ("da39a3ee5e6b4b0d", "0x1F"),
    ),
    Kind(
        "code",
        "code",
        SYMBOL,
        # E27 IPv4 PM2.5 ISO-8859-1 sk-12ab
        rf"{_WORD}(?:[A-Za-z]{{1,40}}[0-9][A-Za-z0-9]{{0,60}}(?:[.][0-9]{{1,9}}(?![0-9]))?"
        r"(?:[-_][A-Z0-9]{1,40}){0,8}|[A-Z]{2,20}(?:-[A-Z0-9]{1,20}){0,6}-[0-9][A-Z0-9]{0,20}"
        r"(?:-[A-Z0-9]{1,20}){0,6}"
        # 00AB12 1920x1080
        rf"|[0-9]{{1,20}}[A-Za-z]{{1,20}}[0-9][A-Za-z0-9]{{0,60}}"
        # 12V 5GHz 3D, but 2ND
        rf"|[0-9]{{1,9}}(?!ST|ND|RD|TH)[A-Z][A-Za-z]{{0,3}}){_END}"
        # H₂O m² µg/m³
        rf"|{_WORD}(?:[A-Za-zµμΩ]{{1,6}}/)?[A-Za-zµμΩ]{{0,5}}"
        rf"[{_RAISED}]{{1,10}}[A-Za-z0-9{_RAISED}/]{{0,20}}"
        rf"|[{_RAISED}]{{1,10}}",
        ("E27", "TS0601", "IPv4", "UTF-8", "PM2.5", "H₂O", "m²", "µg/m³", "00AB12", "12V")
        + ("1920x1080",),
    ),
    Kind(
        "telephone number",
        "number",
        SYMBOL,
        rf"{_FREE}\+[0-9]{{1,3}}[ .-]?(?:\([0-9]{{1,5}}\)[ .-]?)?"
        r"(?:[0-9]{2,12}[ ./-]){0,5}[0-9]{2,12}(?![0-9])"
        rf"|{_WORD}\([0-9]{{3}}\) ?[0-9]{{3}}-[0-9]{{4}}(?![0-9])",
        ("+49 30 123456", "+1 (555) 123-4567", "(555) 123-4567"),
    ),
    Kind(
        "range",
        "number",
        SYMBOL,
        # With a hyphen translators change it: 1–10
        rf"{_WORD}{_NUMBER}–{_NUMBER}|{_WORD}{_NUMBER}(?:[-‑]{_NUMBER}){{2,8}}"
        rf"|{_WORD}[0-9]{{1,20}}\.\.\.?[0-9]{{1,20}}(?![0-9])",
        ("0–100", "1..5", "555-123-4567"),
    ),
    Kind(
        "fraction",
        "number",
        SYMBOL,
        rf"{_WORD}{_NUMBER}(?:[/:]{_NUMBER}){{1,4}}|[0-9]{{0,9}}[½¼¾⅐-⅞]",
        ("1/2", "16:9", "½", "1½"),
    ),
    Kind(
        "number with sign",
        "number",
        SYMBOL,
        rf"(?<![{_LETTER})\]}}%°'’+*/−–-])[+−±-]{_NUMBER}|[≤≥≈≠±≪≫] ?[+−-]?{_NUMBER}",
        ("-5", "+10", "−2.5", "±5", "≥ 21,5"),
    ),
    Kind(
        "decimal number",
        "number",
        SYMBOL,
        rf"{_WORD}(?:[0-9]{{1,20}}(?:\.[0-9]{{1,20}})?[eE][+-]?[0-9]{{1,4}}{_END}"
        r"|[0-9]{1,40}(?:[.,'’\xA0\u202F][0-9]{1,40}){1,20}(?![0-9])"
        r"|[0-9]{1,3}(?: [0-9]{3}){2,5}(?![0-9]))"
        rf"|(?<![{_LETTER}.)])\.[0-9]{{1,20}}(?![0-9])(?!\.[0-9])",
        ("5.2", "0,5", "1,000", "1.000,50", "1'000", "1 000 000", "1e-5", ".5"),
    ),
    Kind(
        "number",
        "number",
        SYMBOL,
        rf"{_WORD}[0-9]{{3,40}}(?![0-9])",
        ("2026", "100"),
    ),
    Kind(
        "emphasis",
        "tag",
        MARK,
        # Both backticks at once: the second one begins no code. 5*3 is no emphasis.
        rf"{_WORDS_IN_BACKTICKS}|(?:(?<![0-9*])\*{{1,10}}+|\*{{1,10}}+(?![0-9]))|~~|`|(?<![{_LETTER}])_{{1,3}}(?=[{_LETTER}*`\[])(?!_)"
        rf"|(?<=[^\s_])_{{1,3}}(?![{_LETTER}])",
        ("**", "*", "~~", "`"),
    ),
    Kind(
        "accelerator",
        "tag",
        MARK,
        rf"[(（][&_][0-9A-Za-z][)）]|(?<![{_LETTER}&)])[&~](?=[A-Za-z])"
        rf"|&(?:{_AFTER_CAPITAL})(?=[a-z])"
        r"|_(?:(?<=\b[A-Z]_)|(?<=\b[A-Z][a-z]_)|(?<=\b[A-Z][a-z]{2}_))(?=[a-z]{1,40}\b)",
        ("(&F)",),
    ),
    Kind(
        "line break code",
        "tag",
        MARK,
        r"\\[nNrth]",
        (r"\n", r"\N", r"\t"),
    ),
    Kind(
        "escape",
        "tag",
        SYMBOL,
        rf"\\(?:u{_HEX}{{4}}|x{_HEX}{{2}}|[^\w\s])",
        (r"\'", r"\"", r"\u00e9", r"\\"),
    ),
    Kind(
        "pictures",
        "symbol",
        MARK,
        rf"(?:(?:[0-9#*]\uFE0F?\u20E3|[\u2190-\u21FF\u203C\u2049\u2139\u24C2]\uFE0F|[{_PICTURE}])"
        rf"{_VARIANT}{{0,8}}(?:\u200D[{_PICTURE}]{_VARIANT}{{0,8}}){{0,8}}){{1,40}}",
        ("😀", "♪", "👍🏽", "👩‍👩‍👧", "🇩🇪", "1️⃣", "❤️", "✓", "★", "™", "•", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"),
    ),
    Kind(
        "emoticon",
        "symbol",
        MARK,
        rf"{_ALONE}(?:[:;]-?[)(DP]|<3){_END}|{_FREE}:[a-z][a-z0-9_+-]{{1,40}}:{_END}",
        (":)", ";-)", "<3", ":smile:"),
    ),
    Kind(
        "enclosed number",
        "symbol",
        SYMBOL,
        r"[\u2460-\u249B\u24EA-\u24FF\u2776-\u2793]",
        ("①", "❷"),
    ),
    Kind(
        "operator",
        "symbol",
        SYMBOL,
        r"<?-{1,2}>|<-|[<>=!]=|=>|&&|\|\||:=|[\u2190-\u21FF\u2794\u2798-\u27BE\u2200-\u22FF×÷±¬]"
        rf"|{_ALONE}[<>|=^+]{_ALONE_END}",
        ("->", "→", "=>", "!=", "≥", "×", ">", "="),
    ),
    Kind(
        "currency sign",
        "symbol",
        SYMBOL,
        rf"[{_CURRENCY}]|{_ALONE}\${_ALONE_END}",
        ("€", "£", "$"),
    ),
    Kind(
        "number sign",
        "symbol",
        SYMBOL,
        r"(?<![\w#])#(?![\w#])",
        ("#",),
    ),
)

# What belongs to a code or a number that it is glued to. A part of a code has a digit.
GLUED = {
    # INV/2026/00317
    "head": rf"{_WORD}[A-Z]{{2,20}}[-/_.]$",
    # 1.0.0+build.77 sha256:ab12 6ba7b810-9dad
    "tail": r"(?:(?:[-+.:/~=#@%][A-Za-z]{1,20}){0,3}"
    rf"[-+.:/~=#@%][A-Za-z]{{0,20}}[0-9][A-Za-z0-9_]{{0,60}}){{1,8}}{_END}",
    # 230V 2,5mm² 21.5°C; ordinals (100th) are words
    "unit": rf"(?!(?:st|nd|rd|th){_END})[A-Za-zµμΩ]{{1,4}}[{_RAISED}]?"
    rf"(?:/[A-Za-z]{{1,3}}[{_RAISED}]?)?{_END}"
    rf"|[ \xA0\u202F]?(?:°[CFKR]{_END}|[℃℉])|°(?!\w)",
}
# Around a whole line: it is translated without them.
QUOTED = Kind("quotation marks", "symbol", MARK, "")
# Around several words: "Off" is a word in quotation marks.
QUOTED_LINE = r"[\"“„”«](?=.*\s)[^\"“„”«»]*[\"“”»]|「[^「」]+」|『[^『』]+』"

# What every span holds: most lines lack it and are not searched.
HINT = (
    r"[0-9{}<>%$#@&*_/\\\[\]`~|=^+]|[a-z][A-Z]|\.\w|\(\)|:[\w/:()-]|;-?[)(DP]|(?<!\w)-[A-Za-z]"
    rf"|[−±×÷¬½¼¾⅐-⅞⟦⟨{_CURRENCY}{_RAISED}{_PICTURE}\u203C\u2049\u2139\u2190-\u22FF"
    r"\u2460-\u24FF\u2776-\u27BE\uE000-\uF8FF\U000F0000-\U0010FFFD（]"
)
# The end of a text that more text may turn into a span or into a longer one.
UNFINISHED = (
    # <a b="c [text](url $t(key
    r"(?:<[!?%/A-Za-z0-9](?:[^<>]{0,500}|(?:[^<>\"']|\"[^\"]*(?:\"|$)|'[^']*(?:'|$)){0,500})"
    r"|\{[^{}]{0,300}|\{[{%#][^{}]{0,500}|\[[^\[\]]{0,500}\]?|\]\([^()]{0,500}"
    r"|&lt;[^<>&;]{0,200}|\$\w{0,60}\([^()]{0,200}|(?<!`)`{1,3}[^`]{1,300}"
    # C:\Program Files\x
    r"|(?:[A-Za-z]:|\\)\\[^\s:*?\"<>|]{0,200}(?: [^\s:*?\"<>|]{0,60}){0,3}"
    # 5 € +1 (555) 123 % d
    rf"|[0-9{_CURRENCY}%≤≥≈≠±≪≫]|\([0-9]{{1,5}}\)|\\)$"
)
