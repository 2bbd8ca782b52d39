"""Terms of a glossary in a translation: what lacks, what a search wants, what is copied."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from nmt.decoding.bonus import Phrase
from nmt.text.glossary import FoundTerm, Glossary
from nmt.text.preparation import Preparation
from nmt.text.symbols import SLOT, Copied, SlottedLine, slot_number

WEIGHT = 2.0  # of a token of a term; chosen on validation text (docs/translating.md)
BLANK = "\0"  # no translation has it
GROUPS = ("number", "code", "symbol")  # of what is copied: what a term may have

Terms = Sequence[FoundTerm]


def found_in(line: SlottedLine, text: str, glossary: Glossary) -> list[FoundTerm]:
    """The terms of a text of the line, whose numbers and codes may be parts of them, whole ones."""
    if not SLOT.search(text):
        return glossary.find(text)
    # 1. The text with these, and where each of its characters begins and ends in `text`.
    written = [_of_terms(line, character) for character in text]
    starts: list[int | None] = []
    ends: list[int | None] = []
    for place, own in enumerate(written):
        inner = [None] * (len(own) - 1)
        starts += [place, *inner]
        ends += [*inner, place + 1]
    # 2. The terms of that.
    found = []
    for each in glossary.find("".join(written)):
        start, end = starts[each.start], ends[each.end - 1]
        if start is not None and end is not None:
            found.append(each._replace(start=start, end=end))
    return found


def _of_terms(line, character):
    """What a character of a text stands for, if terms may have it."""
    if not SLOT.fullmatch(character):
        return character
    copied = line.copied[slot_number(character)]
    return copied.text if copied.group in GROUPS and not copied.is_mark else character


def missing(terms: Terms, translation: str) -> list[FoundTerm]:
    """The terms that a translation lacks, each as often as it lacks it.

    What stands for one term does not stand for another one: longer ones are looked for first.
    """
    groups: dict[tuple[bool, str], list[FoundTerm]] = {}
    for found in terms:
        groups.setdefault((found.term.exact, found.term.target.casefold()), []).append(found)
    lacking = []
    for group in sorted(groups.values(), key=_longest_first):
        places = list(group[0].places(translation))[: len(group)]
        for start, end in places:
            translation = translation[:start] + BLANK * (end - start) + translation[end:]
        lacking += group[len(places) :]
    return sorted(lacking)


def phrases(terms: Terms, preparation: Preparation) -> list[Phrase]:
    """The terms of a text as a search wants them; a place of a translation counts once.

    A phrase that stands within a longer one is wanted for that one, too, which then brings only the
    rest.
    """
    forms: dict[str, dict[tuple[int, ...], None]] = {}
    counts: Counter[str] = Counter()
    for found in terms:
        key = found.term.target.casefold()
        counts[key] += 1
        own = _forms(found.term, found.target, preparation)
        forms.setdefault(key, {}).update(dict.fromkeys(own))
    wanted: list[_Part] = []
    for key in sorted(forms, key=lambda key: len(next(iter(forms[key]), ()))):
        own = list(forms[key])
        if not own:
            continue
        rest = len(own[0])
        for part in wanted:
            inside = max(_count(each, form) for each in part.forms for form in own)
            rest -= inside * part.rest
            part.times += inside * counts[key]
        wanted.append(_Part(own, max(rest, 0), counts[key]))
    return [
        Phrase(part.forms, WEIGHT * part.rest / len(part.forms[0]), part.times) for part in wanted
    ]


def copied(line: SlottedLine, text: str, terms: Terms) -> str:
    """A text of the line with slots in the place of terms."""
    parts = []
    end = 0
    for found in terms:
        parts += [text[end : found.start], line.add(Copied(found.target, "term", is_mark=False))]
        end = found.end
    return "".join([*parts, text[end:]])


@dataclasses.dataclass
class _Part:
    """A phrase, the tokens that it has beside shorter ones, and how often it is wanted."""

    forms: list[tuple[int, ...]]
    rest: int
    times: int


def _count(part, whole):
    """How often the tokens of a part stand in a whole."""
    length = len(part)
    return sum(whole[n : n + length] == part for n in range(len(whole) - length + 1))


def _longest_first(group):
    term = group[0].term
    return -len(term.target), not term.exact


def _forms(term, in_case, preparation):
    """The tokens of a term at the beginning of a word, and behind a bracket or hyphen."""
    texts = [term.target]
    if not term.exact:
        texts += [in_case, term.target[0].upper() + term.target[1:]]
    bracket = preparation.target_ids("(", [])
    forms = []
    for text in texts:
        forms.append(preparation.target_ids(text, []))
        behind = preparation.target_ids(f"({text}", [])
        if behind[: len(bracket)] == bracket:
            forms.append(behind[len(bracket) :])
    return list(dict.fromkeys(tuple(form) for form in forms if form))
