"""XLIFF in the manner of the programs that write it. Lines are as long as theirs."""
# ruff: noqa: E501

import codecs

ANGULAR = b"""<?xml version="1.0" encoding="UTF-8" ?>
<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">
  <file source-language="en" target-language='de' datatype="plaintext" original="ng2.template">
    <body>
      <trans-unit id="hello" datatype="html">
        <source>Hello <x id="INTERPOLATION" equiv-text="{{name}}"/>, <x id="START_BOLD_TEXT" ctype="x-b"
          equiv-text="&lt;b&gt;"/>read<x id="CLOSE_BOLD_TEXT" ctype="x-b" equiv-text="&lt;/b&gt;"/> it!<x
          id="LINE_BREAK" ctype="lb" equiv-text="&lt;br/&gt;"/></source>
        <context-group purpose="location"><context context-type="linenumber">5</context></context-group>
      </trans-unit>
      <trans-unit id="copy"><source>Save &amp; exit</source><target state="new">Save &amp; exit</target></trans-unit>
      <trans-unit id="wrapped"><source>
          A text that
          is wrapped
        </source>
      </trans-unit>
    </body>
  </file>
</xliff>
"""
XCODE = """<?xml version="1.0" encoding="UTF-8"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:1.2" version="1.2">
  <file original="a.strings" source-language="en" target-language="de" datatype="plaintext">
    <header><tool tool-id="com.apple.dt.xcode" tool-name="Xcode"/></header>
    <body>
      <trans-unit id="%lld files" xml:space="preserve">
        <source>  %lld files
are gone </source>
        <note>number of files; ü</note>
      </trans-unit>
      <trans-unit id="done"><source>Done</source><target>Fertig</target><note/></trans-unit>
      <trans-unit id="ok" approved="yes"><source>OK</source><target/></trans-unit>
      <trans-unit id="no" translate="no"><source>nmt</source></trans-unit>
    </body>
  </file>
</xliff>
""".encode()
OKAPI = b"""<?xml version='1.0'?>
<!DOCTYPE xliff PUBLIC "-//XLIFF//DTD XLIFF//EN" "http://www.oasis-open.org/committees/xliff/documents/xliff.dtd">
<!-- <trans-unit><source>none</source></trans-unit> -->
<xliff version='1.2'><file original='a.docx' source-language='en' target-language='de' datatype='x-docx'><body>
<group id='g'><trans-unit id='1'>
<source>Read <bpt id="1">&lt;a href="x"&gt;</bpt>the <g id="2" ctype="x > y">new</g> page<ept id="1">&lt;/a&gt;</ept><ph id="3">&lt;br/&gt;</ph>.
Then <it id="4" pos="open">[b]</it>go <mrk mtype="protected">Acme</mrk>. <!-- a comment --></source>
<seg-source><mrk mid="0" mtype="seg">Read <bpt id="1">&lt;a href="x"&gt;</bpt>the <g id="2" ctype="x > y">new</g> page<ept id="1">&lt;/a&gt;</ept><ph id="3">&lt;br/&gt;</ph>.</mrk>
<mrk mid="1" mtype="seg">Then <it id="4" pos="open">[b]</it>go <mrk mtype="protected">Acme</mrk>.</mrk> <!-- a comment --></seg-source>
<alt-trans origin='TM'><source>Another</source><target>Andere</target></alt-trans></trans-unit>
<trans-unit id='2'><source>One. Two.</source><seg-source><mrk mid="0" mtype="seg">One.</mrk> <mrk mid="1" mtype="seg">Two.</mrk></seg-source>
<target state='new' equiv-trans = "no"><mrk mid="0" mtype="seg">Eins.</mrk> <mrk mid="1" mtype="seg"/></target></trans-unit></group>
</body></file></xliff>"""
WEBLATE = """<?xml version="1.0" encoding="iso-8859-1"?>
<xlf:xliff xmlns:xlf="urn:oasis:names:tc:xliff:document:1.1" version="1.1">
  <xlf:file original="ü" source-language="en" datatype="po"><xlf:body>
    <xlf:trans-unit id="1"><xlf:source><![CDATA[A <b>bold</b> & fine]]> word</xlf:source><xlf:target></xlf:target></xlf:trans-unit>
    <xlf:trans-unit id="2"><xlf:source>Müsli &#228; &#x2013; &lt;i&gt;a&lt;/i&gt;</xlf:source></xlf:trans-unit>
    <xlf:trans-unit id="3"><xlf:source>Old</xlf:source><xlf:target state="needs-translation">Neu</xlf:target></xlf:trans-unit>
  </xlf:body></xlf:file></xlf:xliff>
""".encode("latin-1")
ANGULAR_2 = b"""<?xml version="1.0" encoding="UTF-8" ?>
<xliff version="2.0" xmlns="urn:oasis:names:tc:xliff:document:2.0" srcLang="en" trgLang="de">
  <file original="ng.template" id="ngi18n">
    <unit id="1">
      <notes><note category="location">a.ts:3</note></notes>
      <segment>
        <source>Hi <ph id="0" equiv="INTERPOLATION" disp="{{name}}"/>, <pc id="1" equivStart="START_LINK" equivEnd="CLOSE_LINK" type="link" dispStart="&lt;a&gt;" dispEnd="&lt;/a&gt;">go</pc></source>
      </segment>
    </unit>
    <unit id="2"><segment state="initial"><source>Off</source><target>Off</target></segment></unit>
  </file>
</xliff>
"""
SEGMENTS_2 = b"""<?xml version="1.0"?>
<xliff xmlns="urn:oasis:names:tc:xliff:document:2.0" xmlns:m="urn:oasis:names:tc:xliff:matches:2.0" version="2.1" srcLang="en" trgLang="de">
<file id="f"><group id="g" translate="no"><unit id="no"><segment><source>No</source></segment></unit></group>
<unit id="u" canResegment="no">
  <originalData><data id="d1">&lt;br&gt;</data><data id="d2">{x}</data></originalData>
  <segment id="s1"><source>One <sc id="1"/>two<ph id="2" dataRef="d1"/><ec startRef="1"/> <mrk id="m" type="term">term</mrk> <ph id="3" dataRef='d2' /></source></segment>
  <ignorable><source> </source></ignorable>
  <segment state="final" subState="a:b" ><source>Three</source><target>Drei</target></segment>
  <segment><source>Four <cp hex="0001"/></source><target /></segment>
</unit></file></xliff>"""
SAMPLES = {
    "Angular": ANGULAR,
    "Xcode": XCODE,
    "Okapi": OKAPI,
    "Weblate": WEBLATE,
    "Angular 2.0": ANGULAR_2,
    "segments of 2.1": SEGMENTS_2,
    "CRLF": ANGULAR.replace(b"\n", b"\r\n"),
    "byte order mark": codecs.BOM_UTF8 + XCODE,
    "no last line break": ANGULAR_2.rstrip(),
}
