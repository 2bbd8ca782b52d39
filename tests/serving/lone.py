"""What one client waits for when nobody else asks, beside the engine on the same text.

    python -m tests.serving.lone RUN [ROUNDS]

Engine and server take turns, so that other work of the machine meets both alike. The server is
asked on a connection that is kept, and on a new one each time, by Python's http.client. A part of
these times is that client's own. So the server is also asked by a client that does no more than one
must: it sends a request in one piece, reads head and body, and parses both.
"""

import json
import socket
import statistics
import sys
import time

from nmt.inference.load import load
from nmt.machine import cores
from tests.serving.load import Client, Server

ROUNDS = 20
ASKED = 10  # times in a round, each way
SHORT = "Turn off the lights."


class PlainClient:
    """Asks again and again on one connection: a socket, and the least of HTTP."""

    def __init__(self, port, source, target):
        self._address = "127.0.0.1", port
        self._languages = {"source": source, "target": target}
        self._socket = None

    def ask(self, text):
        """The translation of a text."""
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=120)
        body = json.dumps({"q": text} | self._languages).encode()
        fields = {
            "Host": "{}:{}".format(*self._address),
            "Content-Type": "application/json",
            "Content-Length": len(body),
        }
        lines = ["POST /translate HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
        self._socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return self._answer()["translatedText"]

    def close(self):
        """Ends the connection; what is asked next makes a new one."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _answer(self):
        received = b""
        while b"\r\n\r\n" not in received:
            received += self._received()
        head, _, body = received.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        assert status.startswith("HTTP/1.1 200 "), status
        fields = dict(line.lower().split(": ", 1) for line in lines)
        while len(body) < int(fields["content-length"]):
            body += self._received()
        return json.loads(body)

    def _received(self):
        received = self._socket.recv(2**16)
        assert received, "the server has ended the connection"
        return received


class Way:
    """One way to have a translation: what each call of it took, and its processor seconds."""

    def __init__(self, ask, processor_seconds):
        self._ask = ask
        self._processor_seconds = processor_seconds
        self.processor = 0.0
        self.seconds = []

    def go(self, times):
        """The answer."""
        # The first one may have to connect, and finds the processor's caches cold.
        answer = self._ask()
        before = self._processor_seconds()
        for _ in range(times):
            begin = time.perf_counter()
            self._ask()
            self.seconds.append(time.perf_counter() - begin)
        self.processor += self._processor_seconds() - before
        return answer

    def forget(self):
        self.processor = 0.0
        self.seconds.clear()

    def median(self):
        return 1000 * statistics.median(self.seconds)


def measure(run, rounds=ROUNDS):
    """Figures as a dict, of processor time those of the server; raises for a wrong answer."""
    translator = load(run, "onnx")
    data = translator.recipe.data
    with Server(run) as server:
        asked = server.port(), data.source, data.target
        client, plain = Client(*asked), PlainClient(*asked)

        def anew():
            client.close()
            return client.ask(SHORT)

        ways = {
            "kept connection": Way(lambda: client.ask(SHORT), server.processor_seconds),
            "new connection": Way(anew, server.processor_seconds),
            "plain client": Way(lambda: plain.ask(SHORT), server.processor_seconds),
            "engine": Way(lambda: translator.translate([SHORT])[0], time.process_time),
        }
        for number in range(rounds + 1):
            # The server has ended it, if the engine took long.
            client.close()
            plain.close()
            assert len({way.go(ASKED) for way in ways.values()}) == 1
            if number == 0:
                # What comes first is slow.
                for way in ways.values():
                    way.forget()
        figures = {}
        for name, way in ways.items():
            figures[f"{name}, ms"] = way.median()
            figures[f"{name}, processor ms"] = 1000 * way.processor / len(way.seconds)
        engine = ways.pop("engine").median()
        for name, way in ways.items():
            figures[f"{name}, times the engine"] = way.median() / engine
        return figures


if __name__ == "__main__":
    typed = [kind(each) for kind, each in zip((str, int), sys.argv[1:], strict=False)]
    print(f"{cores()} cores")
    for name, value in measure(*typed).items():
        print(f"{name:44} {value:.2f}")
