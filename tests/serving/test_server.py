"""Who may use a server, clients that are slow, greedy or gone, and its end."""

import contextlib
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from tests.fakes import messages
from tests.serving.clients import Shouter, ask, ask_json, fixed_runs, serving, wait_until

pytest.importorskip("uvicorn")
pytest.importorskip("httptools")
pytest.importorskip("starlette")
pytest.importorskip("python_multipart")
pytest.importorskip("prometheus_client")

from nmt.serving import exchange, server
from nmt.serving.batching import Batcher
from nmt.serving.service import Limits

ROOT = Path(__file__).parents[2]
HELLO = {"q": "hello", "source": "en", "target": "de"}
BODY = json.dumps(HELLO).encode()
HEAD = b"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
WHOLE = HEAD + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture
def slow():
    """A translator that waits for its gate, one worker with it, and the port of its server."""
    translator = Shouter()
    translator.gate.clear()
    batcher = Batcher(1, limit=5)
    with serving(fixed_runs(("en", "de"), translator=translator), batcher=batcher) as port:
        yield translator, batcher, port
        translator.gate.set()


def connected(port, data=b""):
    """A socket to the server that has sent some data."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(data)
    return connection


def received(connection):
    """All that the server sends until it closes."""
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({}, {}, 400),
        ({"api_key": ""}, {}, 400),
        ({"api_key": "wrong"}, {}, 403),
        ({"api_key": "größe"}, {}, 200),
        ({"key": "second"}, {}, 200),
        ({}, {"Authorization": "Bearer second"}, 200),
        ({}, {"Authorization": "DeepL-Auth-Key second"}, 200),
        ({}, {"Authorization": "Basic second"}, 400),
    ],
)
def test_keys(keyed, fields, headers, status):
    body = json.dumps(HELLO | fields)
    headers = {"Content-Type": "application/json"} | headers
    with messages() as lines:
        given, _, answer = ask(keyed, "POST", "/translate", body, headers)
    assert given == status and lines == []
    if status == 403:
        assert answer == {"error": "Invalid API key"}


@pytest.fixture(scope="module")
def keyed():
    with serving(fixed_runs(("en", "de")), keys=["größe", "second"]) as port:
        yield port


def test_keys_guard_all_that_translates(keyed):
    for method, path in (
        ("POST", "/detect"),
        ("POST", "/suggest"),
        ("POST", "/translate_file"),
        ("GET", "/translate?langpair=en|de&q=x"),
        ("GET", "/tm/en/de/unit/x"),
    ):
        status, _, answer = ask(keyed, method, path)
        assert status == 400 and "API key" in str(answer)
    assert ask(keyed, "GET", "/translate?langpair=en|de&q=x&key=second")[0] == 200
    for path in ("/languages", "/health", "/listPairs", "/frontend/settings"):
        assert ask(keyed, "GET", path)[0] == 200


def test_other_names_and_other_origins():
    """A page on the web must not reach a local server, by DNS or by scripts."""
    hosts = ["localhost", "127.0.0.1", "[::1]"]
    with serving(fixed_runs(("en", "de")), hosts, ["https://good.example"]) as port:
        for host, status in (
            ("localhost", 200),
            (f"LOCALHOST:{port}", 200),
            (f"[::1]:{port}", 200),
            ("evil.example", 400),
            ("localhost.evil.example", 400),
            ("", 400),
        ):
            assert ask(port, "GET", "/health", None, {"Host": host})[0] == status
        for origin, allowed in (("https://good.example", True), ("https://evil.example", False)):
            _, headers, _ = ask(port, "GET", "/health", None, {"Origin": origin})
            assert (headers["access-control-allow-origin"] == origin) == allowed


def test_a_body_that_is_too_large_is_refused_unread(monkeypatch):
    with serving(fixed_runs(("en", "de")), limits=Limits(body=1000)) as port:
        # 1. Announced; the client sends all of it before it reads.
        status, headers, answer = ask(port, "POST", "/translate", b"x" * 5_000_000)
        assert status == 413 and "1000 bytes" in answer["error"]
        assert headers["connection"] == "close"
        # The others send no more: the server need not wait for it.
        monkeypatch.setattr(exchange, "LINGER_SECONDS", 0.3)
        # 2. Announced, and sent in part.
        with connected(port, HEAD + b"Content-Length: 100000000\r\n\r\nxxx") as connection:
            assert b" 413 " in received(connection).splitlines()[0]
        # 3. In chunks, without an end.
        with connected(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n") as connection:
            connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
            assert b" 413 " in received(connection).splitlines()[0]
        assert ask_json(port, "/translate", HELLO)[0] == 200


def test_clients_that_are_too_slow(monkeypatch):
    monkeypatch.setattr(server, "HEADER_SECONDS", 1)
    monkeypatch.setattr(exchange, "BODY_SECONDS", 1)
    with serving(fixed_runs(("en", "de"))) as port:
        half_head = connected(port, b"POST /translate HTT")
        nothing = connected(port)
        half_body = connected(port, WHOLE[:-5])
        with connected(port, WHOLE) as quick:
            assert b" 200 " in quick.recv(65536).splitlines()[0]
        assert received(half_head) == received(nothing) == b""
        assert b" 408 " in received(half_body).splitlines()[0]
        # A second request of a connection has to come in time, too.
        again = connected(port, WHOLE + b"GET /hea")
        assert received(again).count(b"HTTP/1.1") == 1
        for connection in (half_head, nothing, half_body, again):
            connection.close()


CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


@pytest.mark.parametrize("begin", [HEAD, CHUNKED], ids=["head", "what ends chunks"])
def test_a_head_without_end_is_refused(keyed, begin):
    with connected(keyed, begin) as connection:
        # The server ends it while more comes: the answer may be lost by that.
        with pytest.raises(ConnectionError):
            for number in range(200_000):
                connection.sendall(b"x-%d: %s\r\n" % (number, b"x" * 100))
    assert ask(keyed, "GET", "/health")[0] == 200


def test_an_address_may_be_long(keyed):
    text = "x" * 60_000
    answer = ask(keyed, "GET", f"/translate?langpair=en|de&q={text}&key=second")[2]
    assert answer["responseData"]["translatedText"] == text.upper()


def test_a_request_that_offers_another_protocol_is_answered(keyed):
    """As Java's client asks for HTTP/2 with its first request."""
    form = b"source=en&target=de&api_key=second&q=a\r\nupgrade: b"
    head = (
        b"POST /translate HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n"
        b"Connection: Upgrade, HTTP2-Settings\r\nUPGRADE: h2c\r\nHTTP2-Settings: AAEAAE\r\n\r\n"
    ) % len(form)
    name = head.index(b"\r\nUPGRADE")
    cuts = [*range(name, name + 11), *range(len(head) - 4, len(head) + 1), len(head + form) - 10]
    with connected(keyed) as connection:
        for cut in (0, *cuts):
            for part in ((head + form)[:cut], (head + form)[cut:]):
                connection.sendall(part)
                time.sleep(0.02)
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.endswith(b'{"translatedText":"A\\nUPGRADE: B"}')


