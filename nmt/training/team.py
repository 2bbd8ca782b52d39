"""The processes of a training on several machines: they meet, and hear from the first one.

Process 0 listens where TensorFlow will, the others come to it. Their connections stay open beside
those of TensorFlow: a process that ends is noticed in whatever it does, and its reason is told.
A word is a JSON object on a line. What the processes compute together is TensorFlow's own.
"""

import contextlib
import json
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

from nmt.errors import Failure, UserError
from nmt.training.cluster import Cluster
from nmt.version import __version__

log = logging.getLogger(__name__)

PATIENCE = 600.0  # seconds that a process waits for the others to come
FIRST_NOTE = 5.0  # seconds after which it says for whom
NEXT_NOTE = 60.0
PAUSE = 0.5  # seconds between two looks
GLANCE = 0.01  # seconds that a look listens to one process
ANSWER = 10.0  # seconds in which a process that has connected must speak
LOST = 5.0  # seconds in which the others say why TensorFlow has lost a process
BEAT = 10.0  # seconds between two signs of life
SILENCE = 600.0  # seconds without any after which a process is taken for frozen
AGAIN = "start all processes again, training goes on"
UNKNOWN = "another process does not answer"
COMPLETE = "complete"  # how a good end is told
# What the end of another process explains: most where it has a reason of its own.
TOLD, VANISHED, GUESSED = range(3)
LONGEST = 2**24  # bytes of a word


class Gone(Exception):
    """The other side of a connection has ended."""


