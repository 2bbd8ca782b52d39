"""Translations that begin as a user wants, and the ways to go on from there."""

import functools
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.documents.units import per_cent
from nmt.serving.details import Begun, Detailed, NextWords, segments
from nmt.serving.exchange import Values, key_of, text
from nmt.serving.service import AUTO, Answer, Refusal, Service
from nmt.serving.texts import cut

ALTERNATIVES = 5  # if a client does not say how many


async def translate(service: Service, request: Request, values: Values) -> Response:
    """`POST /translate` of a line with `prefix`, which its translation begins with.

    Of a list of prefixes each has its own. With `wholeWord` no letter goes on with the word that a
    prefix ends in.
    """
    service.check_key(key_of(request, values))
    query = text(values, "q")
    prefixes, is_list = _prefixes(values, service.limits.alternatives)
    source, target = service.languages(text(values, "source"), text(values, "target"))
    service.check_size([query, *prefixes])
    whole_word = values.get("wholeWord") in (True, "true")
    answers = await _begun(service, query, source, target, prefixes, whole_word)
    best = [answer.candidates[0] for answer in answers]
    fields: dict[str, list[Any]] = {"translatedText": [each.text for each in best]}
    if source == AUTO and answers[0].detected:
        fields["detectedLanguage"] = [answer.detected._asdict() for answer in answers]
    sure = [per_cent(each) for each in best]
    if None not in sure:
        fields["confidence"] = sure
    if values.get("details") in (True, "true"):
        fields["details"] = [
            segments(query, answer.units, answer.source(source), target) for answer in answers
        ]
    return JSONResponse(fields if is_list else {key: each[0] for key, each in fields.items()})


async def alternatives(service: Service, request: Request, values: Values) -> Response:
    """`POST /alternatives`: the words that may come after a prefix of a line's translation.

    `POST /translate` gives the translation that goes on from one of them.
    """
    service.check_key(key_of(request, values))
    query = text(values, "q")
    source, target = service.languages(text(values, "source"), text(values, "target"))
    prefix = text(values, "prefix") if values.get("prefix") else ""
    limit = values.get("limit", ALTERNATIVES)
    most = service.limits.alternatives
    if type(limit) is not int or not 1 <= limit <= most:
        raise Refusal(400, f"Invalid request: limit must be a number from 1 to {most}")
    service.check_size([query, prefix])
    direction, _ = _direction(service, query, source, target)
    if direction is None:
        return JSONResponse({"alternatives": []})
    through = functools.partial(NextWords, prefix=prefix)
    (found,) = await service.search(direction, _line(query), limit, through)
    return JSONResponse({"alternatives": [each._asdict() for each in found]})


def _prefixes(values, most):
    """(the texts of prefix, whether it is a list)."""
    prefixes = values["prefix"]
    if isinstance(prefixes, str):
        return [prefixes], False
    is_list = isinstance(prefixes, list) and all(isinstance(each, str) for each in prefixes)
    if not is_list or not prefixes:
        raise Refusal(400, "Invalid request: prefix must be text, or a list of texts")
    if len(prefixes) > most:
        raise Refusal(400, f"Invalid request: more than {most} prefixes")
    return prefixes, True


async def _begun(service, query, source, target, prefixes, whole_word):
    """The answers to a line whose translations begin with each of the prefixes."""
    direction, detected = _direction(service, query, source, target)
    if direction is None:
        answers = await service.translate([query], source, target, through=Detailed)
        return answers * len(prefixes)
    (unit,) = _line(query)
    through = functools.partial(Begun, prefixes=tuple(prefixes), whole_word=whole_word)
    (found,) = await service.search(direction, [unit], 1, through)
    joined = cut(query).joined
    return [Answer(joined([[best]]), detected, [(unit, best)]) for best in found]


def _direction(service, query, source, target):
    """(direction, detected language if asked for); no direction for text that stays as it is."""
    detected = None
    if source == AUTO:
        detected = service.directions.detected_source(query, target)
        source = detected.language
    return service.directions.find(source, target), detected


def _line(query):
    """The one unit of a text; Refusal of texts of several lines."""
    units = cut(query).units
    if len(units) != 1:
        raise Refusal(400, "Invalid request: q must be one line")
    return units