LARGE = 6_000_000  # characters of an answer: more than systems hold for a connection


@pytest.fixture
def ended(monkeypatch):
    """Addresses of clients whose connection the server has ended."""
    ended = set()
    connection_made = server.Protocol.connection_made
    connection_lost = server.Protocol.connection_lost

    def made(protocol, transport):
        protocol.of = transport.get_extra_info("peername")
        connection_made(protocol, transport)

    def lost(protocol, error):
        connection_lost(protocol, error)
        ended.add(protocol.of)

    monkeypatch.setattr(server.Protocol, "connection_made", made)
    monkeypatch.setattr(server.Protocol, "connection_lost", lost)
    return ended


@pytest.fixture
def large(monkeypatch):
    """A connection on which a large answer has begun, and the port of the server."""
    monkeypatch.setattr(server, "READING_SECONDS", 1)
    limits = Limits(characters=LARGE, body=2 * LARGE)
    body = json.dumps(HELLO | {"q": "x" * LARGE}).encode()
    with serving(fixed_runs(("en", "de")), limits=limits) as port, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", port))
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(1)
        yield connection, port


def test_clients_that_do_not_read(ended, large):
    """Their answers are not kept for ever, and others have theirs meanwhile."""
    lazy, port = large
    assert ask_json(port, "/translate", HELLO)[0] == 200
    wait_until(lambda: lazy.getsockname() in ended)
    size = 0
    with contextlib.suppress(ConnectionResetError):
        size = len(received(lazy))
    assert size < LARGE


