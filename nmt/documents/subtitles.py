"""Subtitles, SRT and WebVTT: what is said, sentence by sentence, cut into its cues again.

Numbers, times, settings and all that is no cue stay as they are. There is no place for a state:
every cue is empty as long as its text is in the source language, and nobody can see that, so a
file is translated into another one.
"""

import dataclasses
import functools
import itertools
import re
from collections.abc import Iterator, Sequence

from nmt.documents import cutting, html, masking
from nmt.documents.content import Content
from nmt.documents.masking import MASK, Masked, Part, Role
from nmt.documents.units import Document, Edit, Options, Unit
from nmt.errors import UserError
from nmt.inference.translation import Translation

# Seconds between cues over which no sentence runs.
LONGEST_PAUSE = 3.0
# Cues that a sentence runs over, at most.
MOST_CUES = 8
# The share of texts that end as a sentence does, below which ends of cues end sentences.
PUNCTUATED = 1 / 3

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_TIME = r"(?:(\d+):)?(\d+):(\d+)[,.](\d+)"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}")
_TAG = re.compile(r"<(?P<end>/?)(?P<name>[A-Za-z][^\s.<>]*)[^<>]*>|\{\\(?P<code>[^{}]*)\}")
# The time at which each word is shown: words change their places.
_KARAOKE = re.compile(r"<\d[\d:.]*>(?:<c>([^<]*)</c>)?")
# What begins a text of its own: another speaker, another voice.
_DASH = re.compile(rf"(?:{cutting.TAG}|\s)*[-–—‐]+(?!\d)\s*(?=\S)")
_NAME = re.compile(r"\s*[A-Z][A-Z .'-]+:")
_VOICE = re.compile(r"\s*<v[\s.]")
# What is not said.
_SOUND = re.compile(r"\s*(?:\[.*\]|\(.*\)|[♪♫#].*)\s*", re.DOTALL)
_CLOSERS = "\"'”’»›)\\]」』"
_END = re.compile(rf"[.!?…:。！？][{_CLOSERS}]*\s*$")
_TITLE = re.compile(r"\b(?:[A-Z]|[DMS][rt]|M[rs]s|Prof)\.$")
_BETWEEN = re.compile(rf"(?<!\.\.)(?<=[.!?])[{_CLOSERS}]*\s+|(?<=[。！？])(?=[^\s{_CLOSERS}])")
# Between the parts of a sentence, before it is translated.
_BORDER = "\x1f"


@dataclasses.dataclass(frozen=True)
class Cue:
    """The text of a cue: where it stands, and when it is shown, in seconds."""

    start: int
    end: int
    begins: float
    ends: float


@dataclasses.dataclass(frozen=True)
class Turn:
    """What one speaker says in a cue."""

    cue: int
    # What stays around it: a dash, the voice, tags around all of it.
    before: str
    after: str
    sentences: list[list[Part]]
    first: bool  # of its cue
    last: bool
    manner: tuple[str, ...]  # who speaks, and where it is shown
    begins: bool  # with a dash or a name

    @functools.cached_property
    def said(self) -> str:
        """Its words without tags."""
        parts = itertools.chain(*self.sentences)
        return "".join(part.raw for part in parts if part.role is Role.TEXT).strip()


@dataclasses.dataclass(frozen=True)
class Sentence:
    """A text that is translated as a whole, and the turns that its parts are of."""

    masked: Masked
    parts: list[str]
    turns: list[int]

    def cut(self, translation: Translation, vtt: bool) -> list[str]:
        """Its translation in as many parts, without tags where one is lost.

        Raises ValueError for what cannot stand in a cue.
        """
        try:
            self.masked.check(translation.text)
        except ValueError:
            # What is said is worth more than italics.
            text = self.masked.filled(translation.text, raw=lambda part: "")
            translation = dataclasses.replace(translation, text=text)
        if not translation.text.strip():
            raise ValueError("the translation is empty")
        if "-->" in translation.text:
            raise ValueError("--> cannot stand in the text of a cue")
        parts = cutting.cut(translation, self.parts)
        text_of = html.escaped if vtt else str
        return [self.masked.filled(part, text_of) for part in _closed(parts, self.masked)]

    def untranslated(self) -> list[str]:
        """Its parts as they are."""
        return [self.masked.filled(part) for part in _closed(self.parts, self.masked)]


class Film:
    """A document with its cues, and with what is said in them."""

    def __init__(self, content: Content, vtt: bool, cues: Sequence[Cue], turns: Sequence[Turn]):
        self.content = content
        self.vtt = vtt
        self.cues = cues
        self.turns = turns
        self._turns_of: dict[int, list[tuple[int, Turn]]] = {}
        for number, turn in enumerate(turns):
            self._turns_of.setdefault(turn.cue, []).append((number, turn))

    def turns_of(self, cue: int) -> list[tuple[int, Turn]]:
        """The turns of a cue, with their numbers."""
        return self._turns_of[cue]

    def cues_of(self, sentences: Sequence[Sentence]) -> list[int]:
        """The numbers of the cues that some sentences stand in."""
        return sorted({self.turns[turn].cue for each in sentences for turn in each.turns})