class Channel:
    """A connection to another process that carries words."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.socket.settimeout(None)
        self.buffer = b""
        self.saying = threading.Lock()
        # A machine that is switched off says no farewell.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, seconds in (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)

    def say(self, word: dict[str, Any]) -> None:
        """Sends a word; one that nobody hears any more is no error."""
        self._send(json.dumps(word).encode() + b"\n")

    def beat(self) -> None:
        """Sends an empty line, a sign of life."""
        self._send(b"\n")

    def _send(self, data):
        with contextlib.suppress(OSError), self.saying:
            self.socket.sendall(data)

    def hear(self, seconds: float | None = None) -> dict[str, Any]:
        """The next word; Gone, ValueError if it is none, TimeoutError after so long a silence."""
        line = b""
        while not line:
            while b"\n" not in self.buffer:
                self.buffer += self._received(seconds)
            line, _, self.buffer = self.buffer.partition(b"\n")
        word = json.loads(line)
        if not isinstance(word, dict):
            raise ValueError("no word")
        return word

    def _received(self, seconds):
        if len(self.buffer) > LONGEST:
            raise ValueError("no word")
        # No timeout of the socket: another thread sends meanwhile, which may take longer.
        with selectors.DefaultSelector() as selector:
            selector.register(self.socket, selectors.EVENT_READ)
            if not selector.select(seconds):
                raise TimeoutError
        try:
            received = self.socket.recv(2**16)
        except OSError as error:
            raise Gone from error
        if not received:
            raise Gone
        return received


class Team:
    """This process among all that train together. One that is alone speaks to nobody.

    channels: to the others for process 0, to process 0 for the others.
    """

    def __init__(self, cluster: Cluster, channels: dict[int, Channel] | None = None) -> None:
        self.cluster = cluster
        self.channels = channels or {}
        self.strategy: Any = None  # of tf.distribute, once TensorFlow has connected
        # Of the others that have ended: how much that explains, the less the more, and the reason.
        self.ends: dict[int, tuple[int, str]] = {}
        self.guessed = False  # whether the reason of this one's end is a guess
        self.over = threading.Event()

    @property
    def alone(self) -> bool:
        """Whether the training is this process."""
        return self.cluster.size == 1

    @property
    def leads(self) -> bool:
        """Whether this process prepares, validates and writes."""
        return self.cluster.number == 0

    def say(self, **word: Any) -> None:
        """Tells process 0, or as process 0 all others."""
        for channel in self.channels.values():
            channel.say(word)

    def beat(self) -> None:
        """From now on until the block of the team ends, gives the others signs of life.

        A thread does, so no process may be forked any more.
        """
        if self.channels:
            threading.Thread(target=self._beat, daemon=True).start()

    def _beat(self):
        while not self.over.wait(BEAT):
            for channel in self.channels.values():
                channel.beat()

    def hear(self, beating: bool = False) -> dict[str, Any]:
        """The next word of process 0; Failure if it ends instead, or, when beating, is frozen."""
        return self._word_of(0, SILENCE if beating else None)

    def gather(self) -> None:
        """As process 0, waits for a word of each other one; Failure as soon as one of them ends."""
        silent = list(self.channels)
        while silent:
            # One that waits for another, which has ended, would never speak: all are heard in turn.
            silent = [number for number in silent if not self._has_spoken(number)]

    def settle(self) -> None:
        """Waits until process 0 has written what it writes; Failure if it does not complete it."""
        if not self.leads:
            while (word := self._next(0, SILENCE)).get("end") != COMPLETE:
                self._accept(0, word)

    def reason(self) -> str:
        """Why TensorFlow has lost a process, as far as the others tell or their end shows."""
        until = time.monotonic() + LOST
        while time.monotonic() < until and len(self.ends) < len(self.channels):
            self._look(PAUSE)
            rank, reason = self._best()
            if rank < GUESSED:
                return reason
        self.guessed = True
        return UNKNOWN

    @contextlib.contextmanager
    def watched(self, stderr: TextIO) -> Iterator[None]:
        """Within the block, which nothing can interrupt, the end of another ends this process."""
        done = threading.Event()
        watch = threading.Thread(target=self._watch, args=(stderr, done), daemon=True)
        watch.start()
        try:
            yield
        finally:
            done.set()
            watch.join()

    def _watch(self, stderr, done):
        until = time.monotonic() + PATIENCE
        reason = ""
        while not reason and not done.wait(PAUSE):
            self._look(GLANCE)
            _, reason = self._best()
            if time.monotonic() > until:
                reason = f"TensorFlow did not connect the processes in {_minutes(PATIENCE)}"
        if reason:
            print(f"nmt: {advised(reason)}", file=stderr, flush=True)
            os._exit(Failure.exit_status)

    def _look(self, seconds):
        """Notes which others have ended, and why; listens to each for so many seconds."""
        for number in sorted(self.channels.keys() - self.ends):
            try:
                word = self.channels[number].hear(seconds)
            except TimeoutError:
                continue
            except (Gone, ValueError):
                self.ends[number] = VANISHED, f"{self.cluster.name(number)} is gone"
            else:
                self._note_end(number, word)

    def _note_end(self, number, word):
        if "end" in word:
            reason = word["end"]
            # What process 0 tells of another one needs no second name.
            if not reason.startswith(("process ", UNKNOWN)):
                reason = f"{self.cluster.name(number)}: {reason}"
            self.ends[number] = GUESSED if word.get("guess") else TOLD, reason

    def _best(self):
        """(rank, reason) of the end that explains most; the reason is "" if none has ended."""
        return min(self.ends.values(), default=(GUESSED, ""))

    def _word_of(self, number, seconds=None):
        return self._accept(number, self._next(number, seconds))

    def _has_spoken(self, number):
        try:
            self._accept(number, self._heard(number, GLANCE))
        except TimeoutError:
            return False
        return True

    def _next(self, number, seconds):
        try:
            return self._heard(number, seconds)
        except TimeoutError:
            self.guessed = True
            name = self.cluster.name(number)
            raise Failure(f"{name} does not answer; {AGAIN}") from None

    def _heard(self, number, seconds):
        """The next word of a process that is no note; TimeoutError; Failure if it ends instead."""
        try:
            while "waiting" in (word := self.channels[number].hear(seconds)):
                log.info(word["waiting"])
        except (Gone, ValueError):
            self.ends[number] = VANISHED, f"{self.cluster.name(number)} is gone"
            raise self._failure() from None
        return word

    def _accept(self, number, word):
        self._note_end(number, word)
        if self.ends:
            raise self._failure()
        return word

    def _failure(self):
        """By whose end this process ends; that of one may follow from that of another."""
        self._look(GLANCE)
        rank, reason = self._best()
        self.guessed = rank == GUESSED
        return Failure(reason if rank == TOLD else advised(reason))


def advised(reason: str, step: int = 0) -> str:
    """A reason with what to do: all start again, and go on after a step, if that is known."""
    if AGAIN in reason:
        return reason
    return f"{reason}; {AGAIN}" + (f" after step {step}" if step else "")


@contextlib.contextmanager
def together(cluster: Cluster, recipe: str) -> Iterator[Team]:
    """The team of a training for the block, once all processes are there.

    recipe: the text of the recipe, which must be the same for all; UserError if it is not. Failure
    if a process does not come. How the block ends is told to the others.
    """
    if cluster.size == 1:
        yield Team(cluster)
        return
    hello = {"nmt": __version__, "number": cluster.number, "recipe": recipe}
    with contextlib.ExitStack() as stack:
        if cluster.number == 0:
            channels = _gathered(cluster, hello, stack)
        else:
            channels = {0: _joined(cluster, hello, stack)}
        team = Team(cluster, channels)
        try:
            yield team
        except BaseException as error:
            # An interruption says nothing.
            reason = (str(error) or "interrupted").splitlines()[0]
            team.say(end=reason, guess=team.guessed)
            raise
        else:
            team.settle()
        finally:
            team.over.set()
        team.say(end=COMPLETE)


class _Wait:
    """The time in which others must come; says now and then for whom this process waits."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.began = time.monotonic()
        self.next_note = self.began + FIRST_NOTE

    def note(self, missing):
        """What is due to be said, or ""; Failure when the time is over."""
        now = time.monotonic()
        if not missing:
            return ""
        names = ", ".join(self.cluster.addresses[number] for number in sorted(missing))
        of_all = f"{len(missing)} of {self.cluster.size} processes"
        if now > self.began + PATIENCE:
            raise Failure(f"{of_all} did not come within {_minutes(PATIENCE)}: {names}")
        if now < self.next_note:
            return ""
        self.next_note = now + NEXT_NOTE
        return f"waiting for {of_all}: {names} (up to {_minutes(PATIENCE)})"


