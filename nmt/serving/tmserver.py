"""The interface of the Translate Toolkit's tmserver: Weblate shows what confidence it tells."""

from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nmt.documents.units import per_cent
from nmt.serving.exchange import Values, decoded, key_of
from nmt.serving.service import Refusal, Service

CANDIDATES = 3  # suggestions of a text


async def languages(service: Service, request: Request, values: Values) -> Response:
    """`GET /tm/languages/`."""
    directions = service.directions
    return JSONResponse(
        {
            "sourceLanguages": [_code(code) for code in directions.sources()],
            "targetLanguages": [_code(code) for code in directions.targets()],
        }
    )


async def unit(service: Service, request: Request, values: Values) -> Response:
    """`GET /tm/{source}/{target}/unit/{text}`: suggestions, the best first."""
    service.check_key(key_of(request, values))
    # As it was sent: the text may have slashes, and must be UTF-8.
    _, _, quoted = request.scope["raw_path"].partition(b"/unit/")
    text = decoded(unquote_to_bytes(quoted))
    service.check_size([text])
    try:
        source, target = service.languages(
            request.path_params["source"], request.path_params["target"]
        )
    except Refusal:
        return JSONResponse([])
    (answer,) = await service.translate([text], source, target, CANDIDATES)
    return JSONResponse(
        [
            {
                "source": text,
                "target": candidate.text,
                "quality": per_cent(candidate) or 0,
                "rank": rank,
            }
            for rank, candidate in enumerate(answer.candidates, 1)
        ]
    )


def _code(code):
    return code.lower().replace("-", "_")