def read(data: bytes, options: Options) -> Document:
    """The sentences of a subtitle file. Raises UserError for what is none."""
    content = Content(data)
    text = content.text
    vtt = text.startswith("WEBVTT")
    cues = list(_cues(text, vtt))
    if not cues:
        raise UserError("line 1: no cue with a text (SRT or WebVTT is needed)")
    turns = [turn for n, cue in enumerate(cues) for turn in _turns(n, text[cue.start : cue.end])]
    film = Film(content, vtt, cues, turns)
    units = []
    for sentences in _groups(_sentences(turns, cues), turns):
        sources = tuple(sentence.masked.source for sentence in sentences)
        runs_over = any(len(sentence.parts) > 1 for sentence in sentences)
        line = content.line(cues[film.cues_of(sentences)[0]].start)
        edits = functools.partial(_edits, film, sentences)
        codes = tuple(sentence.masked.codes for sentence in sentences)
        units.append(Unit(sources, edits, line, attention=runs_over, codes=codes))
    return Document(data, units, bilingual=False)


# Cues.


def _cues(text: str, vtt: bool) -> Iterator[Cue]:
    """The cues that have a text."""
    found = [match for match in _LINE.finditer(text) if match[0]]
    timed = [(n, match) for n, line in enumerate(found) if (match := _TIMES.match(line[0]))]
    following = [n for n, _ in timed[1:]] + [len(found) + 1]
    for (number, times), after in zip(timed, following, strict=False):
        lines = found[number + 1 : after]
        lines = _without_number(lines) if after < len(found) else lines
        blank = next((n for n, line in enumerate(lines) if not line[0].strip()), len(lines))
        # Files in SRT have blank lines within a text.
        lines = lines[:blank] if vtt else lines
        spoken = [line for line in lines if line[0].strip()]
        if spoken:
            end = spoken[-1].start() + len(spoken[-1][0].rstrip("\r\n"))
            begins, ends = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
            yield Cue(spoken[0].start(), end, begins, ends)


def _without_number(lines):
    """The lines between two cues without the number of the second one, which is no text.

    A blank line may stand behind it; then one stands before it, or it is text.
    """
    last = len(lines)
    while last and not lines[last - 1][0].strip():
        last -= 1
    number = last and lines[last - 1][0].strip().isdigit()
    adjacent = last == len(lines)
    if number and (adjacent or (last > 1 and not lines[last - 2][0].strip())):
        return lines[: last - 1]
    return lines


def _seconds(groups):
    hours, minutes, seconds, fraction = groups
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(f"{seconds}.{fraction}")


# What is said in them.


def _turns(cue: int, text: str) -> Iterator[Turn]:
    """The turns of a cue: lines joined, those of another speaker apart."""
    texts: list[str] = []
    for line in filter(str.strip, text.splitlines()):
        begins = any(each.match(line) for each in (_DASH, _NAME, _VOICE))
        if not texts or begins or _SOUND.fullmatch(line) or _SOUND.fullmatch(texts[-1]):
            texts.append(line.strip())
        else:
            texts[-1] = cutting.joined([texts[-1], line.strip()])
    for number, said in enumerate(texts):
        dash = _DASH.match(said)
        lead = dash[0] if dash else ""
        parts = _parts(_KARAOKE.sub(r"\1", said[len(lead) :]))
        outer, inner, after = masking.trimmed(parts)
        before = lead + masking.raw(outer)
        sentences = list(_split(inner))
        shown = (part for part in _parts(before) if part.role is Role.TAG or part.name == "v")
        manner = tuple(part.raw for part in shown)
        edges = number == 0, number == len(texts) - 1
        speaks = bool(dash or _NAME.match(said))
        yield Turn(cue, before, masking.raw(after), sentences, *edges, manner, speaks)


def _parts(text: str) -> list[Part]:
    """A text and its tags."""
    parts = []
    at = 0
    for tag in _TAG.finditer(text):
        parts += [Part(Role.TEXT, text[at : tag.start()])] if at < tag.start() else []
        at = tag.end()
        # {\i1} and {\i0} are a pair, other codes stand alone.
        toggle = re.fullmatch(r"([bius])([01])", tag["code"] or "")
        if toggle:
            role = Role.OPENING if toggle[2] == "1" else Role.CLOSING
            parts.append(Part(role, tag[0], "\\" + toggle[1]))
        elif tag["code"] is not None:
            parts.append(Part(Role.TAG, tag[0]))
        else:
            role = Role.CLOSING if tag["end"] else Role.OPENING
            parts.append(Part(role, tag[0], tag["name"].lower()))
    return parts + ([Part(Role.TEXT, text[at:])] if at < len(text) else [])


