"""`nmt`, or `python -m nmt`: runs a command; exit status 0, 1, 2 or 130."""

import os
import signal
import sys

from nmt.cli.parser import parse
from nmt.errors import Failure, UserError
from nmt.machine import messages_on_stderr


def main(arguments=None):
    """Runs a command; returns its exit status."""
    if sys.stderr is None:  # closed: its lines must not end up among the translations
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if sys.stdin is not None and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape", newline="\n")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace", newline="\n")
    options = parse(arguments)
    with messages_on_stderr():
        return _run(options)


def _run(options):
    try:
        options.run_command(options)
        sys.stdout.flush()
        return 0
    except (UserError, Failure) as error:
        if options.debug:
            raise
        print(f"nmt: {error}", file=sys.stderr)
        return error.exit_status
    except BrokenPipeError:  # the reader has had enough: `| head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as stop:
        number = getattr(stop, "number", signal.SIGINT)
        print(
            "\nnmt: stopped"
            + ("; state saved, the same command goes on" if hasattr(stop, "number") else ""),
            file=sys.stderr,
        )
        return 128 + number
    except MemoryError:
        print(
            "nmt: out of memory; lower train.batch_tokens or the sizes of the model",
            file=sys.stderr,
        )
        return 1
    except Exception as error:  # whatever it is, one line; --debug shows where
        if options.debug:
            raise
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        print(f"nmt: {type(error).__name__}: {first} (--debug shows where)", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
