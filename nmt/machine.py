"""The machine: messages on stderr, Keras started quietly, and what the processor can do."""

import contextlib
import ctypes
import functools
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from nmt.packages import KERAS, is_installed, require

# What speed depends on.
INSTRUCTION_SETS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")
PACKAGES = ("tensorflow", "keras", "onnxruntime", "sentencepiece")
# Where a container sees its own limit, "100000 100000" for one processor, or "max 100000".
CGROUP = Path("/sys/fs/cgroup/cpu.max")
M_TOP_PAD = -2  # of malloc.h
MEMORY_PIECE = 2**26  # bytes
_starting = threading.Lock()
_started = threading.Event()  # whether `start_keras` has started Keras


@contextlib.contextmanager
def show_messages(stream: TextIO | None = None) -> Iterator[None]:
    """Within the block, a stream gets what the package logs; "warning: " marks warnings.

    stream: stderr, if none is passed; in a notebook `sys.stdout` for what shall be stored.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_Formatter())
    logger = logging.getLogger("nmt")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        prefix = "warning: " if record.levelno >= logging.WARNING else ""
        return prefix + super().format(record)


@contextlib.contextmanager
def silence() -> Iterator[TextIO]:
    """Sends file descriptor 2 to nowhere: TensorFlow writes there whatever its log level is.

    Exceptions are raised as usual. Yields the stream that is still heard.
    """
    # Libraries in C++ know the descriptor, not sys.stderr.
    sys.stderr.flush()
    original = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with open(original, "w", encoding="utf-8", closefd=False) as heard:
            yield heard
    finally:
        os.dup2(original, 2)
        os.close(original)
        os.close(nowhere)


def keep_freed_memory() -> None:
    """Lets the C library get memory in large pieces, and keep one when it gives memory back.

    Else tensors of a training step are given back and got again, as pages of zeros: 4 % of a step.
    It is set for the whole process, before its first tensor.
    """
    # Linux with glibc has the function; elsewhere memory is got as usual.
    with contextlib.suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(M_TOP_PAD, MEMORY_PIECE)


def start_keras(
    threads: int = 0, intra_op_threads: int = 0, connect: Callable[[], None] | None = None
) -> None:
    """Imports Keras on TensorFlow, quietly; where that is done already, only connects.

    UserError that says what to install where they are not.
    threads: processor threads, 0 for all. intra_op_threads: threads inside one operation, 0 for
    `threads`; without `threads` it has no effect. A process that has computed something with
    TensorFlow keeps the threads it has. connect: what must come before the first operation. The
    environment variables that both packages read are set in nmt/__init__.py.
    """
    require(*KERAS)
    with _starting:
        first = not _started.is_set()
        if first:
            with silence():
                _import_keras(threads, intra_op_threads)
        if connect:
            connect()
        if first:
            with silence():
                import tensorflow as tf

                # The first operation prints messages, too.
                tf.constant(0) + 1
            _started.set()


def _import_keras(threads, intra_op_threads):
    import keras  # noqa: F401
    import tensorflow as tf

    # TensorFlow refuses to change either after its first operation.
    if threads:
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(intra_op_threads or threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
    # Else a process takes all memory of a GPU, and none can start beside it. A GPU that somebody
    # has divided has its limits.
    for gpu in gpus():
        with contextlib.suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)


def gpus() -> list[Any]:
    """The GPUs that TensorFlow can use here; UserError where it is not installed."""
    require(*KERAS)
    return _gpus()


@functools.cache
def _gpus():
    # The first time it prints messages.
    with silence():
        import tensorflow as tf

        return tf.config.list_physical_devices("GPU")


def cores() -> int:
    """Processors that this process may use: those of its mask, or what its container may take."""
    mask = hasattr(os, "sched_getaffinity")
    count = len(os.sched_getaffinity(0)) if mask else os.cpu_count() or 1
    return min(count, _container_limit(CGROUP) or count)


def _container_limit(path):
    """Processors that a container may take, rounded up; None without a limit (cgroup v2)."""
    try:
        quota, period = path.read_text().split()
        return max(1, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):  # no such file, or "max"
        return None


def about() -> dict[str, str]:
    """What figures measured here hold for: processor, system, versions."""
    # These imports take as long as all of `nmt --help`.
    import platform
    from importlib.metadata import version

    # Linux names the model; elsewhere Python may.
    name, flags = _processor()
    name = name or platform.processor() or platform.machine()
    known = " ".join(flag for flag in INSTRUCTION_SETS if flag in flags)
    installed = [package for package in PACKAGES if is_installed(package)]
    return {
        "processor": ", ".join(filter(None, [name, f"{os.cpu_count()} cores", known])),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in installed},
    }


def detect_precision() -> str:
    """ "bfloat16" where the GPUs or else the processor multiply it natively, else "float32"."""
    if devices := gpus():
        return "bfloat16" if all(map(_has_bfloat16, devices)) else "float32"
    _, flags = _processor()
    return "bfloat16" if flags & {"avx512_bf16", "amx_bf16"} else "float32"


def has_avx512() -> bool:
    """Whether the processor has AVX512, as far as is known: elsewhere than on Linux it is not."""
    return "avx512f" in _processor()[1]


def _has_bfloat16(gpu):
    """NVIDIA's GPUs have it from Ampere on."""
    import tensorflow as tf

    details = tf.config.experimental.get_device_details(gpu)
    return details.get("compute_capability", (0, 0)) >= (8, 0)


@functools.cache
def _processor():
    """Name and flags of the first core; empty where the system is not Linux."""
    fields: dict[str, str] = {}
    with (
        contextlib.suppress(OSError),
        open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file,
    ):
        for line in file:
            name, _, value = line.partition(":")
            fields.setdefault(name.strip(), value.strip())
    return fields.get("model name", ""), frozenset(fields.get("flags", "").split())
