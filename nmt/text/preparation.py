"""How text becomes what a model sees, and back: in training, scoring, search and streams."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from nmt.text.beginning import Beginning, beginning, without_spaces
from nmt.text.casing import Cased, usual_case
from nmt.text.common_spans import CommonSpans, occurrences, unmarked
from nmt.text.kinds import SYMBOL, Kind
from nmt.text.languages import unspaced
from nmt.text.normalise import normalise
from nmt.text.output import Output, restored
from nmt.text.profile import Profile
from nmt.text.spans import find_spans
from nmt.text.symbols import (
    SLOT,
    SYMBOLS,
    ArrivingSpans,
    Copied,
    Mark,
    SlottedLine,
    numbered,
    slot,
    slot_number,
    slotted,
    without_marks,
)
from nmt.text.tokens import detokenise, tokenise
from nmt.text.unknown import LONGEST_CODE, with_unknown

if TYPE_CHECKING:
    from nmt.recipe import Recipe

NO_PROFILE = Profile()
# A segment has at most so many for each of its pieces.
CHARACTERS = 20


@dataclasses.dataclass
class PreparedLine:
    """A line, or a part of a long one, as the model sees it."""

    # With symbols for spans and, of a tokenised corpus, its tokens.
    text: str
    # Its pieces, without BOS and EOS.
    ids: list[int]
    # What the symbols stand for, in the order of SYMBOLS.
    names: list[Copied]
    # What was taken out of the text, and the line whose slots the marks are.
    marks: list[Mark]
    line: SlottedLine
    # How the translation is cased.
    cased: Cased
    # How many of `ids` stand before those of the text.
    controls: int = 0

    def copies(self) -> bool:
        """Whether anything of the line is copied."""
        return bool(self.names or self.marks)

    def has_text(self) -> bool:
        """Whether there is anything to translate: a letter that is not copied, with a piece."""
        return has_text(self.text) and len(self.ids) > self.controls


class Preparation:
    """A line to ids and back, for one recipe.

    Two preparations are equal if they make the same ids of any source: members of an ensemble
    that are equal share them.
    """

    def __init__(
        self, recipe: Recipe, tokenizers: Any = (None, None), profile: Profile = NO_PROFILE
    ) -> None:
        """tokenizers: (source, target), which `pair`, `pairs` and `detokenised` do not need.

        profile: of the training sources.
        """
        self.recipe = recipe
        self.data = recipe.data
        self.tokenizers = tokenizers
        self.source_tokenizer, self.target_tokenizer = tokenizers
        self.profile = profile
        # Lines of a text without translations are no source: they are not tokenised as one.
        tokenised = self.data.tokenised and self.data.format != "text"
        self._source_code = self.data.source if tokenised else None
        self._normalises = recipe.tokenizer.normalization == "source"
        copied = self.data.copied
        self._own_kinds = [Kind("own", "placeholder", SYMBOL, copied)] if copied else []
        self._spaced = not unspaced(self.data.source)
        self._known: dict[str, bool] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Preparation) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self):
        form = self._source_code, self._normalises, *self.controls
        return self.source_tokenizer, form, self.profile

    @functools.cached_property
    def controls(self) -> list[int]:
        """The ids before each source: the language that is wanted."""
        return self.source_tokenizer.control_ids(self.data.controls())

    @functools.cached_property
    def symbols(self) -> int:
        """How many symbols the tokenizers know, and with them the spans of a sentence."""
        return min(self.source_tokenizer.symbols, self.target_tokenizer.symbols)

    # Training.

    def pairs(
        self, pairs: Iterable[tuple[str, str]], more: bool = False
    ) -> Iterator[tuple[str, str]]:
        """Each `pair` of many. more: with the symbols that training adds."""
        return itertools.starmap(functools.partial(self.pair, more=more), pairs)

    def pair(self, source: str, target: str, more: bool = False) -> tuple[str, str]:
        """A pair of the corpus as text for the tokenizers; targets are in their form already.

        Spans become symbols where both sides have them alike; others stay text. Marks are left out.
        more: also words and numbers that both sides have alike, drawn at random by
        data.symbol_share; a function of the pair alone.
        """
        share = self.data.symbol_share if more and self.data.format != "text" else 0.0
        pair = CommonSpans(source, target, self._own_kinds)
        if share:
            pair.draw(share)
        return pair.numbered(self._formed)

    # Use.

    def slotted(self, line: str) -> SlottedLine:
        """A line with slots for what is not translated, or what the model cannot read."""
        spans = find_spans(line, self._own_kinds)
        if len(line) > LONGEST_CODE or not self._knows(line):
            # A line in capitals is read in its usual case, tokens are in lower case.
            lowered = self._source_code is not None or slotted(line, spans).text.isupper()
            knows = self._knows_in_lower_case if lowered else self._knows
            spans = with_unknown(line, spans, knows, self._spaced)
        return slotted(line, spans)

    def source(self, line: str) -> PreparedLine:
        """A line to translate, which is not split."""
        whole = self.slotted(line)
        return self.prepared(whole, whole.text)

    def prepared(self, line: SlottedLine, text: str) -> PreparedLine:
        """A line, or a part of its text, for the model."""
        # 1. Its form, and its case.
        text = self._formed(text, tokenised=False)
        if self._source_code is not None:
            cased = Cased(text)
        else:
            slots = set(SLOT.findall(text))
            symbols = {each for each in slots if not line.copied[slot_number(each)].is_mark}
            cased = usual_case(text, self.profile, symbols)
        text = self._with_case_marks(line, cased)
        if self._source_code is not None:
            text = tokenise(text, self._source_code)
        # 2. Marks are left out, symbols are numbered.
        text, marks = without_marks(line, text)
        text, names = numbered(line, text)
        ids = [*self.controls, *self.encoded(text)]
        return PreparedLine(text, ids, names, marks, line, cased, len(self.controls))

    def fits(self, text: str, pieces: int, symbols: int) -> bool:
        """Whether a text with slots has at most so many pieces and distinct slots."""
        # Characters may have no pieces.
        if len(text) > CHARACTERS * pieces or len(set(SLOT.findall(text))) > symbols:
            return False
        formed = SLOT.sub(SYMBOLS[0], self._formed(text))
        # Of known ASCII no character has more than a piece: most lines are not encoded for this.
        short = formed.isascii() and len(formed) < pieces
        return short or len(self.encoded(formed)) <= pieces

    def encoded(self, text: str) -> list[int]:
        """Ids of the text of a prepared line."""
        return self.source_tokenizer.encode([text])[0]

    def _with_case_marks(self, line, cased):
        """The text with marks around its words in capitals."""
        text = cased.text
        for start, end in reversed(cased.upper):
            opening = line.add(Copied(""))
            closing = line.add(Copied(""))
            line.pair(slot_number(opening), slot_number(closing))
            line.upper.add(slot_number(opening))
            text = text[:start] + opening + text[start:end] + closing + text[end:]
        return text

    def target_ids(self, target: str, names: Sequence[Copied]) -> list[int]:
        """Ids of a translation to score. names: what the symbols of its source stand for.

        Of a tokenised corpus it may be as people write it; without spaces it must be tokens.
        """
        text = unmarked(target)
        numbers = {copied.text: number for number, copied in enumerate(names)}
        for name in sorted(numbers, key=len, reverse=True):
            text = occurrences(name).sub(slot(numbers[name]), text)
        text = SLOT.sub(lambda match: SYMBOLS[slot_number(match[0])], text)
        if self.data.tokenised and not unspaced(self.data.target):
            text = tokenise(text, self.data.target)
        return self.target_tokenizer.encode([text])[0]

    def beginning(self, given: str, prepared: PreparedLine, whole: bool = False) -> Beginning:
        """What the translation of a prepared line must begin with. whole: it is nothing else.

        UserError for characters that a translation cannot have.
        """
        form: Callable[[str], str]
        form = str.upper if prepared.cased.restore or prepared.cased.upper else str
        spaced = not unspaced(self.data.target)
        if self.data.tokenised and not spaced:
            form = without_spaces
        begun = beginning(given, prepared, form, whole)
        if self.data.tokenised and spaced:
            space = " " if begun.text[-1:].isspace() else ""
            begun.text = tokenise(begun.text, self.data.target) + space
        return begun

    def names(self, line: str) -> list[Copied]:
        """What symbols stand for in a line of text without translations."""
        copied = slotted(line, find_spans(line, self._own_kinds)).copied
        return list(dict.fromkeys(each for each in copied if not each.is_mark))

    def prompt(self, text: str) -> PreparedLine:
        """What a language model continues. Symbols it adds are named {n}, n their number."""
        arriving = ArrivingSpans()
        prepared = arriving.with_symbols(slotted(text, find_spans(text)))
        names = arriving.names
        names += [Copied(f"{{{number}}}") for number in range(len(names), len(SYMBOLS))]
        ids = self.target_tokenizer.encode([prepared])[0]
        return PreparedLine(prepared, ids, names, [], SlottedLine(prepared), Cased(prepared))

    # Back to text.

    def restored(
        self,
        ids: list[int],
        prepared: PreparedLine,
        attention: Any = None,
        for_people: bool = True,
        begun: Beginning | None = None,
    ) -> Output:
        """The translation of a prepared line: nothing that was copied is missing, or twice.

        attention: [target pieces, source pieces] or None. for_people: tokens of a tokenised corpus
        are joined. begun: what it begins with, which stays as it is.
        """
        if attention is not None:
            attention = attention[:, prepared.controls :]
        output = restored(ids, prepared, attention, self.tokenizers, begun)
        text = output.text
        if for_people and self.data.tokenised:
            text = detokenise(text, self.data.target)
        return dataclasses.replace(output, text=prepared.line.filled(text, prepared.names))

    def following(self, ids: list[int], prepared: PreparedLine, begun: Beginning) -> str:
        """What target ids write behind the beginning of a translation."""
        text = self.target_tokenizer.decode(ids)
        end, beginning = begun.end(text)
        restore = prepared.cased.restore or str
        rest = restore(text)[len(restore(text[:end])) :]
        return prepared.line.filled(beginning[len(begun.given) :] + rest, prepared.names)

    def output(self, ids: list[int], names: Sequence[Copied], for_people: bool = True) -> str:
        """Text of the target ids as they are, with what their symbols stand for."""
        text = self.target_tokenizer.decode(ids)
        if for_people and self.data.tokenised:
            text = detokenise(text, self.data.target)
        return SlottedLine("").filled(text, names)

    def detokenised(self, target: str) -> str:
        """A target of the corpus as people write it."""
        if not self.data.tokenised:
            return target
        line = slotted(target, find_spans(target))
        return line.filled(detokenise(line.text, self.data.target))

    def separator(self, for_people: bool = True) -> str:
        """What stands between the translations of the segments of a long line."""
        return "" if for_people and unspaced(self.data.target) else " "

    # The form of a source.

    def _formed(self, text, tokenised=True):
        """Text with slots as the model reads it."""
        if self._normalises:
            text = normalise(text)
        if tokenised and self._source_code is not None:
            text = tokenise(text, self._source_code)
        return text

    def _knows(self, text):
        """Whether the model has learnt all characters of a text."""
        return all(map(self._knows_character, text)) or self._knows_form(text)

    def _knows_in_lower_case(self, text):
        return self._knows(text) or self._knows(text.lower())

    def _knows_form(self, text):
        """Whether it has learnt those that are left after normalising."""
        return self._normalises and all(map(self._knows_character, normalise(text)))

    def _knows_character(self, character):
        known = self._known.get(character)
        if known is None:
            tokenizer = self.source_tokenizer
            known = character in tokenizer.alphabet or character == " "
            if character in self.profile.characters:
                # Of a letter without a piece the model has learnt the bytes that spell it.
                known = known or (bool(tokenizer.bytes_of_ids) and character.isalpha())
            elif self.profile.characters and not character.isascii():
                known = False
            self._known[character] = known
        return known


def has_text(text: str) -> bool:
    """Whether a text with symbols or slots has a letter."""
    return any(character.isalpha() for character in text)


class IncrementalSource:
    """The words of one arriving line. A span must arrive whole; marks are symbols, too."""

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation
        self.spans = ArrivingSpans(preparation.symbols)

    @property
    def names(self) -> list[Copied]:
        """What the symbols of the text that has arrived stand for."""
        return self.spans.names

    def ids(self, text: str) -> list[int]:
        """Ids of the next text of the line."""
        preparation = self.preparation
        text = preparation._formed(self.spans.with_symbols(preparation.slotted(text)))
        # A word has a space of its own.
        return preparation.encoded(text.strip())

    def is_early(self, token: int) -> bool:
        """Whether a target id is the symbol of a span that has not arrived."""
        piece = self.preparation.target_tokenizer.piece(token)
        return piece in SYMBOLS[len(self.names) :]
