"""What one client waits for when nobody else asks, beside the engine on the same text.

    python -m tests.serving.lone RUN [ROUNDS]

Engine and server take turns, so that other work of the machine meets both alike. The server is
asked on a connection that is kept, and on a new one each time.
"""

import statistics
import sys
import time

from nmt.inference.load import load
from nmt.machine import cores
from tests.serving.load import Client, Server

ROUNDS = 20
ASKED = 10  # times in a round, each way
SHORT = "Turn off the lights."


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
        client = Client(server.port(), data.source, data.target)

        def anew():
            client.close()
            return client.ask(SHORT)

        ways = {
            "kept connection": Way(lambda: client.ask(SHORT), server.processor_seconds),
            "new connection": Way(anew, server.processor_seconds),
            "engine": Way(lambda: translator.translate([SHORT])[0], time.process_time),
        }
        for number in range(rounds + 1):
            # The server has ended it, if the engine took long.
            client.close()
            assert len({way.go(ASKED) for way in ways.values()}) == 1
            if number == 0:
                # What comes first is slow.
                for way in ways.values():
                    way.forget()
        figures = {}
        for name, way in ways.items():
            figures[f"{name}, ms"] = way.median()
            figures[f"{name}, processor ms"] = 1000 * way.processor / len(way.seconds)
        engine = ways["engine"].median()
        for name in ("kept connection", "new connection"):
            figures[f"{name}, times the engine"] = ways[name].median() / engine
        return figures


if __name__ == "__main__":
    typed = [kind(each) for kind, each in zip((str, int), sys.argv[1:], strict=False)]
    print(f"{cores()} cores")
    for name, value in measure(*typed).items():
        print(f"{name:44} {value:.2f}")
