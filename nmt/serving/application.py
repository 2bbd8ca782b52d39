"""The routes of all interfaces as one ASGI application."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nmt.serving import apertium, interactive, libretranslate, static, tmserver
from nmt.serving.exchange import Endpoint, Handler, Values, key_of
from nmt.serving.service import Refusal, Service
from nmt.serving.shelf import Shelf

log = logging.getLogger(__name__)

RENEW_SECONDS = 2  # between two looks at the run folders
CLOSE_SECONDS = 1  # for the workers, when all requests have ended


class TextConvertor(Convertor[str]):
    """What is left of an address, line breaks and slashes included."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def application(
    service: Service,
    hosts: Sequence[str] = ("*",),
    origins: Sequence[str] = (),
    on_start: Callable[[], None] = lambda: None,
) -> Starlette:
    """The application of a service, whose batcher it closes in the end.

    hosts: names that a request may be sent to. origins: of pages that may use it (CORS).
    on_start: is called when requests are accepted, and signals too.
    """
    shelf = Shelf()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        renewing = asyncio.ensure_future(_renew(service))
        on_start()
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.to_thread(service.batcher.close, CLOSE_SECONDS)
            shelf.close()

    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)]
    if origins:
        allowed: dict[str, Any] = {
            "allow_origins": origins,
            "allow_methods": ["GET", "POST"],
            "allow_headers": ["Authorization", "Content-Type"],
        }
        middleware.append(Middleware(CORSMiddleware, **allowed))
    register_url_convertor("text", TextConvertor())
    app = Starlette(routes=_routes(service, shelf), middleware=middleware, lifespan=lifespan)
    app.state.origins = origins
    return app


def _routes(service, shelf):
    def route(method: str, path: str, handler: Handler, **options: Any) -> Route:
        return Route(path, Endpoint(service, path, handler, **options), methods=[method])

    apertium_errors = {"error_body": apertium.error_body}
    translate_file, download_file = libretranslate.file_handlers(shelf)
    routes = [
        # They are tried in turn: the one that is asked most is the first.
        route("POST", "/translate", libretranslate.translate),
        *(route("GET", path, static.file_handler(path)) for path in static.FILES),
        route("GET", "/languages", libretranslate.languages),
        route("POST", "/detect", libretranslate.detect),
        route("GET", "/frontend/settings", libretranslate.settings),
        route("POST", "/translate_file", translate_file, limit=service.limits.file),
        route("GET", "/download_file/{place}", download_file),
        route("POST", "/suggest", libretranslate.suggest),
        route("POST", "/alternatives", interactive.alternatives),
        route("GET", "/health", libretranslate.health),
        route("GET", "/translate", apertium.translate, **apertium_errors),
        route("GET", "/listPairs", apertium.list_pairs, **apertium_errors),
        route("POST", "/listPairs", apertium.list_pairs, **apertium_errors),
        route("GET", "/tm/languages/", tmserver.languages),
        route("GET", "/tm/{source}/{target}/unit/{text:text}", tmserver.unit),
    ]
    if service.metrics:
        routes.append(route("GET", "/metrics", _metrics))
    return routes


async def _metrics(service: Service, request: Request, values: Values) -> Response:
    """`GET /metrics`."""
    service.check_key(key_of(request, values))
    if not service.metrics:
        raise Refusal(404, "No metrics")
    return Response(service.metrics.text(), media_type=service.metrics.content_type)


async def _renew(service):
    """Takes up runs that have changed, until it is cancelled."""
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            await asyncio.to_thread(service.runs.renew)
        except Exception as error:
            log.warning(f"the runs cannot be looked at: {type(error).__name__}")
