"""The page of the server: its files, and the headers that they are sent with."""

from importlib import resources

from starlette.requests import Request
from starlette.responses import Response

from nmt.serving.exchange import Handler, Values
from nmt.serving.service import Service

# Address: file and type. The page asks for nothing else but the interfaces of its own server.
FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/favicon.ico": ("icon.svg", "image/svg+xml"),
}
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def file_handler(path: str) -> Handler:
    """The handler of one of the addresses of `FILES`."""
    name, kind = FILES[path]
    content = (resources.files("nmt.serving") / "page" / name).read_bytes()

    async def answer(service: Service, request: Request, values: Values) -> Response:
        return Response(content, media_type=kind, headers=HEADERS)

    return answer
