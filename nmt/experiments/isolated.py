"""A part of a measurement in a process of its own: its threads, its peak memory and its TensorFlow are its own."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading

from nmt.errors import Failure, UserError
from nmt.machine import messages_on_stderr

MAXRSS_PER_MB = 2**20 if sys.platform == "darwin" else 2**10  # macOS tells bytes, Linux kilobytes


def run(module, case, log=None):
    """What `python -m nmt.experiments.<module>` makes of `case`, in a new process; both are JSON.

    log: a file that what it says is appended to, instead of stderr. Raises Failure when it ends badly.
    """
    with open(log or os.devnull, "ab") as file:
        command = [sys.executable, "-m", f"nmt.experiments.{module}", json.dumps(case)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file if log else None
        ) as child:
            printed = child.stdout.read()
    if child.returncode:
        where = f"; see {log}" if log else ""
        raise Failure(f"the measurement of {case} ended with status {child.returncode}{where}")
    return json.loads(printed)


def main(part):
    """The other end of `run`: prints `part(case)`."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with messages_on_stderr():
            print(json.dumps(part(json.loads(sys.argv[1]))))
    except (UserError, Failure) as error:
        print(f"nmt: {error}", file=sys.stderr)
        sys.exit(error.exit_status)
    except KeyboardInterrupt as stop:
        sys.exit(128 + getattr(stop, "number", signal.SIGINT))


def _end_with_parent():
    """stdin is a pipe that ends when the parent does, however it ended: training then saves its state and stops."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def peak():
    """The most memory that this process had, MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MAXRSS_PER_MB)
