"""Terms of a glossary in a translation: what lacks, what a search wants, what is copied."""

from collections import Counter
from collections.abc import Sequence

from nmt.decoding.bonus import Phrase
from nmt.text.glossary import FoundTerm, Term
from nmt.text.preparation import Preparation
from nmt.text.symbols import Copied, SlottedLine

WEIGHT = 2.0  # of a token of a term; chosen on validation text (docs/translating.md)

Terms = Sequence[FoundTerm]


def missing(terms: Terms, translation: str) -> list[FoundTerm]:
    """The terms that a translation lacks, each as often as it lacks it."""
    lacking = []
    expected: Counter[Term] = Counter()
    for found in terms:
        expected[found.term] += 1
        if found.used(translation) < expected[found.term]:
            lacking.append(found)
    return lacking


def phrases(terms: Terms, preparation: Preparation) -> list[Phrase]:
    """The terms of a text as a search wants them."""
    counts = Counter(found.term for found in terms)
    in_case = {found.term: found.target for found in terms}
    found = [
        Phrase(_forms(term, in_case[term], preparation), WEIGHT, times)
        for term, times in counts.items()
    ]
    return [phrase for phrase in found if phrase.forms]


def copied(line: SlottedLine, text: str, terms: Terms) -> str:
    """A text of the line with slots in the place of terms."""
    parts = []
    end = 0
    for found in terms:
        parts += [text[end : found.start], line.add(Copied(found.target, "term", is_mark=False))]
        end = found.end
    return "".join([*parts, text[end:]])


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
