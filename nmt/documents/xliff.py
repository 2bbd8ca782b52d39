"""XLIFF 1.2 and 2.x, filled in place: targets are written, all else stays byte for byte.

What stands there, and how it is taken:

| in 1.2 | in 2.x | is |
|---|---|---|
| no target, or one without text | the same | EMPTY |
| a copy of the source in state new, needs-translation | the same, initial | EMPTY |
| another text in these states, or needs-… | initial, or translated with subState nmt:mt | FUZZY |
| another state, or none | another state, or none | TRANSLATED |
| approved="yes" | | TRANSLATED |
| translate="no", here or around it | the same | no unit |

What is written is needs-review-translation with the qualifier mt-suggestion, or translated with the
subState nmt:mt; with Options.trusted it is translated and nothing else. With Options.alternatives
EMPTY units get alt-trans or mtc:match beside the target, unless they have some of ours.
A unit of 1.2 with segments (seg-source) has a source for each of them that lacks a translation. Its
state is that of all of them: refilled, all are translated anew.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

from nmt.corpora.formats.xliff import UNTRANSLATED
from nmt.documents import icu, inline
from nmt.documents.elements import Element, Tree, parsed
from nmt.documents.units import Document, Edit, Options, State, Unit, per_cent
from nmt.errors import UserError
from nmt.inference.translation import Translation
from nmt.text import languages

# Who has made a translation: of alternatives, and in the subState of 2.x.
ORIGIN = "nmt"
MATCHES = "urn:oasis:names:tc:xliff:matches:2.0"


def read(data: bytes, options: Options) -> Document:
    """The units of an XLIFF file.

    Raises UserError, without the name of the file, when it is no XLIFF, or has several target
    languages, or is 2.x and neither the file nor the options tell the target language.
    """
    tree = parsed(data, ("trans-unit", "unit"))
    root = tree.root
    if root.name != "xliff":
        raise UserError(f"is no XLIFF file: its first element is <{root.name}>")
    units: list[Unit] = []
    if root.attributes.get("version", "1").startswith("1"):
        for element in tree.found:
            units += _trans_unit(tree, element, options)
    else:
        for element in tree.found:
            units += _unit(tree, element, options)
    return Document(
        data,
        units,
        _language(tree, "target-language", "trgLang"),
        _language(tree, "source-language", "srcLang"),
        _told_language(tree, options.language),
        alternatives=True,
    )


def _told_language(tree, language):
    """The edit that tells the target language of a file of 2.x, where it does not."""
    root = tree.root
    if root.attributes.get("version", "1").startswith("1") or "trgLang" in root.attributes:
        return ()
    if not language:
        raise UserError(
            f"line {root.line}: <{root.tag}> does not tell the target language; "
            'add it, as in trgLang="de"'
        )
    tag = tree.start_tag(root, {"trgLang": language})
    return (Edit(root.start, root.inner, tree.encoded(tag)),)


class _Segment(NamedTuple):
    """A text with its translation, where it has one."""

    id: str
    source: inline.Inline
    target: Element | None
    text: str  # of the target

    def is_empty(self, untranslated: bool) -> bool:
        """Whether it has no translation. untranslated: a copy of the source is none."""
        return not self.text or (untranslated and self.text == self.source.text)


@dataclasses.dataclass
class _TransUnit:
    """A unit of 1.2."""

    tree: Tree
    element: Element
    trusted: bool
    segments: list[_Segment]  # to be translated
    # The parts of the source that are its segments, by id; of an undivided one none.
    parts: dict[str, Element]

    def edits(self, translations: Sequence[Translation]) -> list[Edit]:
        """Those that write the target."""
        contents = {
            segment.id: inline.written(segment.source, translation.text)
            for segment, translation in zip(self.segments, translations, strict=True)
        }
        content = self._joined(contents) if self.parts else contents[""]
        attributes = {
            "state": "translated" if self.trusted else "needs-review-translation",
            "state-qualifier": None if self.trusted else "mt-suggestion",
        }
        target = self.element.child("target")
        return [_target_edit(self.tree, self._last_source(), target, content, attributes)]

    def alternatives(self, nbest_lists: Sequence[Sequence[Translation]]) -> list[Edit]:
        """Those that write alt-trans behind the target, or where it would stand."""
        prefix = self.element.prefix
        source = self._last_source()
        indentation = self.tree.indentation(source)
        written = ""
        for segment, candidates in zip(self.segments, nbest_lists, strict=True):
            for content, quality in _contents(segment, candidates):
                attributes = {"mid": segment.id, "match-quality": quality, "origin": ORIGIN}
                written += (
                    f"{indentation}<{prefix}alt-trans{_attributes(attributes)}>"
                    f"<{prefix}target>{content}</{prefix}target></{prefix}alt-trans>"
                )
        place = (self.element.child("target") or source).end
        return [Edit(place, place, self.tree.encoded(written))]

    def _last_source(self):
        """What a target stands behind."""
        return self.element.child("seg-source") or self.element.existing("source")

    def _joined(self, contents):
        """The content of the target: the segments, with what stands between them.

        contents: of the new segments, by id.
        """
        target = self.element.child("target")
        there = _parts(target)
        filled = {
            identifier: self.tree.text(part.inner, part.inner_end)
            for identifier, part in there.items()
            if identifier in self.parts
        }
        contents = filled | contents
        if target and contents.keys() <= there.keys():
            template, parts = target, there
        else:
            template, parts = self._last_source(), self.parts
        written = []
        at = template.inner
        for identifier, part in parts.items():
            written.append(self.tree.text(at, part.start))
            old = self.tree.text(part.inner, part.inner_end)
            written += [self.tree.start_tag(part), contents.get(identifier, old), f"</{part.tag}>"]
            at = part.end
        return "".join([*written, self.tree.text(at, template.inner_end)])


def _trans_unit(tree: Tree, element: Element, options: Options) -> Iterator[Unit]:
    """The unit of a <trans-unit>, if there is something to translate."""
    if not _is_translatable(element):
        return
    parts, found = _divided(tree, element)
    segments = [segment for segment in found if segment.source.text]
    if not segments:
        return
    state, segments = _state_of_all(element, segments)
    unit = _TransUnit(tree, element, options.trusted, segments, parts)
    lacks = options.alternatives and state is State.EMPTY and not _has_ours(element)
    beside = unit.alternatives if lacks else None
    yield _made(segments, element.line, state, unit.edits, beside)


def _divided(tree, element):
    """The parts of the source of a <trans-unit> by id, none if it is undivided; its segments.

    The parts are those of seg-source, unless there is a target that has none.
    """
    target = element.child("target")
    parts = _parts(element.child("seg-source"))
    in_target = _parts(target)
    if target and not in_target and inline.read(tree, target).text:
        parts = {}
    if not parts:
        return {}, [_segment(tree, element.child("source"), target)]
    return parts, [_segment(tree, part, in_target.get(mid), mid) for mid, part in parts.items()]


def _state_of_all(element, segments):
    """The state of a <trans-unit>, and those of its segments that are translated in it."""
    target = element.child("target")
    state = target.attributes.get("state", "") if target else ""
    empty = [segment for segment in segments if segment.is_empty(state in UNTRANSLATED)]
    if element.attributes.get("approved") == "yes":
        return State.TRANSLATED, segments
    if empty:
        return State.EMPTY, empty
    is_fuzzy = state in UNTRANSLATED or state.startswith("needs-")
    return (State.FUZZY if is_fuzzy else State.TRANSLATED), segments


def _has_ours(element):
    """Whether a <trans-unit> has alternatives of ours."""
    children = [child for child in element.children if child.name == "alt-trans"]
    return any(child.attributes.get("origin") == ORIGIN for child in children)


def _parts(element):
    """The segments that an element of 1.2 is divided into, by their id."""
    descendants = element.descendants() if element else ()
    return {
        each.attributes.get("mid", ""): each
        for each in descendants
        if each.name == "mrk" and each.attributes.get("mtype") == "seg"
    }


@dataclasses.dataclass
class _Segments:
    """Segments of a unit of 2.x."""

    tree: Tree
    element: Element  # the unit
    trusted: bool
    segments: list[tuple[Element, _Segment]]

    def edits(self, translations: Sequence[Translation]) -> list[Edit]:
        """Those that write the targets and their states."""
        changes = {"state": "translated", "subState": None if self.trusted else f"{ORIGIN}:mt"}
        edits = []
        for (element, segment), translation in zip(self.segments, translations, strict=True):
            content = inline.written(segment.source, translation.text)
            tag = self.tree.start_tag(element, changes)
            edits += [
                Edit(element.start, element.inner, self.tree.encoded(tag)),
                _target_edit(self.tree, element.child("source"), segment.target, content, {}),
            ]
        return edits

    def alternatives(self, nbest_lists: Sequence[Sequence[Translation]]) -> list[Edit]:
        """Those that write a match for each, and ids of segments that have none."""
        tree = self.tree
        edits = []
        prefix, declaration = self._namespace()
        original = self.element.child("originalData")
        data = tree.text(original.start, original.end) if original else ""
        written = []
        ids = self._free_ids()
        for (element, segment), candidates in zip(self.segments, nbest_lists, strict=True):
            identifier = segment.id or next(ids)
            if not segment.id:
                tag = tree.start_tag(element, {"id": identifier})
                edits.append(Edit(element.start, element.inner, tree.encoded(tag)))
            source = element.existing("source")
            text = tree.text(source.start, source.end)
            target = f"{source.prefix}target"
            for content, quality in _contents(segment, candidates):
                attributes = {"ref": f"#{identifier}", "type": "mt", "origin": ORIGIN}
                attributes["matchQuality"] = quality
                written.append(
                    f"<{prefix}match{_attributes(attributes)}>{data if 'dataRef' in text else ''}"
                    f"{text}<{target}>{content}</{target}>"
                    f"</{prefix}match>"
                )
        return [*edits, self._matches_edit(written, prefix, declaration)]

    def _matches_edit(self, written, prefix, declaration):
        """Puts matches behind those that are there, or where a unit begins."""
        matches = self.element.child("matches")
        if matches and not (matches.prefix and matches.children):
            raise ValueError("its matches have no prefix, or are empty")
        if matches:
            last = matches.children[-1]
            content = "".join(self.tree.indentation(last) + match for match in written)
            return Edit(last.end, last.end, self.tree.encoded(content))
        indentation = self.tree.indentation(self.element.children[0])
        inner = indentation and f"{indentation}  "
        content = (
            f"{indentation}<{prefix}matches{declaration}>"
            + "".join(inner + match for match in written)
            + f"{indentation}</{prefix}matches>"
        )
        return Edit(self.element.inner, self.element.inner, self.tree.encoded(content))

    def _namespace(self):
        """(prefix of the module of matches, its declaration where it needs one)."""
        for element in (self.element.child("matches"), *self.element.ancestors()):
            for name, value in element.attributes.items() if element else ():
                if value == MATCHES and name.startswith("xmlns:"):
                    return f"{name.removeprefix('xmlns:')}:", ""
        return "mtc:", f' xmlns:mtc="{MATCHES}"'

    def _free_ids(self):
        """Ids that nothing in the unit has."""
        taken = {each.attributes.get("id") for each in self.element.descendants()}
        return (f"s{n}" for n in itertools.count(1) if f"s{n}" not in taken)


def _unit(tree: Tree, element: Element, options: Options) -> Iterator[Unit]:
    """A unit for each <segment> of a <unit>; of those that get alternatives one for all."""
    if element.inherited("translate") == "no":
        return
    beside = []
    ours = _matches_of_ours(element)
    for child in element.children:
        source = child.child("source")
        if child.name != "segment" or not source:
            continue
        identifier = child.attributes.get("id", "")
        segment = _segment(tree, source, child.child("target"), identifier)
        if not segment.source.text:
            continue
        state = _state(child, segment)
        lacks = options.alternatives and state is State.EMPTY and identifier not in ours
        if lacks and not _has_choice(segment):
            beside.append((child, segment))
            continue
        edits = _Segments(tree, element, options.trusted, [(child, segment)]).edits
        yield _made([segment], child.line, state, edits)
    if beside:
        unit = _Segments(tree, element, options.trusted, beside)
        segments = [segment for _, segment in beside]
        yield _made(segments, element.line, State.EMPTY, unit.edits, unit.alternatives)


def _matches_of_ours(unit):
    """The ids of the segments of a unit that have alternatives of ours."""
    matches = unit.child("matches")
    return {
        match.attributes.get("ref", "").removeprefix("#")
        for match in (matches.children if matches else ())
        if match.attributes.get("origin") == ORIGIN
    }


def _state(element, segment):
    """The state of a <segment>."""
    state = element.attributes.get("state", "")
    if segment.is_empty(state in UNTRANSLATED):
        return State.EMPTY
    is_ours = element.attributes.get("subState", "").startswith(f"{ORIGIN}:")
    is_fuzzy = state in UNTRANSLATED or (state == "translated" and is_ours)
    return State.FUZZY if is_fuzzy else State.TRANSLATED


def _segment(tree, source, target, identifier=""):
    read = inline.read(tree, source)
    text = inline.read(tree, target, read.codes).text if target else ""
    return _Segment(identifier, read, target, text)


def _made(segments, line, state, edits, alternatives=None):
    targets = tuple(segment.text for segment in segments if segment.target)
    if any(map(_has_choice, segments)):
        return Unit((), _refuse_choice, line, state, targets, alternatives=_refuse_choice)
    return Unit(
        tuple(segment.source.text for segment in segments),
        edits,
        line,
        state,
        targets,
        codes=tuple(segment.source.placeholders() for segment in segments),
        alternatives=alternatives,
    )


def _has_choice(segment):
    """Whether it is a message of ICU, with forms in the text itself."""
    return icu.has_choice(segment.source.text)


def _refuse_choice(_):
    """Codes come back once, and so cannot stand in each form that a language has."""
    raise ValueError("a choice within the text")


def _contents(segment, candidates):
    """(content of a target, confidence in per cent or None) of the candidates that can stand there.

    Raises ValueError where none can.
    """
    contents: dict[str, str | None] = {}
    mistake = ValueError("no translation")
    for candidate in candidates:
        try:
            content = inline.written(segment.source, candidate.text)
        except ValueError as error:
            mistake = error
            continue
        quality = per_cent(candidate)
        contents.setdefault(content, None if quality is None else str(quality))
    if not contents:
        raise mistake
    return contents.items()


def _target_edit(tree, source, target, content, attributes):
    """Writes a target where it stands, or behind its source."""
    if target:
        written = f"{tree.start_tag(target, attributes)}{content}</{target.tag}>"
        return Edit(target.start, target.end, tree.encoded(written))
    tag = f"{source.prefix}target"
    written = f"<{tag}{_attributes(attributes)}>{content}</{tag}>"
    return Edit(source.end, source.end, tree.encoded(tree.indentation(source) + written))


def _attributes(attributes):
    """Attributes of a start tag, without those that are None or empty."""
    return "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items() if value)


def _language(tree, old, new):
    """The language that all files of the document have, or None."""
    files = {each for element in tree.found for each in element.ancestors() if each.name == "file"}
    codes = {each.attributes[old] for each in files if old in each.attributes}
    codes |= {tree.root.attributes[new]} if new in tree.root.attributes else set()
    if len({languages.parse(code) for code in codes}) > 1:
        raise UserError(f"its {old}s differ: {', '.join(sorted(codes))}; take its files apart")
    return min(codes, default=None)


def _is_translatable(unit):
    return unit.child("source") is not None and unit.inherited("translate") != "no"