def _split(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """The sentences of a turn; one that ends within a pair of tags goes on."""
    inside: set[int] = set()
    for opening, closing in masking.pairs(parts).items():
        inside |= set(range(opening, closing))
    sentence: list[Part] = []
    for number, part in enumerate(parts):
        if part.role is not Role.TEXT or number in inside:
            sentence.append(part)
            continue
        ends = [0, *_ends(part.raw), len(part.raw)]
        for start, end in itertools.pairwise(ends):
            if start:
                yield sentence
                sentence = []
            sentence.append(dataclasses.replace(part, raw=part.raw[start:end]))
    if sentence:
        yield sentence


def _ends(text):
    """Where a sentence ends within a text."""
    for match in _BETWEEN.finditer(text):
        next_letter = text[match.end() :].lstrip("\"'“„«‹¿¡([")[:1]
        title = _TITLE.search(text, 0, match.start())
        if next_letter and not next_letter.islower() and not title:
            yield match.end()


# Sentences over cues.


def _sentences(turns: Sequence[Turn], cues: Sequence[Cue]) -> list[Sentence]:
    """The sentences of all turns in order; one may run over several turns."""
    spoken = [turn for turn in turns if turn.sentences]
    ended = sum(bool(_END.search(turn.said)) for turn in spoken)
    punctuated = ended >= PUNCTUATED * len(spoken)
    found: list[list[tuple[int, list[Part]]]] = []
    for number, turn in enumerate(turns):
        for place, parts in enumerate(turn.sentences):
            within = punctuated and place == 0 and found and len(found[-1]) < MOST_CUES
            if within and _goes_on(turns[number - 1], turn, cues):
                found[-1].append((number, parts))
            else:
                found.append([(number, parts)])
    return [_sentence(members) for members in found]


def _goes_on(before: Turn, turn: Turn, cues: Sequence[Cue]) -> bool:
    """Whether a sentence runs from one turn into the next one."""
    neighbours = before.last and turn.first and before.cue + 1 == turn.cue
    if not (neighbours and before.sentences and before.manner == turn.manner and not turn.begins):
        return False
    pause = cues[turn.cue].begins - cues[before.cue].ends
    sound = _SOUND.fullmatch(before.said) or _SOUND.fullmatch(turn.said)
    ended = _END.search(before.said)
    trails_off = before.said.endswith(("...", "…")) and turn.said[:1].islower()
    return pause <= LONGEST_PAUSE and not sound and (not ended or trails_off)


def _sentence(members: Sequence[tuple[int, list[Part]]]) -> Sentence:
    parts: list[Part] = []
    for number, (_, of_turn) in enumerate(members):
        parts += [Part(Role.TEXT, _BORDER)] if number else []
        parts += of_turn
    masked = masking.mask(parts)
    texts = [text.strip() for text in masked.source.split(_BORDER)]
    return Sentence(
        Masked(cutting.joined(texts), masked.masks), texts, [turn for turn, _ in members]
    )


def _groups(sentences: Sequence[Sentence], turns: Sequence[Turn]) -> Iterator[list[Sentence]]:
    """Sentences that share cues, together."""
    group: list[Sentence] = []
    for sentence in sentences:
        if group and turns[group[-1].turns[-1]].cue != turns[sentence.turns[0]].cue:
            yield group
            group = []
        group.append(sentence)
    if group:
        yield group


# Translations in their cues.


def _closed(parts: Sequence[str], masked: Masked) -> list[str]:
    """Parts of a translation in which every pair of tags that is open at an end closes there."""
    opened: list[str] = []
    closed = []
    for part in parts:
        text = "".join(f"<{name}>" for name in opened) + part
        for match in MASK.finditer(part):
            if match[0] not in masked.masks or match[3] or match[4]:
                continue
            if match[1] and match[2] in opened:
                opened.remove(match[2])
            elif not match[1]:
                opened.append(match[2])
        closed.append(text + "".join(f"</{name}>" for name in reversed(opened)))
    return closed


def _edits(
    film: Film, sentences: Sequence[Sentence], translations: Sequence[Translation]
) -> list[Edit]:
    """The edits of the cues that some sentences stand in, which are there as a whole."""
    # 1. What is said in each turn now: a sentence that cannot stand there as it was before.
    said: dict[int, str] = {}
    mistakes = []
    for sentence, translation in zip(sentences, translations, strict=True):
        try:
            parts = sentence.cut(translation, film.vtt)
        except ValueError as error:
            mistakes.append(error)
            parts = sentence.untranslated()
        for turn, text in zip(sentence.turns, parts, strict=True):
            said[turn] = cutting.joined([said[turn], text] if turn in said else [text])
    if len(mistakes) == len(sentences):
        raise mistakes[0]
    # 2. Its lines.
    edits = []
    for number in film.cues_of(sentences):
        texts = [
            turn.before + " ".join(said.get(n, "").split()) + turn.after
            for n, turn in film.turns_of(number)
        ]
        lines = cutting.lines(texts[0]) if len(texts) == 1 else texts
        cue = film.cues[number]
        edits.append(film.content.edit(cue.start, cue.end, film.content.line_end.join(lines)))
    return edits
