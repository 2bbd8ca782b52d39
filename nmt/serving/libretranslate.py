"""LibreTranslate's interface: docs.libretranslate.com/api, and what its clients make of it."""

import asyncio
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from nmt.documents.units import per_cent
from nmt.serving import apertium, interactive
from nmt.serving.details import Detailed, segments
from nmt.serving.documents import ENDINGS, translated_document
from nmt.serving.exchange import Values, key_of, text
from nmt.serving.names import name
from nmt.serving.service import AUTO, Refusal, Service
from nmt.serving.shelf import Shelf
from nmt.serving.texts import FORMATS, cut

TIMEOUT_MS = 500  # that pages wait while a user types


async def languages(service: Service, request: Request, values: Values) -> Response:
    """`GET /languages`: each source with its targets; targets alone have none."""
    directions = service.directions
    return JSONResponse(
        [
            {"code": code, "name": name(code), "targets": _targets(directions, code)}
            for code in directions.languages()
        ]
    )


async def translate(service: Service, request: Request, values: Values) -> Response:
    """`POST /translate`: one text or a list of texts."""
    if "langpair" in values:
        return await apertium.translate(service, request, values)
    if values.get("prefix") not in (None, ""):
        return await interactive.translate(service, request, values)
    service.check_key(key_of(request, values))
    texts, is_list = _texts(values)
    source, target = service.languages(text(values, "source"), text(values, "target"))
    form = _format(values)
    alternatives = _alternatives(values, service.limits.alternatives)
    service.check_size(texts)
    # LibreTranslate has no alternatives of HTML.
    nbest = 1 + (alternatives if form == "text" else 0)
    details = values.get("details") in (True, "true") and form == "text"
    through = Detailed if details else None
    answers = await service.translate(texts, source, target, nbest, form, through)
    best = [answer.candidates[0] for answer in answers]
    fields: dict[str, list[Any]] = {"translatedText": [each.text for each in best]}
    if source == AUTO:
        fields["detectedLanguage"] = _detected(answers)
    if alternatives:
        fields["alternatives"] = _others(answers)
    if details:
        fields["details"] = _details(texts, answers, source, target)
    sure = [per_cent(each) for each in best]
    if None not in sure:
        fields["confidence"] = sure
    return JSONResponse(fields if is_list else {key: each[0] for key, each in fields.items()})


async def detect(service: Service, request: Request, values: Values) -> Response:
    """`POST /detect`: the served sources, the most probable first."""
    service.check_key(key_of(request, values))
    texts, _ = _texts(values)
    service.check_size(texts)
    return JSONResponse([each._asdict() for each in service.directions.detect("\n".join(texts))])


async def settings(service: Service, request: Request, values: Values) -> Response:
    """`GET /frontend/settings`: what a page shall offer."""
    first = next(iter(service.directions))
    return JSONResponse(
        {
            "charLimit": service.limits.characters,
            "frontendTimeout": TIMEOUT_MS,
            "apiKeys": bool(service.keys),
            "keyRequired": bool(service.keys),
            "suggestions": service.suggestions,
            "filesTranslation": True,
            "supportedFilesFormat": list(ENDINGS),
            "language": {
                "source": {"code": first.source, "name": name(first.source)},
                "target": {"code": first.target, "name": name(first.target)},
            },
        }
    )


async def suggest(service: Service, request: Request, values: Values) -> Response:
    """`POST /suggest`: a better translation, from then on the one of that text."""
    service.check_key(key_of(request, values))
    if not service.suggestions:
        raise Refusal(403, "Suggestions are disabled on this server.")
    if _is_of_another_page(request):
        raise Refusal(403, "Suggestions of pages of other addresses are not taken")
    query, better = text(values, "q"), text(values, "s")
    service.check_size([query, better])
    source, target = service.languages(text(values, "source"), text(values, "target"))
    if source == AUTO:
        source = service.directions.detected_source(query, target).language
    direction = service.directions.find(source, target)
    sources, targets = cut(query).units, cut(better).units
    corrections = direction.translator.corrections if direction else None
    if not corrections or not sources or len(sources) != len(targets):
        raise Refusal(400, "Invalid request: q and s must be texts with as many lines, in a pair")
    pairs = list(zip(sources, targets, strict=True))
    await asyncio.to_thread(corrections.add, pairs)
    return JSONResponse({"success": True})


def _is_of_another_page(request):
    """Whether the page of another address sent it: a form can, in whatever browser it is open."""
    origin = request.headers.get("origin")
    if not origin or {origin, "*"} & set(request.app.state.origins):
        return False
    site = request.headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    return urlsplit(origin).netloc != request.headers.get("host")


async def health(service: Service, request: Request, values: Values) -> Response:
    """`GET /health`."""
    return JSONResponse({"status": "ok"})


def file_handlers(shelf: Shelf) -> tuple[Any, Any]:
    """The handlers of `POST /translate_file` and `GET /download_file/...`, with a common shelf."""

    async def translate_file(service: Service, request: Request, values: Values) -> Response:
        service.check_key(key_of(request, values))
        file = values.get("file")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Refusal(400, "Invalid request: missing file parameter")
        source, target = service.languages(text(values, "source"), text(values, "target"))
        data = await translated_document(service, file.filename, await file.read(), source, target)
        place = await asyncio.to_thread(shelf.put, file.filename, data)
        url = f"{request.base_url}download_file/{quote(place)}"
        return JSONResponse({"translatedFileUrl": url})

    async def download_file(service: Service, request: Request, values: Values) -> Response:
        place = request.path_params["place"]
        path = shelf.find(place)
        if path is None:
            raise Refusal(404, "No such file; translated files are kept for a few minutes")
        return FileResponse(path, filename=place.partition(".")[2])

    return translate_file, download_file


def _targets(directions, code):
    return directions.targets(code) if code in directions.sources() else []


def _texts(values):
    """(the texts of q, whether it is a list)."""
    query = values.get("q")
    if not isinstance(query, list):
        return [text(values, "q")], False
    if not query:
        raise Refusal(400, "Invalid request: missing q parameter")
    if not all(isinstance(each, str) for each in query):
        raise Refusal(400, "Invalid request: q must be text, or a list of texts")
    return query, True


def _format(values):
    form = values.get("format") or "text"
    if form not in FORMATS:
        raise Refusal(400, f"{form} format is not supported")
    return form


def _alternatives(values, limit):
    """How many alternatives are asked for; of forms the number is text."""
    number = values.get("alternatives") or 0
    # Python reads numbers of some thousand digits at most.
    if isinstance(number, str) and number.isdecimal() and len(number) < 10:
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise Refusal(400, "Invalid request: alternatives must be a number")
    if number > limit:
        message = f"Invalid request: alternatives ({number}) exceeds limit ({limit})"
        raise Refusal(400, message)
    return number


# Fields of an answer, for each text.


def _detected(answers):
    return [answer.detected._asdict() for answer in answers if answer.detected]


def _others(answers):
    """The candidates but the best."""
    return [[candidate.text for candidate in answer.candidates[1:]] for answer in answers]


def _details(texts, answers, source, target):
    return [
        segments(each, answer.units, answer.source(source), target)
        for each, answer in zip(texts, answers, strict=True)
    ]
