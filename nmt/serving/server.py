"""The server: sockets, slow clients, and an end that loses no request."""

import asyncio
import errno
import re
import signal
import socket
import threading
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nmt.errors import UserError

HEADER_SECONDS = 10  # in which a connection must have sent the head of a request
KEEP_ALIVE_SECONDS = 5
READING_SECONDS = 30  # in which a client must read some more of an answer
END_SECONDS = 10  # for requests in work, after SIGTERM
MOST_HEADER_BYTES = 2**16  # with the address, which has the text of some interfaces
BACKLOG = 1024
HEAD_END = b"\r\n\r\n"
UPGRADE = re.compile(rb"\r\nUpgrade:", re.IGNORECASE)
# What may go on as one of them.
BEGUN = re.compile(rb"(\r(\n(\r|u(p(g(r(a(de?)?)?)?)?)?)?)?)?\Z", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 without connections whose next request does not come, or that do not read."""

    _timer: asyncio.TimerHandle | None = None
    _reading_timer: asyncio.TimerHandle | None = None
    _unread = 0  # bytes, when that timer was started
    _in_head = True  # what comes next is, or goes on with, the head of a request
    _held = b""  # the end of a part of a head that the next part may change
    _incomplete = 0  # bytes that have come since a head, or a part of a body, was complete

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # Head and body of an answer are two packets: the second would wait for the client's
        # delayed acknowledgement of the first, 40 ms.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Feeds the parser, which has no limit of its own for heads and for what ends chunks."""
        self._incomplete += len(data)
        super().data_received(self._without_upgrade(data) if self._in_head else data)
        if self._incomplete > MOST_HEADER_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._incomplete = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._incomplete = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._incomplete = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._start_timer()

    def pause_writing(self) -> None:
        """Too much waits for the client to read."""
        super().pause_writing()
        self._start_reading_timer()

    def resume_writing(self) -> None:
        self._stop_reading_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._stop_reading_timer()
        super().connection_lost(exc)

    def _without_upgrade(self, data):
        """What the parser may have of a head, which asks for no other protocol.

        Clients in Java ask for HTTP/2 in this way. The parser would take that as granted, and lose
        the body of the request. A head behind another request's in one packet stays as it is.
        """
        head, end, rest = (self._held + data).partition(HEAD_END)
        place = len(head) if end else next(BEGUN.finditer(head)).start()
        self._held = head[place:]
        return UPGRADE.sub(b"\r\nX-Upgrade:", head[:place]) + end + rest

    def _start_timer(self):
        self._stop_timer()
        self._timer = self.loop.call_later(HEADER_SECONDS, self._end_if_idle)

    def _stop_timer(self):
        if self._timer:
            self._timer.cancel()

    def _end_if_idle(self):
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
            # What is left of an answer may keep it open.
            self._start_reading_timer()

    def _start_reading_timer(self):
        self._stop_reading_timer()
        self._unread = self.transport.get_write_buffer_size()
        self._reading_timer = self.loop.call_later(READING_SECONDS, self._end_if_unread)

    def _end_if_unread(self):
        if self.transport.get_write_buffer_size() < self._unread:
            self._start_reading_timer()
        else:
            self.transport.abort()

    def _stop_reading_timer(self):
        if self._reading_timer:
            self._reading_timer.cancel()


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; UserError where that cannot be. port: 0 for any."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except socket.gaierror:
        raise UserError(f"--host {host}: no such address") from None
    except (OSError, OverflowError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise UserError(f"port {port} is in use; choose another one with --port") from None
        raise UserError(f"cannot listen on {host}, port {port}: {error}") from None


def server(app: Starlette) -> uvicorn.Server:
    """A server of the application; `run(sockets=[...])` serves, `should_exit = True` ends it."""
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    return uvicorn.Server(config)


def serve(app: Starlette, listening: socket.socket) -> None:
    """Serves until SIGTERM or ctrl-C; requests that have come are answered first."""
    # uvicorn raises the signal again when all is done: that is a good end.
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda *_: None)
    server(app).run(sockets=[listening])