def test_clients_that_read_slowly_have_all_of_an_answer(large):
    connection, _ = large
    begin = time.monotonic()
    size = 0
    while size < LARGE:
        part = connection.recv(65536)
        assert part
        size += len(part)
        # Twice as long as without a sign of life.
        time.sleep(max(0, begin + 2 * size / LARGE - time.monotonic()))


@pytest.mark.parametrize(
    "given",
    [{"memory": object()}, {"corrections": types.SimpleNamespace(changed=lambda: True)}],
    ids=["a memory", "corrections that have changed"],
)
def test_what_is_looked_up_holds_nobody_up(given):
    looking, found = threading.Event(), threading.Event()
    ended = []

    class Slow(Shouter):
        def ready(self, lines, nbest=1):
            looking.set()
            ended.append(found.wait(5))
            return super().ready(lines, nbest)

    translator = Slow()
    vars(translator).update(given)
    with serving(fixed_runs(("en", "de"), translator=translator)) as port:
        with connected(port, WHOLE) as connection:
            assert looking.wait(20)
            assert ask(port, "GET", "/health")[0] == 200 and not ended
            found.set()
            assert b" 200 " in connection.recv(65536).splitlines()[0]


def test_clients_that_leave_hold_nobody_up(slow):
    translator, batcher, port = slow
    first = connected(port, WHOLE)
    wait_until(lambda: translator.batches)
    half = connected(port, WHOLE[:-5])
    gone = [connected(port, WHOLE) for _ in range(4)]
    wait_until(lambda: batcher.waiting == 4)
    for connection in (*gone, half):
        connection.close()
    wait_until(lambda: batcher.waiting == 0)
    translator.gate.set()
    assert ask_json(port, "/translate", HELLO)[1] == {"translatedText": "HELLO"}
    assert b"HELLO" in first.recv(65536)
    first.close()
    assert len(translator.batches) == 2


def test_a_full_queue_is_told(slow):
    translator, batcher, port = slow
    waiting = [connected(port, WHOLE)]
    wait_until(lambda: translator.batches)
    waiting += [connected(port, WHOLE) for _ in range(5)]
    wait_until(lambda: batcher.waiting == 5)
    status, headers, answer = ask(
        port, "POST", "/translate", BODY, {"Content-Type": "application/json"}
    )
    assert status == 503 and int(headers["retry-after"]) > 0 and "error" in answer
    assert ask(port, "GET", "/health")[0] == 200
    translator.gate.set()
    for connection in waiting:
        assert b" 200 " in connection.recv(65536).splitlines()[0]
        connection.close()


