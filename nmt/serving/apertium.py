"""The interface of Apertium APy: OmegaT has it built in, and Weblate."""

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.serving.exchange import Values, key_of, text
from nmt.serving.service import Refusal, Service


def error_body(status: int, message: str) -> dict[str, object]:
    """An error as Apertium writes it."""
    phrase = HTTPStatus(status).phrase
    return {"status": "error", "code": status, "message": phrase, "explanation": message}


async def list_pairs(service: Service, request: Request, values: Values) -> Response:
    """`GET /listPairs`."""
    pairs = [
        {"sourceLanguage": _code(each.source), "targetLanguage": _code(each.target)}
        for each in service.directions
    ]
    return _response(pairs)


async def translate(service: Service, request: Request, values: Values) -> Response:
    """`/translate?langpair=en|de&q=...`."""
    service.check_key(key_of(request, values))
    query = text(values, "q")
    service.check_size([query])
    source, _, target = text(values, "langpair").partition("|")
    try:
        source, target = service.languages(source, target)
    except Refusal as refusal:
        raise Refusal(refusal.status, "That pair is not installed") from None
    (answer,) = await service.translate([query], source, target)
    return _response({"translatedText": answer.candidates[0].text})


def _code(code):
    return code.replace("-", "_")


def _response(data):
    return JSONResponse({"responseData": data, "responseDetails": None, "responseStatus": 200})
