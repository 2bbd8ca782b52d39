"""A translator without a model, a server of it in a thread, and requests as clients send them."""

import contextlib
import http.client
import json
import threading
import time
import types

from nmt.inference.translation import Translation
from nmt.inference.translator import Ready
from nmt.runs.corrections import Corrections
from nmt.serving.batching import Batcher
from nmt.serving.directions import Direction, Directions

ENGLISH = ["the", "of", "and", "is", "light", "door", "open", "house", "this", "with"]
GERMAN = ["der", "die", "und", "ist", "licht", "tür", "offen", "haus", "das", "mit"]


class Shouter:
    """Translates into capitals, alternatives with so many exclamation marks.

    gate: closed, a batch waits. batches: the lines of each.
    """

    memory = corrections = None

    def __init__(self, mark=""):
        self.mark = mark
        self.gate = threading.Event()
        self.gate.set()
        self.batches = []

    def using(self, *_, **__):
        return self

    def ready(self, lines, nbest=1):
        return Ready(list(lines), list)

    def search(self, lines, nbest=1):
        self.batches.append(list(lines))
        self.gate.wait(20)
        if "poison" in lines:
            raise RuntimeError("poison")
        return [
            [Translation(self.mark + line.upper() + "!" * rank) for rank in range(nbest)]
            for line in lines
        ]


class Corrected:
    """A translator whose best candidates are corrections, where there are any; for the page."""

    def __init__(self, translator, path):
        self.translator = translator
        self.corrections = Corrections(path)

    def __getattr__(self, name):
        return getattr(self.translator, name)

    def search(self, lines, nbest=1, **options):
        found = self.translator.search(lines, nbest, **options)
        kept = map(self.corrections.get, lines)
        return [
            [Translation(text, confidence=1.0, corrected=True), *own][:nbest] if text else own
            for text, own in zip(kept, found, strict=True)
        ]


def fixed_runs(*pairs, folder=None, translator=None):
    """What `nmt.serving.runs.Runs` is, of directions like ("en", "de")."""

    def made(languages):
        fake = translator or Shouter()
        return Corrected(fake, folder / f"corrections.{languages}.tsv") if folder else fake

    directions = [Direction(*pair, made("-".join(pair))) for pair in pairs]
    known = Directions(directions, {"en": ENGLISH, "de": GERMAN})
    return types.SimpleNamespace(directions=known, renew=lambda: False)


@contextlib.contextmanager
def serving(runs, hosts=("*",), origins=(), batcher=None, metrics=False, **options):
    """The port of a server in a thread; options: of `Service`."""
    # Imported here: these need packages that may be missing.
    from nmt.serving.application import application
    from nmt.serving.metrics import Metrics
    from nmt.serving.server import bind, server
    from nmt.serving.service import Service

    figures = Metrics() if metrics else None
    batcher = batcher or Batcher(2, **({"on_batch": figures.on_batch} if figures else {}))
    service = Service(runs, batcher, metrics=figures, **options)
    with bind("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        served = server(application(service, hosts, origins))
        thread = threading.Thread(target=lambda: served.run(sockets=[listening]))
        thread.start()
        wait_until(lambda: served.started)
        try:
            yield port
        finally:
            served.should_exit = True
            thread.join(20)


def wait_until(condition, seconds=30):
    """Returns when a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def ask(port, method, path, body=None, headers=None):
    """(status, headers, body) of a request; the body is bytes, or parsed JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        content = response.read()
    is_json = response.headers.get("content-type") == "application/json"
    return response.status, response.headers, json.loads(content) if is_json else content


def ask_json(port, path, fields):
    """(status, answer) of a POST with a JSON body."""
    body = json.dumps(fields).encode()
    status, _, answer = ask(port, "POST", path, body, {"Content-Type": "application/json"})
    return status, answer
