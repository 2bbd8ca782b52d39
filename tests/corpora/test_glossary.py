"""Glossaries as people write them and as tools export them; mistakes are one line."""

import pytest

from nmt.corpora.glossary import read_glossary
from nmt.errors import UserError

TBX_2008 = """<?xml version="1.0"?>
<martif type="TBX-Basic" xml:lang="en"><text><body>
<termEntry id="1"><langSet xml:lang="en-US"><tig><term>light</term></tig>
<ntig><termGrp><term>lamp</term><termNote type="administrativeStatus">deprecatedTerm-admn-sts
</termNote></termGrp></ntig></langSet>
<langSet xml:lang="de"><tig><term>Lampe</term></tig><tig><term>Leuchte</term>
<termNote type="administrativeStatus">preferredTerm-admn-sts</termNote></tig></langSet></termEntry>
<termEntry id="2"><langSet xml:lang="fr"><tig><term>rien</term></tig></langSet></termEntry>
</body></text></martif>"""
TBX_3 = """<tbx type="TBX-Basic" style="dct" xml:lang="en" xmlns="urn:iso:std:iso:30042:ed-2"
 xmlns:min="http://www.tbxinfo.net/ns/min"><text><body>
<conceptEntry id="1"><langSec xml:lang="de"><termSec><term>Lampe</term>
<min:administrativeStatus>deprecatedTerm-admn-sts</min:administrativeStatus></termSec>
<termSec><term>Leuchte</term></termSec></langSec>
<langSec xml:lang="en"><termSec><term>light</term></termSec>
<termSec><term>lamp</term></termSec></langSec></conceptEntry>
</body></text></tbx>"""


@pytest.mark.parametrize(
    "text",
    [
        "light\tLeuchte\n\nlamp\tLeuchte\t\n",
        "de\ten\nLeuchte\tlight\nLeuchte\tlamp\n",
        "light\tLeuchte\nlight\tLeuchte\nlamp\tLeuchte\r\n",
        TBX_2008,
        TBX_3,
    ],
    ids=["table", "header", "twice", "2008", "version 3"],
)
def test_formats(tmp_path, text):
    path = tmp_path / "terms"
    path.write_text(text, encoding="utf-8")
    found = read_glossary(path, "en", "de").find("a light, a lamp")
    assert [(each.target, each.term.exact) for each in found] == [("Leuchte", False)] * 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-8-sig"])
@pytest.mark.parametrize("text", [TBX_2008.replace("?>", ' encoding="UTF-16"?>'), TBX_3])
def test_encodings_of_tbx(tmp_path, text, encoding):
    if encoding == "utf-8-sig":
        text = text.replace("UTF-16", "UTF-8")
    path = tmp_path / "terms"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    path.write_text(mark + text, encoding=encoding)
    assert len(read_glossary(path, "en", "de").find("a light, a lamp")) == 2


def test_of_several_translations_the_one_taken_is_told(tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "terms"
    second = "<termSec><term>Licht</term></termSec>"
    path.write_text(TBX_3.replace("<termSec><term>Leu", f"{second}<termSec><term>Leu"))
    found = read_glossary(path, "en", "de").find("light lamp")
    assert [each.target for each in found] == ["Licht", "Licht"]
    (record,) = caplog.records
    assert "2 terms" in record.message and "'Licht', not 'Leuchte', for 'light'" in record.message


def test_exact(tmp_path):
    path = tmp_path / "terms.tsv"
    path.write_text("Hub\tZentrale\texact\nhub\tNabe\n", encoding="utf-8")
    found = read_glossary(path, "en", "de").find("Hub hub")
    assert [each.term.exact for each in found] == [True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("light\tLeuchte\nlamp Leuchte\n", "line 2: 0 tabs"),
        ("light\t\n", "line 1: the target is empty"),
        ("\tLeuchte\n", "line 1: the source is empty"),
        ("light\tLeuchte\tnever\n", "line 1: 'never' in the third column"),
        ("a\tb\tc\td\te\n", "line 1: 'c' in the third column"),
        ("light\tLeuchte\nLight\tLampe\n", "line 2: 'Light' has another translation in line 1"),
        ("\n", "no term in it"),
        ("<?xml version='1.0'?><tmx/>", "no TBX file: its first element is <tmx>"),
        ("<martif>\n<text></martif>", "line 2: not well-formed"),
        (TBX_3.replace('"de"', '"sv"'), "both en and de; languages found: en, sv"),
    ],
)
def test_mistakes(tmp_path, text, said):
    path = tmp_path / "terms"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_glossary(path, "en", "de")
    assert str(raised.value).startswith(str(path)) and said in str(raised.value)