def _gathered(cluster, hello, stack):
    """Process 0: connections to all others, by their numbers."""
    channels: dict[int, Channel] = {}
    wait = _Wait(cluster)
    try:
        with _server(cluster) as server:
            while len(channels) < cluster.size - 1:
                with contextlib.suppress(TimeoutError):
                    connection, _ = server.accept()
                    stack.callback(connection.close)
                    _welcome(Channel(connection), channels, cluster, hello)
                if note := wait.note(set(range(1, cluster.size)) - channels.keys()):
                    log.info(note)
                    for channel in channels.values():
                        channel.say({"waiting": note})
    except (Failure, UserError) as error:
        for channel in channels.values():
            channel.say({"end": str(error)})
        raise
    return channels


def _server(cluster):
    """Listens where the others will come; with a timeout."""
    port = int(cluster.addresses[0].rpartition(":")[2])
    try:
        if socket.has_dualstack_ipv6():
            server = socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=cluster.size
            )
        else:
            server = socket.create_server(("", port), backlog=cluster.size)
    except OSError as error:
        raise Failure(f"port {port} cannot be listened at: {error.strerror}") from None
    server.settimeout(PAUSE)
    return server


def _welcome(channel, channels, cluster, hello):
    """Takes a connection in if it is one of the team; UserError where it trains something else."""
    try:
        word = channel.hear(ANSWER)
        number = int(word["number"])
        name = cluster.name(number)
    except (Gone, OSError, ValueError, KeyError, TypeError, IndexError):
        return  # somebody else's
    if number in channels:
        channels[number].say({"end": f"another process is {name}, too"})
    channels[number] = channel
    if word.get("nmt") != hello["nmt"]:
        raise UserError(f"{name} has nmt {word.get('nmt')}, process 0 has {hello['nmt']}")
    if word.get("recipe") != hello["recipe"]:
        difference = _first_difference(hello["recipe"], str(word.get("recipe")))
        raise UserError(
            f"{name} trains another recipe than process 0: {difference} (trainings of their own "
            "need a SLURM step each, or no TF_CONFIG)"
        )
    channel.say({"welcome": number})


def _first_difference(own, other):
    """The first line of a recipe that the other one does not have, and the line there."""
    pairs = zip(own.splitlines(), other.splitlines(), strict=False)
    differing = ((a, b) for a, b in pairs if a != b)
    here, there = next(differing, ("", ""))
    return f"{there or 'more options'} instead of {here or 'none'}"


def _joined(cluster, hello, stack):
    """The others: the connection to process 0."""
    wait = _Wait(cluster)
    host, _, port = cluster.addresses[0].rpartition(":")
    while True:
        with contextlib.suppress(Gone, OSError, ValueError):
            connection = socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWER)
            stack.callback(connection.close)
            channel = Channel(connection)
            channel.say(hello)
            word = channel.hear(ANSWER)
            if "end" in word:
                raise UserError(word["end"])
            if "welcome" in word:
                return channel
        if note := wait.note([0]):
            log.info(note)
        time.sleep(PAUSE)


def _minutes(seconds):
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} seconds"
