"""Plural forms of gettext: the numbers of each form, and what is translated for it."""

import gettext
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nmt.corpora.formats.messages import Header
from nmt.documents.format_strings import fits_one, number_placeholder
from nmt.inference.translation import Translation

# The numbers that tell where a rule sends what: those of msgfmt's own check.
NUMBERS = range(1001)
# gettext itself knows no language with more than 6.
MOST_FORMS = 20


class Form(NamedTuple):
    """What is translated for a form: the message of one, or of several."""

    message: str
    # The same with a number in the place of a placeholder; equal without one.
    source: str
    number: float = 0
    placeholder: str = ""

    def put_back(self, text: str) -> str | None:
        """The translation of `source` with the placeholder again; None where this is not clear."""
        if not self.placeholder:
            return text
        number = str(self.number).replace(".", "[.,]")
        pattern = rf"(?<![\d.,]){number}(?!\d|[.,]\d)"
        if any(len(re.findall(pattern, each)) != 1 for each in (self.source, text)):
            return None
        return re.sub(pattern, lambda _: self.placeholder, text)


def texts(
    form: Form, forms: Iterable[Form], translations: Mapping[str, Translation]
) -> list[str | None]:
    """What a form may become, the better first: with its number, or of its message.

    What people gave for the message comes first, where no other of the forms has the same one.
    """
    of_source, of_message = translations[form.source], translations[form.message]
    made = [form.put_back(of_source.text), of_message.text]
    is_alone = sum(other.message == form.message for other in forms) == 1
    first = is_alone and of_message.known and not of_source.known
    return made[::-1] if first else made


def rule(header: Header) -> list[list[int]] | None:
    """The numbers up to 1,000 of each form, by Plural-Forms; None without a rule."""
    value = header.values.get("plural-forms", "")
    match = re.fullmatch(r"\s*nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+);?\s*", value)
    if not match or not 1 <= int(match[1]) <= MOST_FORMS:
        return None
    forms: list[list[int]] = [[] for _ in range(int(match[1]))]
    try:
        # A parser of this syntax, which raises ValueError for any other.
        form_of = gettext.c2py(match[2])
        form_of_number = {number: form_of(number) for number in NUMBERS}
    except (ValueError, ArithmeticError, RecursionError):
        return None
    if not set(form_of_number.values()) <= set(range(len(forms))):
        return None
    for number, form in form_of_number.items():
        forms[form].append(number)
    return forms


def forms(
    singular: str, plural: str, numbers: Sequence[Sequence[int]], flags: Iterable[str]
) -> list[Form]:
    """What is translated for each form.

    The form of one has the singular with 1 for its number, unless it is that of all numbers, or
    needs placeholders that the singular lacks: for the number of others that take this form, as 21
    in Russian. The other forms have the plural with the smallest of their numbers above one.
    """
    flags = list(flags)
    made = []
    for own in numbers:
        several = [number for number in own if number > 1]
        if 1 in own and len(numbers) > 1 and fits_one(singular, plural, flags, not several):
            made.append(_form(singular, 1, flags))
        else:
            made.append(_form(plural, several[0] if several else max(own, default=2), flags))
    return made


def _form(message, number, flags):
    placeholder = number_placeholder(message, flags)
    if not placeholder:
        return Form(message, message)
    return Form(message, message.replace(placeholder, str(number)), number, placeholder)
