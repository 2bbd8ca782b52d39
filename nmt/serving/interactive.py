"""Translations that begin as a user wants, and the ways to go on from there."""

import functools
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.documents.units import per_cent
from nmt.serving.details import Detailed, NextWords, segments
from nmt.serving.exchange import Values, key_of, text
from nmt.serving.service import AUTO, Answer, Refusal, Service
from nmt.serving.texts import cut

ALTERNATIVES = 5  # if a client does not say how many


async def translate(service: Service, request: Request, values: Values) -> Response:
    """`POST /translate` of a line with `prefix`, which its translation begins with.

    With `wholeWord` no letter goes on with the word that the prefix ends in.
    """
    service.check_key(key_of(request, values))
    query = text(values, "q")
    prefix = text(values, "prefix")
    source, target = service.languages(text(values, "source"), text(values, "target"))
    service.check_size([query, prefix])
    whole_word = values.get("wholeWord") in (True, "true")
    through = functools.partial(Detailed, prefix=prefix, whole_word=whole_word)
    answer = await _begun(service, query, source, target, through)
    best = answer.candidates[0]
    fields: dict[str, Any] = {"translatedText": best.text}
    if source == AUTO and answer.detected:
        fields["detectedLanguage"] = answer.detected._asdict()
    if per_cent(best) is not None:
        fields["confidence"] = per_cent(best)
    if values.get("details") in (True, "true"):
        fields["details"] = segments(query, answer.units, answer.source(source), target)
    return JSONResponse(fields)


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


async def _begun(service, query, source, target, through):
    """The answer to a line whose translation `through` makes begin with a prefix."""
    direction, detected = _direction(service, query, source, target)
    if direction is None:
        (answer,) = await service.translate([query], source, target, through=Detailed)
        return answer
    units = _line(query)
    ((best, *_),) = await service.search(direction, units, 1, through)
    return Answer(cut(query).joined([[best]]), detected, [(units[0], best)])


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
