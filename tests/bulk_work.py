"""Works that translate by capitals, or slowly; processes that are started import them from here."""

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import ClassVar

from nmt.bulk.formats import Added
from nmt.bulk.work import Done, Translation
from nmt.errors import UserError


@dataclasses.dataclass(frozen=True)
class Shout:
    """Texts in capitals. A text "kill FILE" kills the worker while that file is not there."""

    command: ClassVar[str] = "shout"
    new_columns: ClassVar[list[str]] = ["translation"]
    runs: ClassVar[list[str]] = []

    def start(self):
        return shouted


def shouted(columns):
    (texts,) = columns
    for text in texts:
        if text and text.startswith("kill "):
            marker = Path(text.removeprefix("kill "))
            if not marker.exists():
                if marker.name == "once":
                    marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if text == "refuse":
            raise UserError("this is refused")
    return Done(Added({"translation": [text and text.upper() for text in texts]}), {"long": 1})


@dataclasses.dataclass(frozen=True)
class Slow(Translation):
    """A translation that takes its time over a window."""

    seconds: float = 0.0

    def start(self):
        function = super().start()

        def slowed(columns):
            time.sleep(self.seconds)
            return function(columns)

        return slowed