def test_many_clients_at_once_have_their_own_answers():
    with serving(fixed_runs(("en", "de"))) as port:
        wrong = []

        def client(number):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            for turn in range(8):
                texts = [f"client {number} turn {turn} text {n}" for n in range(number % 4 + 1)]
                body = json.dumps(HELLO | {"q": texts})
                connection.request("POST", "/translate", body, {"Content-Type": "application/json"})
                answer = json.loads(connection.getresponse().read())
                if answer != {"translatedText": [text.upper() for text in texts]}:
                    wrong.append(answer)
            connection.close()

        clients = [threading.Thread(target=client, args=(n,)) for n in range(24)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        assert wrong == []


def test_no_answer_waits_for_an_acknowledgement(keyed):
    """On a connection that is kept, systems delay it by 40 ms."""
    connection = http.client.HTTPConnection("127.0.0.1", keyed, timeout=20)
    seconds = []
    for _ in range(40):
        begin = time.perf_counter()
        connection.request("GET", "/health")
        connection.getresponse().read()
        seconds.append(time.perf_counter() - begin)
    connection.close()
    assert sorted(seconds)[10] < 0.035


def test_what_goes_wrong_inside_is_not_told(slow):
    translator, _, port = slow
    translator.gate.set()
    with messages() as lines:
        status, answer = ask_json(port, "/translate", HELLO | {"q": "poison"})
    assert status == 500 and answer == {"error": "Internal error"}
    assert lines == ["/translate: RuntimeError"]


def test_suggestions_are_kept_line_by_line(tmp_path):
    hello = {"q": "hello", "s": "grüß\tgott", "source": "EN", "target": "de"}
    lines = {"q": "one\ntwo", "s": "eins\n zwei", "source": "auto", "target": "de"}
    runs = fixed_runs(("en", "de"), folder=tmp_path)
    with serving(runs, suggestions=True) as port:
        assert ask_json(port, "/suggest", hello) == (200, {"success": True})
        assert ask_json(port, "/suggest", hello | {"s": "hallo"})[0] == 200
        assert ask_json(port, "/suggest", lines)[0] == 200
        assert ask_json(port, "/suggest", lines | {"s": "eins"})[0] == 400
        for wrong in (" ", "half: \ud83d"):
            assert ask_json(port, "/suggest", hello | {"s": wrong})[0] == 400
        # A form of a page elsewhere needs no leave of the server.
        form = "q=hello&s=evil&source=en&target=de"
        head = {"Content-Type": "application/x-www-form-urlencoded"}
        for sent in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "cross-site"},
        ):
            assert ask(port, "POST", "/suggest", form, head | sent)[0] == 403
        for sent in (
            {"Origin": f"http://127.0.0.1:{port}"},
            {"Origin": "https://behind.a.proxy", "Sec-Fetch-Site": "same-origin"},
        ):
            own = form.replace("hello", "two").replace("evil", "zwei")
            assert ask(port, "POST", "/suggest", own, head | sent)[0] == 200
    path = tmp_path / "corrections.en-de.tsv"
    again = "two\tzwei\n" * 2
    assert (
        path.read_text("utf-8").removesuffix(again)
        == "hello\tgrüß gott\nhello\thallo\none\teins\ntwo\tzwei\n"
    )


SERVER = """
import sys, time
from nmt.serving.application import application
from nmt.serving.batching import Batcher
from nmt.serving.server import bind, serve
from nmt.serving.service import Service
from tests.serving.clients import Shouter, fixed_runs

class Slow(Shouter):
    def search(self, lines, nbest=1):
        time.sleep(0.3)
        return super().search(lines, nbest)

runs = fixed_runs(("en", "de"), translator=Slow())
with bind("127.0.0.1", 0) as listening:
    print(listening.getsockname()[1], flush=True)
    serve(application(Service(runs, Batcher(1))), listening)
print("ended")
"""


def test_sigterm_loses_no_request():
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    port = int(process.stdout.readline())
    wait_until(lambda: ask(port, "GET", "/health")[0] == 200, 20)
    # More than a batch: some wait in the queue.
    clients = [connected(port, WHOLE) for _ in range(40)]
    half = connected(port, WHOLE[:-5])
    idle = connected(port)
    # An answer to one that came last: the others have been read.
    assert ask(port, "GET", "/health")[0] == 200
    process.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    half.sendall(WHOLE[-5:])
    for client in (*clients, half):
        answer = received(client)
        assert answer.startswith(b"HTTP/1.1 200") and b"HELLO" in answer
    assert received(idle) == b""
    with pytest.raises(ConnectionRefusedError):
        connected(port)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, b"ended\n", b"")


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_documented_requests():
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    typed = re.findall(r"^\$ (curl .*)$", page, re.MULTILINE)
    assert len(typed) == 4
    with serving(fixed_runs(("en", "de"))) as port:
        for command in typed:
            command = shlex.split(command.replace("localhost:5000", f"127.0.0.1:{port}"))
            done = subprocess.run(command, capture_output=True, check=True)
            answer = json.loads(done.stdout)
            assert isinstance(answer, list) or "translatedText" in answer
