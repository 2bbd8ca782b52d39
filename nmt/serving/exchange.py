"""One request and its answer: fields within limits of size and time, errors as JSON."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from nmt.errors import Failure, UserError
from nmt.serving.service import Refusal, Service

log = logging.getLogger(__name__)

BODY_SECONDS = 30  # in which all of a request must have come
UNWATCHED_SECONDS = 0.05  # in which a client may leave unseen: short texts are answered sooner
LINGER_SECONDS = 2  # in which what a client goes on to send is taken, so that it reads the answer
MOST_FIELDS = 1_000
BEARERS = ("bearer ", "deepl-auth-key ")

Values = dict[str, Any]
Handler = Callable[[Service, Request, Values], Awaitable[Response]]
ErrorBody = Callable[[int, str], Any]


def error_body(status: int, message: str) -> dict[str, str]:
    """An error as LibreTranslate writes it."""
    return {"error": message}


class Endpoint:
    """An ASGI application of one route: reads the request, then lets a handler answer it.

    What the handler does ends when its client leaves.
    """

    def __init__(
        self,
        service: Service,
        path: str,
        handler: Handler,
        limit: int = 0,
        error_body: ErrorBody = error_body,
    ):
        """path: of the route, for messages. limit: bytes of a body, if not those of the service."""
        self.service = service
        self.path = path
        self.handler = handler
        self.limit = limit or service.limits.body
        self.error_body = error_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response | None
        try:
            response = await self._answer(scope, receive)
        except Refusal as refusal:
            response = self._error(refusal.status, refusal.message, refusal.headers)
        except HTTPException as error:
            response = self._error(error.status_code, error.detail)
        except UserError as error:
            response = self._error(400, f"Invalid request: {error}")
        except Failure as failure:
            log.warning(f"{self.path}: {failure}")
            response = self._error(500, "The server cannot do that now")
        except Exception as error:
            # Not its message: that may have text of the client.
            log.error(f"{self.path}: {type(error).__name__}")
            response = self._error(500, "Internal error")
        if response is None:
            return
        if self.service.metrics:
            self.service.metrics.answered(self.path, response.status_code)
        if response.status_code == 413:
            await _answer_and_linger(response, scope, receive, send)
        else:
            await response(scope, receive, send)

    async def _answer(self, scope, receive):
        """The handler's response, or None if the client has left."""
        request = Request(scope, _limited(receive, scope, self.limit))
        try:
            async with asyncio.timeout(BODY_SECONDS):
                values = await _values(request)
        except TimeoutError:
            raise Refusal(408, "The request came too slowly", {"Connection": "close"}) from None
        try:
            return await _while_connected(self.handler(self.service, request, values), receive)
        finally:
            # What a handler opened is closed before the answer goes out.
            await request.close()

    def _error(self, status, message, headers=None):
        return JSONResponse(self.error_body(status, message), status, headers)


def text(values: Mapping[str, Any], name: str) -> str:
    """A value that must be there; Refusal otherwise."""
    value = values.get(name)
    if value is None or value == "":
        raise Refusal(400, f"Invalid request: missing {name} parameter")
    if not isinstance(value, str):
        raise Refusal(400, f"Invalid request: {name} must be text")
    return value


def key_of(request: Request, values: Mapping[str, Any]) -> str:
    """The key that a client sent in any of the ways that interfaces have, or an empty text."""
    for name in ("api_key", "key"):
        if isinstance(values.get(name), str) and values[name]:
            return values[name]
    header = request.headers.get("authorization", "")
    start = next((each for each in BEARERS if header.lower().startswith(each)), None)
    return header[len(start) :].strip() if start else ""


def decoded(data: bytes) -> str:
    """Bytes as UTF-8; Refusal if they are not."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refusal(400, "Invalid request: not valid UTF-8") from None


# Reading.


async def _values(request):
    """The fields of a request: of JSON, or else of form and query together."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        form = await request.form(max_files=1, max_fields=MOST_FIELDS)
        fields = dict(reversed(form.multi_items()))
    else:
        body = await request.body()
        if body and (kind == "application/json" or kind.endswith("+json")):
            return _json(body)
        fields = _urlencoded(body)
    fields = _urlencoded(request.scope["query_string"]) | fields
    # Browsers end the lines of forms in their own way.
    return {
        name: value if isinstance(value, UploadFile) else value.replace("\r\n", "\n")
        for name, value in fields.items()
    }


def _json(body):
    try:
        values = json.loads(body)
        # Half characters can be written as escapes.
        json.dumps(values, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refusal(400, "Invalid request: not valid JSON in UTF-8") from None
    if not isinstance(values, dict):
        raise Refusal(400, "Invalid request: a JSON object is needed")
    return values


def _urlencoded(data):
    """The fields of a query or form; the first one of each name."""
    try:
        pairs = parse_qsl(decoded(data), True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal(400, "Invalid request: not valid UTF-8, or too many fields") from None
    return dict(reversed(pairs))


def _limited(receive, scope, limit):
    """`receive`, which refuses bodies of more than `limit` bytes."""
    headers = dict(scope["headers"])
    announced = headers.get(b"content-length", b"0")
    too_large = int(announced) > limit if announced.isdigit() else False
    size = 0

    async def receive_within():
        nonlocal size
        if too_large:
            raise Refusal(413, f"Invalid request: more than {limit} bytes")
        message = await receive()
        if message["type"] == "http.disconnect":
            # The body will never be complete.
            raise Refusal(400, "Invalid request: incomplete")
        size += len(message.get("body", b""))
        if size > limit:
            raise Refusal(413, f"Invalid request: more than {limit} bytes")
        return message

    return receive_within


async def _while_connected(work, receive):
    """What `work` returns; it is cancelled if the client leaves, and that is None.

    It is no task of its own: each turn of the event loop is time that a short text waits.
    """
    task = asyncio.current_task()
    assert task
    watch: asyncio.Future[None] | None = None

    def begin_watch():
        nonlocal watch
        watch = asyncio.ensure_future(_cancel_without_client(task, receive))

    timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, begin_watch)
    try:
        return await work
    except asyncio.CancelledError:
        # The server can cancel it, too.
        if not watch or not watch.done() or task.uncancel():
            raise
        return None
    finally:
        timer.cancel()
        if watch:
            watch.cancel()


async def _cancel_without_client(task, receive):
    """Cancels a task when the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass
    task.cancel()


async def _answer_and_linger(response, scope, receive, send):
    """Answers, and takes a little more of a body that is too large.

    A connection that is closed at once is reset, and its client may never read the answer.
    """
    begin = time.monotonic()

    async def send_then_take(message):
        if message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(begin + LINGER_SECONDS - time.monotonic()):
                    while (await receive()).get("more_body"):
                        pass
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    response.headers["Connection"] = "close"
    await response(scope, receive, send_then_take)
