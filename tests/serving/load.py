"""What a server does under load, beside the engine on the same texts.

    python -m tests.serving.load RUN [SECONDS] [CLIENTS] [WORDS]

Each answer must be the translation that the engine gives of that text alone. Beside other work
seconds of the processor count: the clients take some of the machine, too.
"""

import http.client
import json
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from nmt.inference.load import load
from nmt.machine import cores
from nmt.runs.folder import Run
from nmt.runs.held_out import held_out

TEXTS = 300
MOST_WORDS = 200
MEMORY_SECONDS = 30  # between two looks at the memory
TICKS = 100  # a second, in /proc


class Server:
    """A process that serves a run; Linux, for its figures."""

    def __init__(self, run):
        command = [sys.executable, "-m", "nmt", "serve", str(run), "--port", "0"]
        # A file, as nobody reads a pipe until it is full.
        self._own = tempfile.TemporaryDirectory()
        self._messages = Path(self._own.name) / "messages"
        with self._messages.open("w") as file:
            self.process = subprocess.Popen(command, stderr=file)
        self._folder = Path(f"/proc/{self.process.pid}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self._own.cleanup()

    def port(self):
        """That it listens on, as soon as it tells."""
        while True:
            told = self._messages.read_text()
            if found := re.search(r":(\d+)/", told):
                return int(found[1])
            assert self.process.poll() is None, told
            time.sleep(0.05)

    def processor_seconds(self):
        fields = (self._folder / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self):
        """MiB."""
        status = (self._folder / "status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


class Client:
    """Asks again and again on one connection."""

    def __init__(self, port, source, target):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._languages = {"source": source, "target": target}
        self.seconds = []
        self.words = 0

    def ask(self, text):
        """The translation of a text."""
        begin = time.perf_counter()
        answer = self.post("/translate", {"q": text})
        self.seconds.append(time.perf_counter() - begin)
        self.words += len(text.split())
        return answer["translatedText"]

    def post(self, path, fields):
        body = json.dumps(fields | self._languages)
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        answer = json.loads(response.read())
        assert response.status == 200, answer
        return answer

    def close(self):
        """Ends the connection; what is asked next makes a new one."""
        self._connection.close()


def measure(run, seconds=60.0, clients=64, most_words=MOST_WORDS):
    """Figures of both as a dict; raises for an answer that is not the engine's, or is none."""
    translator = load(run, "onnx")
    data = translator.recipe.data
    texts = sample(run, most_words)
    words = sum(len(text.split()) for text in texts)
    # 1. The engine, one by one, and all texts at once.
    processor = time.process_time()
    expected = {text: translator.translate([text])[0] for text in texts}
    one_by_one = (time.process_time() - processor) / len(texts)
    begin, processor = time.perf_counter(), time.process_time()
    assert translator.translate(texts) == list(expected.values())
    engine = time.process_time() - processor, time.perf_counter() - begin
    figures = {
        "texts": len(texts),
        "words a text": words / len(texts),
        "engine, processor ms a text": 1000 * engine[0] / len(texts),
        "one by one, processor ms a text": 1000 * one_by_one,
        "engine, words a second": words / engine[1],
    }
    # 2. The server, idle and under load.
    with Server(run) as server:
        port = server.port()
        figures["MiB before"] = server.memory()
        each = [Client(port, data.source, data.target) for _ in range(clients)]
        figures |= _under_load(server, expected, each, seconds)
    figures["exit status"] = server.process.returncode
    return figures


def _under_load(server, expected, clients, seconds):
    """Figures of clients that ask for so long; raises the first error of one of them."""
    texts = list(expected)
    deadline = time.perf_counter() + seconds
    memory = []
    pause = min(MEMORY_SECONDS, seconds / 4)

    def work(number):
        rng = random.Random(number)
        while time.perf_counter() < deadline:
            text = rng.choice(texts)
            assert clients[number].ask(text) == expected[text], text

    processor, begin = server.processor_seconds(), time.perf_counter()
    with ThreadPoolExecutor(len(clients)) as pool:
        done = [pool.submit(work, number) for number in range(len(clients))]
        while (rest := deadline - time.perf_counter()) > 0:
            time.sleep(min(pause, rest))
            memory.append(round(server.memory()))
    took = time.perf_counter() - begin
    for each in done:
        each.result()
    waits = sorted(wait for client in clients for wait in client.seconds)
    return {
        "clients": len(clients),
        "requests": len(waits),
        "server, processor ms a text": 1000 * (server.processor_seconds() - processor) / len(waits),
        "server, words a second": sum(client.words for client in clients) / took,
        "median wait, s": statistics.median(waits),
        "95 of 100 wait at most, s": waits[int(0.95 * len(waits))],
        "longest wait, s": waits[-1],
        f"MiB, each {pause:.0f} s": memory,
        "MiB after": server.memory(),
    }


def sample(run, most_words):
    """Texts of 1 to so many words, short ones more often, of the run's test text."""
    rng = random.Random(1)
    lines = [source for source, _ in held_out(Run(run), "test")]
    texts = set()
    while len(texts) < TEXTS:
        size = int(most_words ** rng.random())
        words = []
        while len(words) < size:
            words += rng.choice(lines).split()
        texts.add(" ".join(words[:size]))
    return sorted(texts)


if __name__ == "__main__":
    typed = [kind(each) for kind, each in zip((str, float, int, int), sys.argv[1:], strict=False)]
    print(f"{cores()} cores")
    for name, value in measure(*typed).items():
        print(f"{name:32} {value}")
