"""`nmt`, or `python -m nmt`: runs a command; exit status 0, 1, 2, or 128 + a signal."""

import contextlib
import gc
import io
import os
import signal
import sys
from collections.abc import Sequence

from nmt.cli.parser import parse
from nmt.errors import Failure, UserError
from nmt.machine import show_messages
from nmt.packages import explained, require

# What ends threads, files and connections of its own when Python ends in order.
IN_ORDER = {"tensorflow", "ray"}
# Objects that are made before anybody looks for garbage: a short command makes fewer.
FIRST_GARBAGE = 100_000


def start() -> int:
    """`main` as a process of its own, which begins and ends sooner."""
    # NumPy starts threads for large products when it is imported. It has none to do here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    _look_for_garbage_late()
    status = main()
    # What a process holds ends with it. To take ONNX Runtime apart first is a tenth of the time
    # that a line takes from start to exit. What waits for that end, a profiler, has `main`.
    if not IN_ORDER & sys.modules.keys():
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    return status


def _look_for_garbage_late():
    """Lets Python look for cycles of references as usual, but not while it starts."""
    usual = gc.get_threshold()

    def restore(phase, info):
        gc.callbacks.remove(restore)
        gc.set_threshold(*usual)

    gc.callbacks.append(restore)
    gc.set_threshold(FIRST_GARBAGE)


class ClosedStdout(io.TextIOBase):
    """Stands for a stdout that is closed: what is not written to it is not missed."""

    def write(self, text: str) -> int:
        raise Failure("stdout is closed: nothing can be written there")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, of `sys.argv` if no arguments are passed; returns its exit status."""
    # Closed: its lines must not end up among the translations.
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdout is None:
        # Its number must not become that of another file, which libraries would print into.
        os.open(os.devnull, os.O_WRONLY)
        sys.stdout = ClosedStdout()
    # UTF-8 whatever the locale. Bytes of the input that are not UTF-8 are reported later, by line.
    for stream, errors in (
        (sys.stdin, "surrogateescape"),
        (sys.stdout, "replace"),
        (sys.stderr, "replace"),
    ):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors=errors, newline="\n")
    try:
        args = parse(arguments)
    except Failure as failure:  # help for a stdout that is closed
        print(f"nmt: {failure}", file=sys.stderr)
        return failure.exit_status
    with show_messages():
        return _run(args)


def _run(args):
    """The command's exit status; what goes wrong is one line, or with --debug a traceback."""
    try:
        require(*args.needs)
        args.run_command(args)
        sys.stdout.flush()
        return 0
    except BrokenPipeError:  # the reader has had enough: `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        # `number`: of the signal that a training has saved its state after.
        saved = "; state saved, the same command goes on" if hasattr(stop, "number") else ""
        print(f"\nnmt: stopped{saved}", file=sys.stderr)
        return 128 + getattr(stop, "number", signal.SIGINT)
    except Exception as error:
        if args.debug and not isinstance(error, MemoryError):
            raise
        problem = explained(error) if isinstance(error, ModuleNotFoundError) else error
        print(f"nmt: {_described(problem)}", file=sys.stderr)
        return getattr(problem, "exit_status", 1)


def _described(error):
    """One line for whatever went wrong; only of `UserError` and `Failure` more may follow."""
    if isinstance(error, UserError | Failure):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory; lower train.batch_tokens or the sizes of the model"
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return f"{type(error).__name__}: {first} (--debug shows where)"


if __name__ == "__main__":
    sys.exit(start())
